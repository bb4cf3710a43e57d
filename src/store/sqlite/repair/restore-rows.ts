/** Rows that the damaged database does not tell any more, from what the records of the bodies tell. */
import type { MessageSummary } from '../../../model/message.ts'
import type { Files } from '../../files.ts'
import type { Database } from '../database.ts'
import { joinKeywords, splitFlags } from '../flags.ts'
import { segmentPath } from '../paths.ts'
import { encodeSummary } from '../summary-codec.ts'
import { messageId } from '../work.ts'
import type { FoundBody, Placed, RecordMeta } from './records.ts'

export type Restored = {
  /** Addresses; their passwords are gone and have to be set anew. */
  readonly accounts: readonly string[]
  readonly mailboxes: readonly string[]
  readonly entries: number
  /** Of them, those that had been moved or deleted, which is not told apart: in a mailbox of their own. */
  readonly recovered: number
  readonly messages: number
  /** Mail that may have left already: it is held until somebody looks. */
  readonly queued: number
}

/** UIDs that copies had are told nowhere: a mailbox whose row was lost goes on well above (R24). */
const UID_GAP = 1_000_000

/** Ids of mailboxes that records yet to be read may name lie below. */
const MAILBOX_GAP = 1_000_000
const RECOVERED = 'Recovered'

/** No password fits. */
const LOCKED = JSON.stringify({ phc: '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$bG9ja2Vk', scram: null })

