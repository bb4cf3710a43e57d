/** Learns from where people put their letters, a little at a time and behind the mail. docs/adr/0016-junk.md */
import {
  JUNK_BATCH_MESSAGES,
  JUNK_KEPT_LOOK_EVERY_MS,
  JUNK_KEPT_MS,
  JUNK_LOOK_EVERY_MS,
  JUNK_RECIPIENTS_MAX,
  SEARCH_CPU_SHARE,
  SEARCH_RETRY_MS,
} from '../../model/limits.ts'
import type { AccountId, MessageKey, ModSeq, Uid } from '../../model/ids.ts'
import { sleep, type Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import {
  StoreError,
  type JunkLabel,
  type JunkLetter,
  type JunkMemory,
  type JunkSender,
  type MailMark,
  type Store,
  type StoredMessage,
} from '../../store/contract.ts'
import { WINDOW_OCTETS } from '../search/part-text.ts'
import type { LetterBytes } from './contract.ts'
import { labelOf, placeOf, type Place } from './label.ts'
import { addressOf, senderNames, writtenName } from './senders.ts'
import { storedFacts } from './stored-facts.ts'
import { tokensOf } from './tokens.ts'
import { openWordTable, type WordTable } from './word-table.ts'

/** Without a rest for others. */
const IN_A_ROW = 32
const EVERY_UID = [{ from: 1 as Uid, to: 4_294_967_295 as Uid }]
const START = 0 as ModSeq

type Book = { readonly table: WordTable; good: number; junk: number }

export type Learner = {
  /** Works until the signal fires. What goes wrong is logged and tried again. */
  run(signal: AbortSignal): Promise<void>
  /** One look at all accounts. @throws StoreError */
  step(signal?: AbortSignal): Promise<void>
}

export function createLearner(parts: {
  store: { readonly mail: Pick<Store['mail'], 'mailMarks' | 'mailboxes' | 'messages' | 'uidsOfMessages' | 'read'> }
  memory: JunkMemory
  /** The server's name, in whose Authentication-Results we believe. */
  hostname: string
  clock: Clock
  log: Log
}): Learner {
  const { memory, clock, log } = parts
  const { mail } = parts.store
  const authservId = parts.hostname.toLowerCase()
  let done: readonly MailMark[] | null = null
  let keptLookAt = -Infinity

  function bookOf(accountId: AccountId | null): Book {
    const words = memory.words(accountId)
    return { table: openWordTable(words?.octets), good: words?.good ?? 0, junk: words?.junk ?? 0 }
  }

  const closed = ({ table, good, junk }: Book): { good: number; junk: number; octets: Uint8Array } => ({
    good: Math.max(0, good),
    junk: Math.max(0, junk),
    octets: table.encode(),
  })

  function forget(accountId: AccountId): void {
    const own = bookOf(accountId)
    const all = bookOf(null)
    all.table.addAll(own.table, -1)
    all.good -= own.good
    all.junk -= own.junk
    memory.forget(accountId, own.table.size === 0 ? null : closed(all))
    done = null
  }

  function lookAround(marks: readonly MailMark[]): void {
    const now = new Map(marks.map((mark) => [mark.accountId, mark]))
    for (const accountId of memory.accounts()) {
      const mark = now.get(accountId)
      // It is gone, or an old database was put in place: keys come again.
      if (mark === undefined || (memory.mark(accountId) ?? START) > mark.modSeq) forget(accountId)
    }
  }

  /** What is learnt of one account, until it is kept. */
  function openLesson(accountId: AccountId) {
    let own: Book | null = null
    let all: Book | null = null
    let letters = new Map<MessageKey, JunkLetter>()
    let senders = new Map<string, { written: number; good: number; junk: number }>()

    function count(names: readonly string[], what: keyof JunkSender, by: 1 | -1): void {
      for (const name of names) {
        const one = senders.get(name) ?? { written: 0, good: 0, junk: 0 }
        one[what] += by
        senders.set(name, one)
      }
    }

    function teach(hashes: Uint32Array, what: 'good' | 'junk', by: 1 | -1): void {
      own ??= bookOf(accountId)
      all ??= bookOf(null)
      for (const book of [own, all]) {
        book.table.add(hashes, what, by)
        book[what] += by
      }
    }

    return {
      get size() {
        return letters.size
      },
      before: (messageKey: MessageKey): JunkLetter | null =>
        letters.get(messageKey) ?? memory.letters(accountId, [messageKey]).get(messageKey) ?? null,
      async relabel(message: StoredMessage, label: JunkLabel, before: JunkLetter | null, read: LetterBytes) {
        const { messageKey, summary, savedAt } = message
        let names: readonly string[] = []
        const learnt = (one: JunkLabel | undefined): one is 'good' | 'junk' => one === 'good' || one === 'junk'
        if (label === 'sent') {
          const { to, cc, bcc } = summary.header
          const written = [...to, ...cc, ...bcc].slice(0, JUNK_RECIPIENTS_MAX).map(addressOf)
          names = [...new Set(written.flatMap((address) => (address === null ? [] : (writtenName(address) ?? []))))]
          count(names, 'written', 1)
        } else if (learnt(label) || learnt(before?.label)) {
          const { hashes } = await tokensOf(read, summary)
          if (before !== null && learnt(before.label)) {
            teach(hashes, before.label, -1)
            count(before.senders, before.label, -1)
          }
          if (learnt(label)) {
            teach(hashes, label, 1)
            const { address, domain, network } = senderNames(
              summary.header,
              await storedFacts(read, summary.root, authservId),
            )
            names = [address, domain, network].filter((name) => name !== null)
            count(names, label, 1)
          }
        }
        letters.set(messageKey, { messageKey, label, savedAt, senders: names })
      },
      keep(modSeq: ModSeq): void {
        const words = own === null || all === null ? null : { own: closed(own), all: closed(all) }
        memory.keep(accountId, { modSeq, letters: [...letters.values()], senders, words })
        if (words !== null) {
          log.info({
            event: 'junk.learnt',
            accountId,
            letters: letters.size,
            good: words.own.good,
            junk: words.own.junk,
          })
        }
        ;[own, all] = [null, null]
        letters = new Map()
        senders = new Map()
      },
    }
  }

  async function bytesOf(accountId: AccountId, { messageKey, summary }: StoredMessage): Promise<LetterBytes> {
    if (summary.sizeOctets > WINDOW_OCTETS) return (start, end) => mail.read(accountId, messageKey, start, end)
    const octets = await mail.read(accountId, messageKey, 0, summary.sizeOctets)
    return (start, end) => Promise.resolve(octets.subarray(start, end))
  }

  /** @param waited the letter has waited long enough */
  async function look(
    accountId: AccountId,
    message: StoredMessage,
    place: Place,
    lesson: ReturnType<typeof openLesson>,
  ): Promise<void> {
    if (place === 'none') return
    const before = lesson.before(message.messageKey)
    const now = clock.now()
    // Whether it was delivered stands in the letter itself; to move it keeps its date and gives it another time of arrival.
    const unmoved = place === 'junk' && message.savedAt === message.internalDate
    const quick = unmoved ? undefined : labelOf(message, place, { before, fresh: false, now })
    if (quick === null) return
    try {
      const read = await bytesOf(accountId, message)
      const fresh = unmoved && (await storedFacts(read, message.summary.root, authservId)).delivered
      const label = quick ?? labelOf(message, place, { before, fresh, now })
      if (label !== null) await lesson.relabel(message, label, before, read)
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'damaged') throw error // Whoever reads it meets the damage.
    }
  }

  /** @returns whether it was to the end */
  async function learnFrom(mark: MailMark, signal: AbortSignal | undefined): Promise<boolean> {
    const { accountId } = mark
    const since = memory.mark(accountId) ?? START
    const lesson = openLesson(accountId)
    const pace = createPace(signal)
    for (const mailbox of await mail.mailboxes(accountId)) {
      const place = placeOf(mailbox)
      if (place === 'none' || mailbox.highestModSeq <= since) continue
      for await (const batch of mail.messages(accountId, mailbox.mailboxId, EVERY_UID, { changedSince: since })) {
        for (const message of batch) {
          await look(accountId, message, place, lesson)
          // What was kept is known by its label: to begin again from the old mark learns nothing twice.
          if (lesson.size >= JUNK_BATCH_MESSAGES) lesson.keep(since)
          await pace()
          if (signal?.aborted === true) return false
        }
      }
    }
    lesson.keep(mark.modSeq)
    return true
  }

  /** Letters that were waiting, and have been kept long enough by now. */
  async function learnKept(accountId: AccountId, signal: AbortSignal | undefined): Promise<void> {
    const keys = memory.waiting(accountId, clock.now() - JUNK_KEPT_MS)
    if (keys.length === 0) return
    const lesson = openLesson(accountId)
    const pace = createPace(signal)
    const choice = { above: Number.MAX_SAFE_INTEGER as MessageKey, keys: Float64Array.from(keys).toSorted() }
    const left = new Set(keys)
    for (const mailbox of await mail.mailboxes(accountId)) {
      const place = placeOf(mailbox)
      if (place !== 'good') continue
      const uids = await mail.uidsOfMessages(accountId, mailbox.mailboxId, choice)
      const ranges = Array.from(uids, (uid) => ({ from: uid as Uid, to: uid as Uid }))
      if (ranges.length === 0) continue
      for await (const batch of mail.messages(accountId, mailbox.mailboxId, ranges)) {
        for (const message of batch) {
          left.delete(message.messageKey)
          await look(accountId, message, place, lesson)
          await pace()
          if (signal?.aborted === true) return
        }
      }
    }
    lesson.keep(memory.mark(accountId) ?? START)
    // Thrown away or gone: what waits no longer is not asked about again.
    const gone = [...memory.letters(accountId, [...left]).values()].map((letter) => ({
      ...letter,
      label: 'unread' as const,
    }))
    if (gone.length > 0) memory.keep(accountId, { modSeq: memory.mark(accountId) ?? START, letters: gone, senders: new Map(), words: null }) // prettier-ignore
  }

  /** The rest of the time is for those who wait for an answer. */
  function createPace(signal: AbortSignal | undefined): () => Promise<void> {
    let begun = clock.monotonic()
    let looked = 0
    return async () => {
      if (signal === undefined || ++looked % IN_A_ROW !== 0) return
      await sleep(clock, (clock.monotonic() - begun) * (1 / SEARCH_CPU_SHARE - 1), signal)
      begun = clock.monotonic()
    }
  }

  async function step(signal?: AbortSignal): Promise<void> {
    if (memory.needsReset()) {
      memory.reset()
      log.warn({ event: 'junk.memory.anew' })
      done = null
    }
    for (const accountId of memory.takeWishes()) {
      for (const one of accountId === null ? memory.accounts() : [accountId]) forget(one)
      done = null
    }
    const marks = await mail.mailMarks()
    if (marks !== done) {
      lookAround(marks)
      for (const mark of marks) {
        if ((memory.mark(mark.accountId) ?? -1) < mark.modSeq && !(await learnFrom(mark, signal))) return
      }
      done = marks
    }
    if (clock.monotonic() - keptLookAt < JUNK_KEPT_LOOK_EVERY_MS) return
    for (const accountId of memory.accounts()) await learnKept(accountId, signal)
    if (signal?.aborted !== true) keptLookAt = clock.monotonic()
  }

  return {
    step,
    async run(signal) {
      while (!signal.aborted) {
        let wait = JUNK_LOOK_EVERY_MS
        try {
          await step(signal)
        } catch (error) {
          if (!(error instanceof StoreError)) throw error
          log.warn({ event: 'junk.learning.failed', kind: error.kind, error: error.message })
          wait = SEARCH_RETRY_MS
        }
        await sleep(clock, wait, signal)
      }
    },
  }
}
