import { watchInboxes } from '../load/mailboxes.ts'
import { smtpLoad } from '../load/smtp.ts'
import { rate, timed, type Scenario, type Stage } from '../scenario.ts'

async function submit(stage: Stage, messages: number, perConnection: number): ReturnType<typeof timed> {
  const { server } = stage
  const readers = Array.from({ length: 10 }, (_, index) => stage.user(index))
  await using inboxes = await watchInboxes(server, readers)
  return await timed(server, async () => {
    await smtpLoad({
      port: server.ports.submission,
      signIn: Array.from({ length: 20 }, (_, index) => stage.user(10 + index)),
      connections: 20,
      messages,
      perConnection,
      to: (index) => readers[index % readers.length]!.address,
      octets: 4096,
    })
    await inboxes.arrived(messages)
  })
}

export const scenario: Scenario = {
  name: 'submission',
  about: '4 KiB letters on port 587 with STARTTLS and AUTH, 20 connections of 20 users; until IMAP counts them all',
  rounds: 3,
  warmUp: true,
  async run(stage) {
    const many = stage.size(2000, 300)
    const few = stage.size(1000, 100)
    const kept = await submit(stage, many, 100)
    const each = await submit(stage, few, 1)
    return [rate('submission, connections kept', many, kept), rate('submission, a connection for each', few, each)]
  },
}
