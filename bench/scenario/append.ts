import { openImap } from '../load/imap.ts'
import { makeLetter } from '../load/letter.ts'
import { pool } from '../load/pool.ts'
import { rate, timed, type Scenario, type Stage } from '../scenario.ts'

async function append(stage: Stage, connections: number, messages: number): ReturnType<typeof timed> {
  const { server } = stage
  const clients = await Promise.all(
    Array.from({ length: connections }, (_, index) => openImap(server.ports.imaps, stage.user(10 + index))),
  )
  const time = await timed(server, () => {
    const free = [...clients]
    return pool({
      count: connections,
      jobs: messages,
      worker: async (next) => {
        const client = free.pop()!
        while (next() !== null) await client.append('INBOX', [makeLetter(4096)])
      },
    })
  })
  for (const client of clients) client.close()
  return time
}

export const scenario: Scenario = {
  name: 'append',
  about: 'IMAP APPEND of 4 KiB letters over TLS, the next one after the OK of the last; each connection its own user',
  rounds: 3,
  warmUp: true,
  async run(stage) {
    const one = stage.size(300, 50)
    const twenty = stage.size(3000, 300)
    const alone = await append(stage, 1, one)
    const together = await append(stage, 20, twenty)
    return [rate('APPEND, 1 connection', one, alone), rate('APPEND, 20 connections', twenty, together)]
  },
}