export function restoreRows(options: {
  db: Database
  dataDir: string
  files: Files
  bodies: readonly FoundBody[]
  /** Tables of which some rows could not be read. */
  lossy: ReadonlySet<string>
  summarize: (message: Uint8Array) => MessageSummary
  progress: (done: number) => void
}): Restored {
  const { db, dataDir, files, bodies, lossy, summarize, progress } = options
  const restored = {
    accounts: [] as string[],
    mailboxes: [] as string[],
    entries: 0,
    recovered: 0,
    messages: 0,
    queued: 0,
  }
  if (lossy.size === 0) return restored

  const findBody = db.prepare<[number]>('SELECT body_id FROM body WHERE segment_id = ? AND offset = ?')
  const bodyThere = db.prepare('SELECT 1 FROM body WHERE body_id = ?')
  const insertBody = db.prepare(
    'INSERT OR IGNORE INTO body (body_id, segment_id, offset, length, crc32, record_octets, refs) VALUES (?, ?, ?, ?, ?, ?, 0)',
  )
  const findAccount = db.prepare('SELECT 1 FROM account WHERE account_id = ?')
  const insertDomain = db.prepare('INSERT OR IGNORE INTO domain (name) VALUES (?)')
  const insertAccount = db.prepare(
    'INSERT INTO account (account_id, local_part, domain, credential) VALUES (?, ?, ?, ?)',
  )
  const insertAddress = db.prepare(
    'INSERT OR IGNORE INTO address (domain, local_key, local_part, account_id) VALUES (?, ?, ?, ?)',
  )
  const findMailbox = db.prepare('SELECT 1 FROM mailbox WHERE account_id = ? AND mailbox_id = ?')
  const nameTaken = db.prepare('SELECT 1 FROM mailbox WHERE account_id = ? AND name = ?')
  const insertMailbox = db.prepare(
    'INSERT INTO mailbox (account_id, mailbox_id, name, uid_validity, uid_next, highest_mod_seq) VALUES (?, ?, ?, ?, ?, 1)',
  )
  const raiseUidNext = db.prepare(
    'UPDATE mailbox SET uid_next = max(uid_next, ?) WHERE account_id = ? AND mailbox_id = ?',
  )
  const mailboxNamed = db.prepare<[number, number]>(
    'SELECT mailbox_id, uid_next FROM mailbox WHERE account_id = ? AND name = ?',
  )
  const newestMailbox = db.prepare<[number]>(
    `SELECT max(coalesce((SELECT next_mailbox_id FROM account WHERE account_id = ?1), 1),
       coalesce((SELECT max(mailbox_id) + 1 FROM mailbox WHERE account_id = ?1), 1), ${MAILBOX_GAP})`,
  )
  const newestValidity = db.prepare<[number]>(
    'SELECT max(uid_validity) + 1 FROM (SELECT uid_validity FROM account WHERE account_id = ?1 UNION ALL SELECT uid_validity FROM mailbox WHERE account_id = ?1)',
  )
  const findEntry = db.prepare<[number]>(
    'SELECT message_key FROM entry WHERE account_id = ? AND mailbox_id = ? AND uid = ?',
  )
  const wasExpunged = db.prepare(
    'SELECT 1 FROM expunged WHERE account_id = ? AND mailbox_id = ? AND ? BETWEEN first_uid AND last_uid',
  )
  const insertEntry = db.prepare(
    `INSERT INTO entry (account_id, mailbox_id, uid, mod_seq, flags, keywords, internal_date, saved_at, size_octets, message_key)
     VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?)`,
  )
  const addKeyword = db.prepare(
    'INSERT OR IGNORE INTO keyword (account_id, mailbox_id, name_key, name) VALUES (?, ?, ?, ?)',
  )
  const findMessage = db.prepare<[number]>('SELECT body_id FROM message WHERE message_id = ?')
  const messagesOfBody = db.prepare<[number]>('SELECT message_id FROM message WHERE body_id = ?')
  const placesOf = db.prepare<[number]>('SELECT count(*) FROM entry WHERE account_id = ? AND message_key = ?')
  const insertMessage = db.prepare('INSERT INTO message (message_id, body_id, entries, summary) VALUES (?, ?, 0, ?)')
  const newestKey = db.prepare<[number]>(
    `SELECT max(coalesce((SELECT next_message_key FROM account WHERE account_id = ?1), 1),
       coalesce((SELECT max(message_key) + 1 FROM entry WHERE account_id = ?1), 1),
       coalesce((SELECT max(message_id) + 1 - ?1 * 4294967296 FROM message WHERE message_id BETWEEN ?1 * 4294967296 AND ?1 * 4294967296 + 4294967295), 1))`,
  )
  const raiseKey = db.prepare('UPDATE account SET next_message_key = ? WHERE account_id = ?')
  const findQueued = db.prepare('SELECT 1 FROM queue WHERE queue_id = ?')
  const insertQueued = db.prepare(
    `INSERT INTO queue (queue_id, trace_id, destination, envelope, recipients, body_id, skip_octets, size_octets, accepted_at,
       expires_at, next_attempt_at, sender_verified, held, due_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)`,
  )
  let [nextBodyId] = db
    .prepare<[number]>(
      'SELECT max(coalesce((SELECT max(body_id) FROM body), 0), coalesce((SELECT max(body_id) FROM message), 0), coalesce((SELECT max(body_id) FROM queue), 0)) + 1',
    )
    .get() ?? [1]
  const orphans = orphansOf(db)
  const rowsAreLost = lossy.has('entry') || lossy.has('message') || lossy.has('mailbox') || lossy.has('account')

  const summaryOf = (body: FoundBody): string => {
    const bytes = Buffer.alloc(body.length)
    const fd = files.openRead(segmentPath(dataDir, body.segmentId))
    try {
      files.read(fd, bytes, body.offset)
    } finally {
      files.close(fd)
    }
    return encodeSummary(summarize(bytes))
  }

  /** @returns whether mail may be put there: what an administrator or a person removed stays removed */
  function accountIsThere({ accountId, account }: Placed): boolean {
    if (findAccount.get(accountId) !== undefined) return true
    if (!lossy.has('account')) return false
    const at = account.lastIndexOf('@')
    const [localPart, domain] = [account.slice(0, at), account.slice(at + 1)]
    insertDomain.run(domain)
    insertAccount.run(accountId, localPart, domain, LOCKED)
    insertAddress.run(domain, localPart.toLowerCase(), localPart, accountId)
    restored.accounts.push(account)
    return true
  }

  function mailboxIsThere({ accountId, mailboxId, mailbox, uidValidity, uid, account }: Placed): boolean {
    if (findMailbox.get(accountId, mailboxId) === undefined) {
      if (!lossy.has('mailbox')) return false
      let name = mailbox
      for (let n = 2; nameTaken.get(accountId, name) !== undefined; n++) name = `${mailbox} ${n}`
      insertMailbox.run(accountId, mailboxId, name, uidValidity, UID_GAP)
      restored.mailboxes.push(`${account}: ${name}`)
    }
    raiseUidNext.run(uid + 1, accountId, mailboxId)
    return true
  }

  /** The id of this body's row, made if there is none. @param wanted under which messages name it already */
  function bodyRow(body: FoundBody, wanted: number | null): number {
    const known = findBody.get(body.segmentId, body.offset)?.[0]
    if (known !== undefined) return known
    const bodyId = wanted ?? nextBodyId++
    insertBody.run(bodyId, body.segmentId, body.offset, body.length, body.crc32, body.recordOctets)
    return bodyId
  }

  function restoreMessage(accountId: number, messageKey: number, body: FoundBody): void {
    const id = messageId(accountId, messageKey)
    const bodyId = findMessage.get(id)?.[0]
    if (bodyId === undefined) {
      insertMessage.run(id, bodyRow(body, null), summaryOf(body))
      restored.messages += 1
    } else if (bodyThere.get(bodyId) === undefined) bodyRow(body, bodyId)
  }

  function restorePlaced(placed: Placed, meta: RecordMeta, body: FoundBody, keys: Map<number, number>): void {
    const { accountId, mailboxId, uid } = placed
    if (!accountIsThere(placed) || !mailboxIsThere(placed)) return
    const found = findEntry.get(accountId, mailboxId, uid)?.[0]
    if (found !== undefined) return restoreMessage(accountId, found, body)
    const date = placed.internalDate ?? meta.acceptedAt
    const moved = orphans.take(accountId, body.length, date)
    if (moved !== undefined) return restoreMessage(accountId, moved, body)
    if (!lossy.has('entry') && !lossy.has('mailbox') && !lossy.has('account')) return // It was expunged or moved.
    const message = messageOf(accountId, body)
    if (message !== null && message.places > 0 && !keys.has(accountId)) return // It was moved, or copied.
    // Moved to a place that is told no more, or deleted: it cannot be known which, and no UID is given twice.
    const gone = wasExpunged.get(accountId, mailboxId, uid) !== undefined
    const to = gone ? recoveredMailbox(placed) : { mailboxId, uid }
    let key = keys.get(accountId) ?? message?.key
    if (key === undefined) {
      key = newestKey.get(accountId)?.[0] ?? 1
      raiseKey.run(key + 1, accountId)
    }
    keys.set(accountId, key)
    restoreMessage(accountId, key, body)
    const { bits, keywords } = splitFlags(placed.flags)
    for (const keyword of keywords) addKeyword.run(accountId, to.mailboxId, keyword.toLowerCase(), keyword)
    insertEntry.run(
      accountId,
      to.mailboxId,
      to.uid,
      bits,
      joinKeywords(keywords),
      date,
      meta.acceptedAt,
      body.length,
      key,
    )
    restored.entries += 1
    if (gone) restored.recovered += 1
  }

  /** A mailbox for such letters, made when the first one comes, and the next UID in it. */
  function recoveredMailbox({ accountId, account }: Placed): { mailboxId: number; uid: number } {
    const found = mailboxNamed.get(accountId, RECOVERED)
    const mailboxId = found?.[0] ?? newestMailbox.get(accountId)?.[0] ?? 1
    const [uid, validity] = [found?.[1] ?? 1, newestValidity.get(accountId)?.[0] ?? 1]
    if (found === undefined) {
      insertMailbox.run(accountId, mailboxId, RECOVERED, validity, 1)
      restored.mailboxes.push(`${account}: ${RECOVERED}`)
    }
    raiseUidNext.run(uid + 1, accountId, mailboxId)
    return { mailboxId, uid }
  }

  /** This account's message with that body, and how many places it has: 0, when only those were lost. */
  function messageOf(accountId: number, body: FoundBody): { readonly key: number; readonly places: number } | null {
    const bodyId = findBody.get(body.segmentId, body.offset)?.[0]
    if (bodyId === undefined) return null
    for (const [id] of messagesOfBody.all(bodyId)) {
      if (Math.floor(id / 2 ** 32) !== accountId) continue
      const key = id % 2 ** 32
      return { key, places: placesOf.get(accountId, key)?.[0] ?? 0 }
    }
    return null
  }

  function restoreQueued(meta: RecordMeta, body: FoundBody): void {
    for (const draft of meta.relay) {
      if (findQueued.get(draft.queueId) !== undefined) continue
      const recipients = draft.recipients.map((recipient, index) => ({
        ...recipient,
        index,
        state: { at: 'waiting' },
        lastAnswer: null,
      }))
      insertQueued.run(
        draft.queueId,
        meta.traceId ?? 'repaired',
        draft.destination,
        JSON.stringify(draft.envelope),
        JSON.stringify(recipients),
        bodyRow(body, null),
        draft.skipOctets,
        body.length - draft.skipOctets,
        meta.acceptedAt,
        draft.expiresAt,
        draft.nextAttemptAt,
        draft.senderVerified ? 1 : 0,
        draft.nextAttemptAt,
      )
      restored.queued += 1
    }
  }

  for (const [index, body] of bodies.entries()) {
    const { meta } = body
    if (index % 1000 === 0) progress(index)
    if (meta === null) continue
    if (rowsAreLost || lossy.has('body')) {
      const keys = new Map<number, number>()
      for (const placed of meta.local) restorePlaced(placed, meta, body, keys)
    }
    if (lossy.has('queue')) restoreQueued(meta, body)
  }
  return restored
}

/** Entries whose message's or body's row is lost: by what they tell of it, which a move or a copy leaves as it was. */
function orphansOf(db: Database): { take(accountId: number, octets: number, date: number): number | undefined } {
  const keys = new Map<string, number[]>()
  const rows = db
    .prepare<[number, number, number, number]>(
      `SELECT DISTINCT account_id, size_octets, internal_date, message_key FROM entry
       WHERE NOT EXISTS (SELECT 1 FROM message JOIN body USING (body_id)
         WHERE message_id = account_id * 4294967296 + message_key) ORDER BY message_key DESC`,
    )
    .all()
  for (const [accountId, octets, date, key] of rows) {
    const name = `${accountId} ${octets} ${date}`
    const known = keys.get(name)
    if (known === undefined) keys.set(name, [key])
    else known.push(key)
  }
  return { take: (accountId, octets, date) => keys.get(`${accountId} ${octets} ${date}`)?.pop() }
}
