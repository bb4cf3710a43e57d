/** New messages: `accept` (deliveries and queue entries of one message) and `append`. */
import { assert } from '../../../std/assert.ts'
import type { AccountId, MailboxId, MessageKey, ModSeq, QueueId, Uid } from '../../../model/ids.ts'
import type { AcceptOutcome, LocalDelivery, Remembered } from '../../contract.ts'
import type { Database } from '../database.ts'
import { DELETED, joinKeywords, SEEN, splitFlags } from '../flags.ts'
import { bodyOctets, type PreparedAccept } from '../prepared.ts'
import { type Handlers, messageId, type Work } from '../work.ts'
import { sendingCount } from './sending.ts'
import { threadRows } from './threads.ts'
import { type AccountRow, type Counts, type MailboxRow, type MailboxRows, overQuota } from './mailbox-rows.ts'
import type { Removal } from './transfer.ts'

type NewEntry = {
  readonly uid: number
  readonly modSeq: ModSeq
  readonly bits: number
  readonly keywords: string
  readonly internalDate: number
  readonly savedAt: number
  readonly sizeOctets: number
  readonly messageKey: number
}

const countsOf = (bits: number, octets: number): Counts => ({
  messages: 1,
  unseen: (bits & SEEN) === 0 ? 1 : 0,
  deleted: (bits & DELETED) === 0 ? 0 : 1,
  octets,
})

