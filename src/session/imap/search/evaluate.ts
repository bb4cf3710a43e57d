import { foldForSearch } from '../../../format/charset/fold.ts'
import { parseHeaderDate } from '../../../format/header/date.ts'
import { envelopeText } from '../../../format/header/envelope-text.ts'
import { decodeWords } from '../../../format/header/words.ts'
import { assert } from '../../../std/assert.ts'
import type { ContentProbe, StoredMessage } from '../../../core/contract.ts'
import type { MessageKey } from '../../../model/ids.ts'
import type { MailboxEntry } from '../../../model/mailbox.ts'
import type { SearchKey } from '../../../protocol/imap/search.ts'
import { holds, rangesOf, resolve, type NumberRange, type SequenceSet } from '../../../protocol/imap/sequence-set.ts'
import { mayHold, type KnownTexts } from './by-index.ts'

const DAY_MS = 86_400_000

/** What a key has to look at: the entry alone, what the scan at ingest kept, or the content. Cheap ones go first. */
export const COST = { entry: 0, summary: 1, header: 2, body: 3 } as const
export type Cost = (typeof COST)[keyof typeof COST]

export type Candidate = {
  readonly number: number
  readonly entry: MailboxEntry | StoredMessage
  /** Made when first asked for. */
  probe(): ContentProbe
}

export type Matcher = {
  readonly cost: Cost
  test(candidate: Candidate): boolean | Promise<boolean>
}

export type SearchContext = {
  readonly uids: Uint32Array
  readonly savedSearch: Uint32Array
  readonly now: number
  /** What the search index tells of the texts; absent: nothing. */
  readonly known?: KnownTexts
  /** Of each EMAILID and THREADID in the key, by `kind id`. */
  readonly keysNamed?: ReadonlyMap<string, ReadonlySet<MessageKey>>
}

const entryMatcher = (test: (entry: MailboxEntry) => boolean): Matcher => ({
  cost: COST.entry,
  test: ({ entry }) => test(entry),
})

/** Makes one function of a search key. */
export function compileKey(key: SearchKey, context: SearchContext): Matcher {
  switch (key.key) {
    case 'all':
      return entryMatcher(() => true)
    case 'none':
      return entryMatcher(() => false)
    case 'and':
      return every(key.of.map((each) => compileKey(each, context)))
    case 'or':
      return some(key.of.map((each) => compileKey(each, context)))
    case 'not':
      return negate(compileKey(key.of, context))
    case 'sequence': {
      const uids = uidsNamed(key.set, 'number', context)
      return entryMatcher(({ uid }) => holds(uids, uid))
    }
    case 'uid': {
      const uids = uidsNamed(key.set, 'uid', context)
      return entryMatcher(({ uid }) => holds(uids, uid))
    }
    case 'flag':
      return flagMatcher(key.flag)
    case 'date':
      return dateMatcher(key)
    case 'larger':
      return entryMatcher(({ sizeOctets }) => sizeOctets > key.octets)
    case 'smaller':
      return entryMatcher(({ sizeOctets }) => sizeOctets < key.octets)
    case 'older': {
      const limit = context.now - key.seconds * 1000
      return entryMatcher(({ internalDate }) => internalDate <= limit) // RFC 5032 §3
    }
    case 'younger': {
      const limit = context.now - key.seconds * 1000
      return entryMatcher(({ internalDate }) => internalDate >= limit)
    }
    case 'modseq':
      return entryMatcher(({ modSeq }) => modSeq >= key.modSeq)
    case 'emailid':
    case 'threadid': {
      const keys = context.keysNamed?.get(`${key.key} ${key.id}`)
      assert(keys !== undefined, 'ids are looked up before')
      return entryMatcher((entry) => keys.has(entry.messageKey))
    }
    case 'envelope':
      return unlessRuledOut(envelopeMatcher(key), key.text, context)
    case 'header': {
      const matcher: Matcher = { cost: COST.header, test: (candidate) => candidate.probe().header(key.name, key.text) }
      return unlessRuledOut(matcher, key.text, context)
    }
    case 'body':
      return unlessRuledOut(
        { cost: COST.body, test: (candidate) => candidate.probe().body(key.text) },
        key.text,
        context,
      )
    case 'text':
      return unlessRuledOut(
        { cost: COST.body, test: (candidate) => candidate.probe().text(key.text) },
        key.text,
        context,
      )
  }
}

