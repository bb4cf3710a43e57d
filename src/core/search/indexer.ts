/** Feeds the search index from what is kept, a little at a time: behind the mail, never before it. docs/adr/0012-search-index.md */
import {
  SEARCH_BATCH_MESSAGES,
  SEARCH_BATCH_OCTETS,
  SEARCH_BLOCK_MESSAGES,
  SEARCH_CPU_SHARE,
  SEARCH_LOOK_EVERY_MS,
  SEARCH_RETRY_MS,
} from '../../model/limits.ts'
import { SEARCH_INDEX_BYTES, SEARCH_INDEX_WAITING, SEARCH_INDEXED } from '../../model/metrics.ts'
import type { AccountId, MessageKey } from '../../model/ids.ts'
import { sleep, type Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { Metrics } from '../../std/metrics.ts'
import {
  StoreError,
  type IndexedMessage,
  type MailMark,
  type MessageContent,
  type SearchIndex,
  type SearchStatus,
  type Store,
} from '../../store/contract.ts'
import { createGramCollector } from './grams.ts'
import { gramsOfMessage } from './indexed-text.ts'
import { WINDOW_OCTETS, type MessageBytes } from './part-text.ts'

/** Of one account, before the next has its turn. */
const BATCHES_IN_A_ROW = 16

type Known = SearchStatus['accounts'][number]

export type Indexer = {
  /** Works until the signal fires. What goes wrong is logged and tried again. */
  run(signal: AbortSignal): Promise<void>
  /** One look at what is to be done, and one step for each account that has new mail. @returns whether more is left @throws StoreError */
  step(signal?: AbortSignal): Promise<boolean>
}

export function createIndexer(parts: {
  store: { readonly mail: Pick<Store['mail'], 'mailMarks' | 'contents' | 'messageKeys' | 'read'> }
  index: SearchIndex
  clock: Clock
  log: Log
  metrics: Metrics
}): Indexer {
  const { store, index, clock, log, metrics } = parts
  const { mail } = store
  /** The marks at which all was done. */
  let done: readonly MailMark[] | null = null
  const collector = createGramCollector()

  /** Takes up what others want, and lets go of what is not there any more. @returns accounts that have mail to be indexed */
  async function look(): Promise<readonly MailMark[]> {
    if (index.needsReset()) {
      index.reset()
      log.warn({ event: 'search.index.anew' })
      done = null
    }
    for (const accountId of index.takeWishes()) {
      for (const one of accountId === null ? index.accounts() : [accountId]) index.forget(one)
      done = null
    }
    const marks = await mail.mailMarks()
    if (marks === done) return []
    const { accounts, octets } = index.status()
    const known = new Map(accounts.map((account) => [account.accountId, account]))
    forgetStrangers(marks, known)
    for (const { accountId, messages } of marks) {
      // More than half of it is of messages that are gone.
      if ((known.get(accountId)?.messages ?? 0) <= 2 * messages + SEARCH_BLOCK_MESSAGES) continue
      index.retain(accountId, await mail.messageKeys(accountId))
    }
    const missing = ({ accountId, lastKey }: MailMark): number => lastKey - (known.get(accountId)?.upTo ?? 0)
    const behind = marks.filter((mark) => missing(mark) > 0)
    metrics.set(SEARCH_INDEX_WAITING, {}, behind.reduce((sum, mark) => sum + missing(mark), 0)) // prettier-ignore
    metrics.set(SEARCH_INDEX_BYTES, {}, octets)
    if (behind.length === 0) done = marks
    return behind
  }

  /** Accounts that are gone; and those whose mail is older than the index, since an old database was put in place: keys come again. */
  function forgetStrangers(marks: readonly MailMark[], known: Map<AccountId, Known>): void {
    const now = new Map(marks.map((mark) => [mark.accountId, mark]))
    for (const { accountId, upTo, modSeq } of known.values()) {
      const mark = now.get(accountId)
      if (mark !== undefined && upTo <= mark.lastKey && modSeq <= mark.modSeq) continue
      index.forget(accountId)
      known.delete(accountId)
    }
  }

  /** @returns whether the account may have more */
  async function indexSome(mark: MailMark, signal: AbortSignal | undefined): Promise<boolean> {
    const { accountId } = mark
    const after = index.mark(accountId)?.lastKey ?? (0 as MessageKey)
    const contents = await mail.contents(accountId, after, SEARCH_BATCH_MESSAGES)
    const messages: IndexedMessage[] = []
    let octets = 0
    for (const content of contents) {
      if (signal?.aborted === true || octets >= SEARCH_BATCH_OCTETS) break
      octets += content.summary.sizeOctets
      messages.push({ messageKey: content.messageKey, grams: await gramsOf(accountId, content) })
    }
    const all = messages.length === contents.length && contents.length < SEARCH_BATCH_MESSAGES
    const reached = messages.at(-1)?.messageKey ?? after
    // What has a key up to the mark's was kept before it was read: without more there is nothing in between.
    const lastKey = all && reached < mark.lastKey ? mark.lastKey : reached
    index.add(messages, { ...mark, lastKey })
    metrics.add(SEARCH_INDEXED, {}, messages.length)
    return lastKey < mark.lastKey
  }

  /** Most letters are read at once. */
  async function bytesOf(accountId: AccountId, messageKey: MessageKey, sizeOctets: number): Promise<MessageBytes> {
    if (sizeOctets > WINDOW_OCTETS) return (start, end) => mail.read(accountId, messageKey, start, end)
    const octets = await mail.read(accountId, messageKey, 0, sizeOctets)
    return (start, end) => Promise.resolve(octets.subarray(start, end))
  }

  async function gramsOf(accountId: AccountId, { messageKey, summary }: MessageContent): Promise<Uint16Array | null> {
    try {
      return await gramsOfMessage(await bytesOf(accountId, messageKey, summary.sizeOctets), summary, collector)
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'damaged') return null // A search meets the damage itself.
      throw error
    }
  }

  async function indexAccount(mark: MailMark, signal: AbortSignal | undefined): Promise<void> {
    for (let batch = 0; batch < BATCHES_IN_A_ROW; batch++) {
      const begun = clock.monotonic()
      const more = await indexSome(mark, signal)
      // The rest of the time is for those who wait for an answer.
      const rest = (clock.monotonic() - begun) * (1 / SEARCH_CPU_SHARE - 1)
      if (signal !== undefined) await sleep(clock, rest, signal)
      if (!more || signal?.aborted === true) return
    }
  }

  async function step(signal?: AbortSignal): Promise<boolean> {
    const behind = await look()
    for (const mark of behind) await indexAccount(mark, signal)
    return behind.length > 0
  }

  async function attempt(signal: AbortSignal): Promise<number> {
    try {
      if (index.hasRoom()) return (await step(signal)) ? 0 : SEARCH_LOOK_EVERY_MS
      log.warn({ event: 'search.index.no-space' })
      return SEARCH_RETRY_MS
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      if (signal.aborted) return 0
      log.warn({ event: 'search.index.failed', kind: error.kind, error: error.message })
      return SEARCH_RETRY_MS
    }
  }

  return {
    step,
    async run(signal) {
      while (!signal.aborted) {
        const wait = await attempt(signal)
        if (wait > 0) await sleep(clock, wait, signal)
      }
    },
  }
}
