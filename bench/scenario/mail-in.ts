import { watchInboxes } from '../load/mailboxes.ts'
import { smtpLoad } from '../load/smtp.ts'
import { rate, timed, type Scenario, type Stage } from '../scenario.ts'

/** Timed from the first connection until IMAP counts every letter in its mailbox. */
export async function mailIn(
  stage: Stage,
  load: { connections: number; messages: number; perConnection: number; octets: number },
): ReturnType<typeof timed> {
  const { server } = stage
  const readers = Array.from({ length: 10 }, (_, index) => stage.user(index))
  await using inboxes = await watchInboxes(server, readers)
  return await timed(server, async () => {
    await smtpLoad({
      port: server.ports.mx,
      signIn: null,
      ...load,
      to: (index) => readers[index % readers.length]!.address,
    })
    await inboxes.arrived(load.messages)
  })
}

export const scenario: Scenario = {
  name: 'mail-in',
  about: '4 KiB letters on port 25, 50 connections, one recipient each of ten; until IMAP counts them all',
  rounds: 3,
  warmUp: true,
  async run(stage) {
    const messages = stage.size(2000, 300)
    const shared = { connections: 50, messages, octets: 4096 }
    const kept = await mailIn(stage, { ...shared, perConnection: 100 })
    const each = await mailIn(stage, { ...shared, perConnection: 1 })
    return [rate('mail in, connections kept', messages, kept), rate('mail in, a connection for each', messages, each)]
  },
}