export function intakeHandlers(db: Database, rows: MailboxRows, removal: Removal): Handlers<'accept' | 'append'> {
  const threads = threadRows(db)
  const count = sendingCount(db)
  const insertMessage = db.prepare('INSERT INTO message (message_id, body_id, entries, summary) VALUES (?, ?, ?, ?)')
  const insertEntry = db.prepare(
    `INSERT INTO entry (account_id, mailbox_id, uid, mod_seq, flags, keywords, internal_date, saved_at, size_octets, message_key)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertQueued = db.prepare<[number]>(
    `INSERT INTO queue (trace_id, destination, envelope, recipients, body_id, skip_octets, size_octets, accepted_at,
       expires_at, next_attempt_at, sender_verified, due_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING queue_id`,
  )

  const insertRemembered = db.prepare(
    `INSERT INTO remembered (account_id, what, key, until) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET until = max(until, excluded.until)`,
  )
  const forget = db.prepare('DELETE FROM remembered WHERE account_id = ? AND until <= ?')

  const addEntry = (accountId: AccountId, mailboxId: MailboxId, entry: NewEntry): void => {
    const { uid, modSeq, bits, keywords, internalDate, savedAt, sizeOctets, messageKey } = entry
    insertEntry.run(accountId, mailboxId, uid, modSeq, bits, keywords, internalDate, savedAt, sizeOctets, messageKey)
  }

  const wanted = (accountId: AccountId, mailbox: LocalDelivery['mailbox']): MailboxRow | null => {
    if (mailbox === 'INBOX') return null
    return typeof mailbox === 'string'
      ? rows.findBySpecialUse(accountId, mailbox)
      : rows.find(accountId, mailbox.mailboxId)
  }

  const target = ({ accountId, mailbox }: LocalDelivery): MailboxRow => {
    const found = wanted(accountId, mailbox) ?? rows.findByName(accountId, 'INBOX')
    assert(found !== null, 'an account has an inbox')
    return found
  }

  /** One account's deliveries of a message share its row. */
  function deliver(input: PreparedAccept, bodyId: number, known: ReadonlyMap<AccountId, AccountRow>, work: Work) {
    const sizeOctets = bodyOctets(input.message.body)
    const keys = new Map<AccountId, { messageKey: number; entries: number }>()
    const delivered = input.local.map((delivery) => {
      const { accountId } = delivery
      const account = known.get(accountId)
      if (account === undefined) return null
      const { mailboxId, name, uidValidity } = target(delivery)
      const before = keys.get(accountId)
      const added = { octets: sizeOctets, messages: 1, keys: before === undefined ? 1 : 0 }
      const { modSeq, firstKey } = rows.nextChange(accountId, added)
      const message = before ?? { messageKey: firstKey, entries: 0 }
      keys.set(accountId, { ...message, entries: message.entries + 1 })
      const { bits, keywords } = splitFlags(delivery.flags)
      // A mailbox that has all the keywords it may have still takes mail, without new ones.
      const canon = joinKeywords(rows.canonKeywords(accountId, mailboxId, keywords) ?? [])
      const uid = rows.change({ accountId, mailboxId, modSeq }, countsOf(bits, sizeOctets), 1)
      const { messageKey } = message
      const at = input.acceptedAt
      addEntry(accountId, mailboxId, {
        uid,
        modSeq,
        bits,
        keywords: canon,
        internalDate: at,
        savedAt: at,
        sizeOctets,
        messageKey,
      })
      work.mailboxChanged(accountId, mailboxId, modSeq)
      return {
        outcome: { mailboxId, uid: uid as Uid },
        meta: {
          accountId,
          account: account.address,
          mailboxId,
          mailbox: name,
          uidValidity,
          uid,
          flags: delivery.flags,
        },
      }
    })
    for (const [accountId, { messageKey, entries }] of keys) {
      insertMessage.run(messageId(accountId, messageKey), bodyId, entries, input.message.summary)
      threads.note(accountId, messageKey, input.message.thread)
    }
    return { delivered, messages: keys.size }
  }

  function enqueue(input: PreparedAccept, bodyId: number): QueueId[] {
    const size = bodyOctets(input.message.body)
    return input.relay.map((draft) => {
      const recipients = draft.recipients.map((recipient, index) => ({
        ...recipient,
        index,
        state: { at: 'waiting' },
        lastAnswer: null,
      }))
      const row = insertQueued.get(
        input.traceId,
        draft.destination,
        JSON.stringify(draft.envelope),
        JSON.stringify(recipients),
        bodyId,
        draft.skipOctets,
        size - draft.skipOctets,
        input.acceptedAt,
        draft.expiresAt,
        draft.nextAttemptAt,
        draft.senderVerified ? 1 : 0,
        draft.nextAttemptAt,
      )
      assert(row !== undefined, 'an insert returns its id')
      return row[0] as QueueId
    })
  }

  function remember({ accountId, what, key, until }: Remembered, now: number): void {
    forget.run(accountId, now)
    // Of an account that is gone since, nothing is kept.
    if (rows.account(accountId) !== null) insertRemembered.run(accountId, what, key, until)
  }

  /** Whether all that these would go to are accounts without room for them. */
  function nobodyHasRoom(inputs: readonly PreparedAccept[]): boolean {
    if (inputs.some(({ relay }) => relay.length > 0)) return false
    const room = inputs.flatMap(({ message, local }) =>
      local.flatMap(({ accountId }) => {
        const account = rows.account(accountId)
        return account === null ? [] : [!overQuota(account, { octets: bodyOctets(message.body), messages: 1 })]
      }),
    )
    return room.length > 0 && !room.includes(true)
  }

  /** Whether there is room has been asked: what one part of a letter may go to is not kept from another. */
  function acceptOne(input: PreparedAccept, work: Work): Extract<AcceptOutcome, { at: 'accepted' }> {
    const known = new Map<AccountId, AccountRow>()
    for (const { accountId } of input.local) {
      const account = known.has(accountId) ? null : rows.account(accountId)
      if (account !== null) known.set(accountId, account)
    }
    const bodyId = work.newBody()
    const { delivered, messages } = deliver(input, bodyId, known, work)
    const queueIds = enqueue(input, bodyId)
    if (messages + queueIds.length > 0) {
      work.keepBody(bodyId, input.message.body, messages + queueIds.length, {
        traceId: input.traceId,
        acceptedAt: input.acceptedAt,
        local: delivered.filter((delivery) => delivery !== null).map(({ meta }) => meta),
        relay: input.relay.map((draft, i) => ({ queueId: queueIds[i], ...draft })),
      })
    }
    if (queueIds.length > 0) work.notice({ kind: 'queue' })
    return { at: 'accepted', local: delivered.map((delivery) => delivery?.outcome ?? null), queueIds }
  }

  return {
    accept({ further = [], remember: all = [], sentBy, ...input }, work): AcceptOutcome {
      // A letter that goes nowhere as it came (a filter has edited it, or dropped it) is what it has become.
      const isSent = input.local.length + input.relay.length > 0
      if (nobodyHasRoom(isSent ? [input] : further)) return { at: 'over-quota' }
      if (sentBy !== undefined && !count(sentBy)) return { at: 'over-limit' }
      const outcome = acceptOne(input, work)
      for (const one of further) acceptOne(one, work)
      for (const one of all) remember(one, input.acceptedAt)
      return outcome
    },

    append({ accountId, mailboxId, messages, replaces, now }, work) {
      const mailbox = rows.find(accountId, mailboxId)
      const account = rows.account(accountId)
      if (mailbox === null || account === null) return { at: 'not-found' }
      const octets = messages.reduce((sum, { body }) => sum + bodyOctets(body), 0)
      const replaced = replaces === undefined ? null : removal.weigh(replaces, replaces.uid)
      if (replaces !== undefined && replaced === null) return { at: 'gone' }
      const isHere = replaces?.accountId === accountId
      const more = {
        octets: octets - (isHere ? (replaced ?? 0) : 0),
        messages: messages.length - (isHere ? 1 : 0),
      }
      // RFC 8508 §3.4: what is net no more fits, also where too much is kept already.
      if ((more.octets > 0 || more.messages > 0) && overQuota(account, more)) return { at: 'over-quota' }
      const split = messages.map(({ flags }) => splitFlags(flags))
      const canon: string[] = []
      for (const { keywords } of split) {
        const names = rows.canonKeywords(accountId, mailboxId, keywords)
        if (names === null) return { at: 'too-many-keywords' }
        canon.push(joinKeywords(names))
      }
      const { modSeq, firstKey } = rows.nextChange(accountId, { ...more, keys: messages.length })
      const uids = messages.map(({ body, summary, thread, internalDate, flags }, i) => {
        const bits = split[i]?.bits ?? 0
        const sizeOctets = bodyOctets(body)
        const uid = rows.change({ accountId, mailboxId, modSeq }, countsOf(bits, sizeOctets), 1)
        const messageKey = (firstKey + i) as MessageKey
        const entry = { uid, modSeq, bits, internalDate, savedAt: now, sizeOctets, messageKey }
        addEntry(accountId, mailboxId, { ...entry, keywords: canon[i] ?? '' })
        const bodyId = work.newBody()
        insertMessage.run(messageId(accountId, messageKey), bodyId, 1, summary)
        threads.note(accountId, messageKey, thread)
        const { name, uidValidity } = mailbox
        const place = { accountId, account: account.address, mailboxId, mailbox: name, uidValidity, uid, flags }
        work.keepBody(bodyId, body, 1, { acceptedAt: now, local: [{ ...place, internalDate }], relay: [] })
        return uid as Uid
      })
      work.mailboxChanged(accountId, mailboxId, modSeq)
      if (replaces !== undefined) {
        const less = { octets: -(replaced ?? 0), messages: -1, keys: 0 }
        const change = isHere ? { modSeq } : rows.nextChange(replaces.accountId, less)
        removal.takeOut({ ...replaces, modSeq: change.modSeq }, replaces.uid, work)
      }
      return { at: 'done', uidValidity: mailbox.uidValidity, uids, modSeq }
    },
  }
}