/** A message that the index rules out is not looked into. */
function unlessRuledOut({ cost, test }: Matcher, text: string, { known }: SearchContext): Matcher {
  return { cost, test: (candidate) => mayHold(known, text, candidate.entry.messageKey) && test(candidate) }
}

/** Keywords compare without case; system flags stand in one case only. */
function flagMatcher(flag: string): Matcher {
  if (flag.startsWith('\\')) return entryMatcher(({ flags }) => flags.includes(flag))
  const wanted = flag.toLowerCase()
  return entryMatcher(({ flags }) => flags.some((has) => has.length === wanted.length && has.toLowerCase() === wanted))
}

function dateMatcher({ of, is, day }: Extract<SearchKey, { key: 'date' }>): Matcher {
  const compare = (on: number): boolean => (is === 'before' ? on < day : is === 'on' ? on === day : on >= day)
  if (of === 'internal') return entryMatcher(({ internalDate }) => compare(Math.floor(internalDate / DAY_MS)))
  if (of === 'saved') return entryMatcher(({ savedAt }) => compare(Math.floor(savedAt / DAY_MS))) // RFC 8514 §4.3
  return {
    cost: COST.summary,
    test({ entry }) {
      // RFC 9051 §6.4.4 SENTON: the day as the sender's clock showed it, whatever the zone.
      const text = (entry as StoredMessage).summary.header.date
      const date = text === null ? null : parseHeaderDate(text)
      return date !== null && compare(Math.floor((date.epochMs + date.offsetMinutes * 60_000) / DAY_MS))
    },
  }
}

/** RFC 9051 §6.4.4: in the envelope structure, which the scan at ingest kept; the empty text asks for the field. */
function envelopeMatcher({ field, text }: Extract<SearchKey, { key: 'envelope' }>): Matcher {
  const needle = foldForSearch(text)
  return {
    cost: COST.summary,
    test({ entry }) {
      const value = envelopeText((entry as StoredMessage).summary.header, field)
      return value !== null && foldForSearch(decodeWords(value)).includes(needle)
    },
  }
}

const byCost = (matchers: readonly Matcher[]): Matcher[] => matchers.toSorted((a, b) => a.cost - b.cost)
const dearest = (matchers: readonly Matcher[]): Cost =>
  matchers.reduce<Cost>((most, { cost }) => (cost > most ? cost : most), COST.entry)

const every = (matchers: readonly Matcher[]): Matcher => decide(matchers, false)
const some = (matchers: readonly Matcher[]): Matcher => decide(matchers, true)

/** Cheap ones first; the first that says `ends` decides. Stays synchronous as long as its members do. */
function decide(matchers: readonly Matcher[], ends: boolean): Matcher {
  const ordered = byCost(matchers)
  const from = (candidate: Candidate, start: number): boolean | Promise<boolean> => {
    for (let i = start; i < ordered.length; i++) {
      const verdict = ordered[i]!.test(candidate)
      if (typeof verdict !== 'boolean') return verdict.then((said) => (said === ends ? ends : from(candidate, i + 1)))
      if (verdict === ends) return ends
    }
    return !ends
  }
  return { cost: dearest(matchers), test: (candidate) => from(candidate, 0) }
}

function negate(matcher: Matcher): Matcher {
  return {
    cost: matcher.cost,
    test(candidate) {
      const verdict = matcher.test(candidate)
      return typeof verdict === 'boolean' ? !verdict : verdict.then((said) => !said)
    },
  }
}

/** The messages that a set names, as ranges of uids. What names nobody finds nobody. */
export function uidsNamed(set: SequenceSet, by: 'number' | 'uid', context: SearchContext): NumberRange[] {
  const { uids } = context
  if (set.kind === 'saved') return rangesOf(context.savedSearch)
  if (by === 'uid') return resolve(set.ranges, uids.at(-1) ?? 0)
  return resolve(set.ranges, uids.length)
    .filter(({ from }) => from <= uids.length)
    .map(({ from, to }) => ({ from: uids[from - 1]!, to: uids[Math.min(to, uids.length) - 1]! }))
}
