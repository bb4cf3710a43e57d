/** Messages for tests: short to write, whole enough to keep. */
import type { AccountId, MailboxId, TraceId, Uid } from '../../model/ids.ts'
import type { UidRange } from '../../model/mailbox.ts'
import type { MessageSummary } from '../../model/message.ts'
import type { AccessKey, Commands, Credential, MessageDraft, RelayDraft, Store } from '../contract.ts'

export const ALL: readonly UidRange[] = [{ from: 1 as Uid, to: 4_294_967_295 as Uid }]
export const uid = (n: number): Uid => n as Uid
export const range = (from: number, to: number = from): UidRange => ({ from: from as Uid, to: to as Uid })
export const CREDENTIAL: Credential = { phc: '$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA', scram: null }
export const KEY: Omit<AccessKey, 'keyId' | 'lastUse'> = {
  kind: 'app-password',
  name: 'Phone',
  scope: ['imap', 'smtp'],
  secret: 'salt$hash',
  scram: null,
  createdAt: 1_780_000_000_000,
}
export const NOW = 1_790_000_000_000

export function summaryOf(sizeOctets: number, subject = 'A letter'): MessageSummary {
  const from = [{ name: 'Ann', mailbox: 'ann', host: 'a.example' }]
  return {
    sizeOctets,
    header: {
      date: 'Mon, 21 Sep 2026 10:00:00 +0000',
      subject,
      from,
      sender: from,
      replyTo: [],
      to: [{ name: null, mailbox: 'bob', host: 'b.example' }],
      cc: [],
      bcc: [],
      inReplyTo: null,
      messageId: '<1@a.example>',
    },
    root: {
      type: 'text',
      subtype: 'plain',
      parameters: [['charset', 'utf-8']],
      contentId: null,
      description: null,
      encoding: '7bit',
      disposition: null,
      language: [],
      location: null,
      md5: null,
      headerStart: 0,
      bodyStart: 10,
      bodyEnd: sizeOctets,
      lines: 1,
      parts: [],
      message: null,
    },
    references: ['<0@a.example>'],
    sentAt: NOW,
    preview: subject,
  }
}

/** Stages content, in two pieces when there are two octets. */
export async function draft(store: Store, content: string | Uint8Array): Promise<MessageDraft> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const sink = store.stage()
  const middle = bytes.length >> 1
  await sink.write(bytes.subarray(0, middle))
  await sink.write(bytes.subarray(middle))
  return {
    body: await sink.finish(),
    summary: summaryOf(bytes.length, bytes.length < 100 ? String(content) : undefined),
  }
}

export const relayTo = (destination: string, more: Partial<RelayDraft> = {}): RelayDraft => ({
  destination,
  envelope: {
    reversePath: { localPart: 'ann', domain: 'a.example' },
    body: '7BIT',
    smtputf8: false,
    requireTls: false,
  },
  recipients: [{ address: { localPart: 'zoe', domain: destination } }],
  skipOctets: 0,
  expiresAt: NOW + 1_000_000,
  nextAttemptAt: NOW,
  senderVerified: true,
  ...more,
})

export async function accept(store: Store, content: string | Uint8Array, to: Partial<Commands['accept']['input']>) {
  return store.run({
    do: 'accept',
    message: await draft(store, content),
    traceId: 'trace' as TraceId,
    acceptedAt: NOW,
    local: [],
    relay: [],
    ...to,
  })
}

export async function deliver(store: Store, accountId: AccountId, content: string | Uint8Array): Promise<Uid> {
  const outcome = await accept(store, content, { local: [{ accountId, mailbox: 'INBOX', flags: [] }] })
  const first = outcome.at === 'accepted' ? outcome.local[0] : null
  if (first === null || first === undefined) throw new Error('not delivered')
  return first.uid
}

/** `a.example` with an account: INBOX and Sent. */
export async function account(store: Store, localPart = 'ann', quotaOctets: number | null = null): Promise<AccountId> {
  await store.run({ do: 'addDomain', name: 'a.example' })
  const outcome = await store.run({
    do: 'addAccount',
    address: { localPart, domain: 'a.example' },
    credential: CREDENTIAL,
    quotaOctets,
    mailboxes: [{ name: 'Sent', specialUse: 'Sent' }],
    now: NOW,
  })
  if (outcome.at !== 'done') throw new Error(outcome.at)
  return outcome.accountId
}

export async function mailboxId(store: Store, accountId: AccountId, name = 'INBOX'): Promise<MailboxId> {
  const found = await store.mail.mailboxByName(accountId, name)
  if (found === null) throw new Error(`no ${name}`)
  return found.mailboxId
}

export async function collect<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = []
  for await (const batch of batches) all.push(...batch)
  return all
}
