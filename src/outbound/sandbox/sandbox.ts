import { printAddress, printPath } from '../../format/address/address.ts'
import type { Mailboxes } from '../../core/contract.ts'
import type { MailboxId } from '../../model/ids.ts'
import type { QueueEntry } from '../../model/queue.ts'
import type { OutgoingContent, Sandbox } from '../contract.ts'

export const SANDBOX_MAILBOX = 'Sandbox'
const SLICE_OCTETS = 64 * 1024

async function findOrCreate(mailboxes: Mailboxes): Promise<MailboxId> {
  const found = await mailboxes.find(SANDBOX_MAILBOX)
  if (found !== null) return found.mailboxId
  const made = await mailboxes.create(SANDBOX_MAILBOX, null)
  if (made.at === 'done') {
    await mailboxes.setSubscribed(SANDBOX_MAILBOX, true)
    return made.mailboxId
  }
  const again = await mailboxes.find(SANDBOX_MAILBOX)
  if (again === null) throw new Error(`the sandbox mailbox could not be made: ${made.at}`)
  return again.mailboxId
}

/** Where the message would have gone, for who reads it. */
function envelopeHeader(entry: QueueEntry): string {
  const waiting = entry.recipients.filter(({ state }) => state.at === 'waiting')
  const lines = [
    `Return-Path: ${printPath(entry.envelope.reversePath)}`,
    ...waiting.map(({ address }) => `X-Original-To: ${printAddress(address)}`),
  ]
  return `${lines.join('\r\n')}\r\n`
}

/**
 * Keeps mail for foreign addresses in a `Sandbox` mailbox of one account, made when missing.
 * @param options.open the account's mailboxes, or null when there is no such account now
 */
export function createSandbox(options: { open(): Promise<Mailboxes | null> }): Sandbox {
  return {
    async deliver(entry: QueueEntry, content: OutgoingContent) {
      const mailboxes = await options.open()
      if (mailboxes === null) throw new Error('the account of the sandbox is gone')
      const mailboxId = await findOrCreate(mailboxes)
      const sink = mailboxes.open()
      try {
        await sink.write(Buffer.from(envelopeHeader(entry)))
        for (let at = 0; at < content.sizeOctets; at += SLICE_OCTETS) {
          await sink.write(await content.read(at, Math.min(at + SLICE_OCTETS, content.sizeOctets)))
        }
      } catch (error) {
        await sink.abort()
        throw error
      }
      const message = await sink.finish()
      if ('at' in message) throw new Error(`the sandbox cannot take the message: ${message.why}`)
      const outcome = await mailboxes.append(mailboxId, [{ message, flags: [], internalDate: null }])
      if (outcome.at !== 'done') throw new Error(`the sandbox cannot take the message: ${outcome.at}`)
      return { code: 250, status: '2.0.0', text: `Kept in ${SANDBOX_MAILBOX} instead of being sent`, remote: null }
    },
  }
}
