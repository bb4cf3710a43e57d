/** Routes that bring letters into an account: for imports, and for restoring a part of a backup. */
import * as v from 'valibot'
import { never } from '../../std/assert.ts'
import type { Directory, AccountRef, AppendDraft, Mailboxes } from '../../core/contract.ts'
import { BadFrames, unpackLetters } from '../transfer/frames.ts'
import type { LetterOutcome } from '../transfer/import.ts'
import { type AdminAnswer, type AdminParts, type AdminRoute, done, refused, route } from './api.ts'

/** An account's mailboxes by its address, for the administrator: no proof is asked. */
export const mailboxesOf =
  (core: { readonly directory: Directory; openMailboxes(account: AccountRef): Mailboxes }): AdminParts['mailboxesOf'] =>
  async (address) => {
    const account = await core.directory.account(address)
    return account === null ? null : core.openMailboxes({ accountId: account.accountId, address: account.address })
  }

const stream = v.custom<AsyncIterable<Uint8Array>>(
  (value) => typeof value === 'object' && value !== null && Symbol.asyncIterator in value,
  'application/octet-stream is wanted',
)

const noUser = (address: string): AdminAnswer =>
  refused(404, `there is no user ${address}`, `gavan user add ${address}; see gavan user list`)

/** Missing parents are made, and each new mailbox is subscribed, so that mail programs show it. */
async function create(mailboxes: Mailboxes, name: string): Promise<AdminAnswer> {
  const before = new Set((await mailboxes.list()).map((one) => one.name))
  const outcome = await mailboxes.create(name, null)
  if (outcome.at === 'bad-name') return refused(422, `mailbox "${name}": ${outcome.why}`, null)
  if (outcome.at === 'too-many') return refused(422, 'the account has too many mailboxes', null)
  for (const made of await mailboxes.list()) {
    if (!before.has(made.name)) await mailboxes.setSubscribed(made.name, true)
  }
  return done({ created: outcome.at === 'done' })
}

/** All letters of the stream in one commit, but those that cannot be kept as letters. */
async function append(mailboxes: Mailboxes, name: string, letters: AsyncIterable<Uint8Array>): Promise<AdminAnswer> {
  const mailbox = await mailboxes.find(name)
  if (mailbox === null) return refused(404, `there is no mailbox ${name}`, null)
  const drafts: AppendDraft[] = []
  const outcomes: LetterOutcome[] = []
  let kept = false
  try {
    for await (const { flags, internalDate, content } of unpackLetters(letters)) {
      const message = await staged(mailboxes, content)
      if ('at' in message) outcomes.push(message)
      else {
        outcomes.push({ at: 'done' })
        drafts.push({ message, flags, internalDate })
      }
    }
    if (drafts.length === 0) return done({ letters: outcomes })
    kept = true // Used up, whatever comes of it.
    const outcome = await mailboxes.append(mailbox.mailboxId, drafts)
    switch (outcome.at) {
      case 'done':
        return done({ letters: outcomes })
      case 'not-found':
      case 'denied':
        return refused(404, `there is no mailbox ${name}`, null)
      case 'over-quota':
        return refused(409, 'the quota of the account is used up', 'gavan user quota ADDRESS SIZE')
      case 'too-many-keywords':
        return refused(422, `too many different keywords in ${name}`, 'remove some, or import with --no-keywords')
      default:
        return never(outcome)
    }
  } catch (error) {
    if (error instanceof BadFrames) return refused(400, error.message, null)
    throw error
  } finally {
    if (!kept) await Promise.all(drafts.map(({ message }) => mailboxes.discard(message)))
  }
}

async function staged(mailboxes: Mailboxes, content: AsyncIterable<Uint8Array>) {
  const sink = mailboxes.open()
  try {
    for await (const chunk of content) await sink.write(chunk)
    return await sink.finish()
  } catch (error) {
    await sink.abort()
    throw error
  }
}

export const MESSAGE_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'POST',
    path: '/v1/users/:address/mailboxes',
    summary: 'Make a mailbox with its parents, subscribed; one that exists is left as it is',
    body: v.strictObject({ name: v.string() }),
    async run(parts, { address = '' }, { name }) {
      const mailboxes = await parts.mailboxesOf(address)
      return mailboxes === null ? noUser(address) : create(mailboxes, name)
    },
  }),
  route({
    method: 'POST',
    path: '/v1/users/:address/mailboxes/:mailbox/messages',
    summary: 'Append letters, with flags and dates, in one commit (application/octet-stream; transfer/frames.ts)',
    body: stream,
    async run(parts, { address = '', mailbox = '' }, letters) {
      const mailboxes = await parts.mailboxesOf(address)
      return mailboxes === null ? noUser(address) : append(mailboxes, mailbox, letters)
    },
  }),
]
