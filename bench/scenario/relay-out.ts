import { startSink } from '../load/sink.ts'
import { smtpLoad } from '../load/smtp.ts'
import { rate, timed, type Scenario } from '../scenario.ts'
import { FOREIGN_DOMAINS } from '../server/server.ts'

export const scenario: Scenario = {
  name: 'relay-out',
  about: '4 KiB letters submitted over 20 connections for five domains elsewhere; until the sink has them all',
  rounds: 3,
  warmUp: true,
  async run(stage) {
    const { server } = stage
    const messages = stage.size(1500, 200)
    await using sink = await startSink(server.sinkPort)
    const time = await timed(server, async () => {
      await smtpLoad({
        port: server.ports.submission,
        signIn: Array.from({ length: 20 }, (_, index) => stage.user(10 + index)),
        connections: 20,
        messages,
        perConnection: 100,
        to: (index) => `reader${index}@${FOREIGN_DOMAINS[index % FOREIGN_DOMAINS.length]}`,
        octets: 4096,
      })
      await sink.taken(messages)
    })
    return [rate('relay out to a sink', messages, time)]
  },
}
