import { pool } from '../load/pool.ts'
import { openWire } from '../load/wire.ts'
import { rate, timed, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  name: 'handshakes',
  about:
    'full TLS 1.3 handshakes (P-256) on port 993, 8 at once, until the greeting; the client uses more CPU than the server',
  rounds: 3,
  warmUp: true,
  async run(stage) {
    const { server } = stage
    const handshakes = stage.size(1000, 100)
    const time = await timed(server, () =>
      pool({
        count: 8,
        jobs: handshakes,
        worker: async (next) => {
          while (next() !== null) {
            const wire = await openWire({ port: server.ports.imaps, tls: true })
            await wire.line()
            wire.close()
          }
        },
      }),
    )
    return [rate('TLS 1.3 handshakes', handshakes, time, 'handshakes/s')]
  },
}
