import type { MailboxId, ModSeq, Uid, UidValidity } from '../../model/ids.ts'
import { SYSTEM_FLAGS, type Flag, type MailboxEntry, type UidRange } from '../../model/mailbox.ts'
import { StoreError, type Mailboxes, type MailboxView } from '../../core/contract.ts'
import { flagClassesOf, isFlagIn, NO_RIGHTS, printRights, type Right, type Rights } from '../../model/rights.ts'
import type { Log } from '../../std/log.ts'
import { Fault } from '../../protocol/imap/cursor.ts'
import { merge, printNumbers, type NumberRange } from '../../protocol/imap/sequence-set.ts'
import { untagged, type Feature } from './command.ts'
import type { Updating } from './search/updating.ts'
import { fetchHead } from './uid-only.ts'

/** The mailbox that a session has open: its view of the numbers, and up to where the client has been told of changes. */
export type Selected = {
  readonly mailboxId: MailboxId
  readonly readOnly: boolean
  /** As the client was told by PERMANENTFLAGS. */
  rights: Rights
  readonly uidValidity: UidValidity
  /** How many messages have been announced. */
  exists: number
  /** Uids below this have been announced. */
  uidNext: number
  /** The sequence map: number n is `uids[n - 1]`. Null until it is needed; see `sequenceMap`. Replaced, never written to. */
  uids: Uint32Array | null
  /** Flags and new messages are told up to here. */
  modSeq: ModSeq
  /** Expunges are told up to here; behind `modSeq` while numbers were in use. */
  expungeModSeq: ModSeq
  /** Something may have changed since. */
  dirty: boolean
  /** The mailbox was deleted. */
  gone: boolean
  /** Own flag changes that the client has seen already. */
  readonly echoed: Map<ModSeq, Set<Uid>>
  /** Keywords announced by FLAGS, lower-case. */
  readonly keywords: Set<string>
  /** New messages that this session put there itself, until they are announced; noted for NOTIFY only. */
  readonly own: Set<Uid>
  /** Searches whose results are kept up to date, by their tags (RFC 5267 §4.3). */
  readonly updates: Map<string, Updating>
  stopWatching(): void
}

export const LAST_UID = 0xffffffff as Uid
export const ALL_UIDS: readonly UidRange[] = [{ from: 1 as Uid, to: LAST_UID }]

/** RFC 4314 §5.2: with none of these a mailbox is READ-ONLY. Choice: all flags are shared, \\Seen too. */
const CHANGES: readonly Right[] = ['i', 'e', 's', 'w', 't']

/** Opens a view from the counters that the store keeps. The watch begins first, so that nothing falls between. */
export async function openSelected(
  handle: Mailboxes,
  found: MailboxView,
  options: { readOnly: boolean; noticed(): void },
): Promise<{ selected: Selected; info: MailboxView; keywords: readonly Flag[] } | null> {
  let selected: Selected | null = null
  const stopWatching = handle.watch((notice) => {
    if (notice.kind === 'mailbox' && notice.mailboxId !== found.mailboxId) return
    if (selected !== null) selected.dirty = true
    options.noticed()
  }, found.mailboxId)
  try {
    const info = await handle.info(found.mailboxId)
    if (info === null) {
      stopWatching()
      return null
    }
    const keywords = await handle.keywords(info.mailboxId)
    selected = {
      mailboxId: info.mailboxId,
      readOnly: options.readOnly || !CHANGES.some((right) => info.rights.has(right)),
      rights: info.rights,
      uidValidity: info.uidValidity,
      exists: info.messages,
      uidNext: info.uidNext,
      uids: null,
      modSeq: info.highestModSeq,
      expungeModSeq: info.highestModSeq,
      // A change between the reads is found at the first command's end.
      dirty: true,
      gone: false,
      echoed: new Map(),
      keywords: new Set(keywords.map((keyword) => keyword.toLowerCase())),
      own: new Set(),
      updates: new Map(),
      stopWatching,
    }
    return { selected, info, keywords }
  } catch (error) {
    stopWatching()
    throw error
  }
}

/**
 * The uids by number. Read when first needed, as they were when the client was last told of changes: what has gone since
 * keeps its number until the client hears of it (RFC 9051 §7.5.1), what has come has none yet.
 * @throws StoreError; Fault when the mailbox has been deleted
 */
export async function sequenceMap(handle: Mailboxes, selected: Selected): Promise<Uint32Array> {
  if (selected.uids !== null) return selected.uids
  const now = await handle.uids(selected.mailboxId)
  // Read after the uids: one that goes in between stands in both.
  const gone = await handle.expungedSince(selected.mailboxId, selected.expungeModSeq)
  const known = now.subarray(0, placeFrom(now, selected.uidNext))
  const uids = gone.length === 0 ? known : united(known, gone, selected.uidNext)
  if (uids.length !== selected.exists && (await handle.info(selected.mailboxId)) === null) {
    selected.gone = true
    throw new Fault('Mailbox was deleted', { status: 'NO' })
  }
  selected.uids = uids
  selected.exists = uids.length
  return uids
}

/** Both in order, each once, as far as they lie below `end`. */
function united(uids: Uint32Array, others: readonly Uid[], end: number): Uint32Array {
  const missing = others.filter((uid) => uid < end && placeOf(uids, uid) < 0)
  if (missing.length === 0) return uids
  const all = new Uint32Array(uids.length + missing.length)
  all.set(uids)
  all.set(missing, uids.length)
  return all.toSorted()
}

/** The place of a uid in the map, or where it would be as `-1 - place`. */
export function placeOf(uids: Uint32Array, uid: number): number {
  let low = 0
  let high = uids.length - 1
  while (low <= high) {
    const mid = (low + high) >>> 1
    const value = uids[mid]!
    if (value === uid) return mid
    if (value < uid) low = mid + 1
    else high = mid - 1
  }
  return -1 - low
}

/** First place in the map whose uid is at least this. */
export function placeFrom(uids: Uint32Array, uid: number): number {
  const place = placeOf(uids, uid)
  return place >= 0 ? place : -1 - place
}

/** Message numbers, within 1 … EXISTS, as the uid ranges that they cover. */
export const uidRangesOf = (uids: Uint32Array, numbers: readonly NumberRange[]): UidRange[] =>
  numbers.map(({ from, to }) => ({ from: uids[from - 1]! as Uid, to: uids[to - 1]! as Uid }))

/** Notes own changes, so that the end of the command does not tell them again. */
export function remember(selected: Selected, modSeq: ModSeq | null, changed: readonly { uid: Uid }[]): void {
  if (modSeq === null) return
  if (modSeq === selected.modSeq + 1 && selected.updates.size === 0) {
    // Each change of an account has a number of its own (RFC 7162 §3.1): nothing of others lies between.
    if (selected.expungeModSeq === selected.modSeq) selected.expungeModSeq = modSeq
    selected.modSeq = modSeq
    return
  }
  selected.dirty = true
  selected.echoed.set(modSeq, new Set(changed.map(({ uid }) => uid)))
}

export type FlagsShown = {
  readonly uid: boolean
  readonly modSeq: boolean
  readonly enabled: ReadonlySet<Feature>
}

export function printFlagsFetch(
  number: number,
  entry: { uid: Uid; flags: readonly Flag[]; modSeq: ModSeq },
  shown: FlagsShown,
): string {
  const uid = shown.uid && !shown.enabled.has('UIDONLY') ? `UID ${entry.uid} ` : ''
  const modSeq = shown.modSeq ? ` MODSEQ (${entry.modSeq})` : ''
  return `${fetchHead(shown.enabled, number, entry.uid)}${uid}FLAGS (${entry.flags.join(' ')})${modSeq})\r\n`
}

/** RFC 9051 §7.3.5 FLAGS, with PERMANENTFLAGS. */
export function printFlags(
  keywords: readonly Flag[],
  { readOnly, rights }: Pick<Selected, 'readOnly' | 'rights'>,
): string {
  const all = [...SYSTEM_FLAGS, ...keywords].join(' ')
  const classes = flagClassesOf(readOnly ? NO_RIGHTS : rights)
  // RFC 4314 §5.1.1: what this user may change.
  const permanent = [...SYSTEM_FLAGS, ...keywords, '\\*'].filter((flag) => isFlagIn(flag, classes)).join(' ')
  return untagged(`FLAGS (${all})`) + untagged(`OK [PERMANENTFLAGS (${permanent})] Flags kept`)
}

/** Announces keywords that the client has not seen, before a FETCH shows them. */
export async function newKeywords(handle: Mailboxes, selected: Selected): Promise<string> {
  const keywords = await handle.keywords(selected.mailboxId)
  const fresh = keywords.filter((keyword) => !selected.keywords.has(keyword.toLowerCase()))
  for (const keyword of fresh) selected.keywords.add(keyword.toLowerCase())
  return fresh.length === 0 ? '' : printFlags(keywords, selected)
}

type Telling = {
  readonly expunge: boolean
  /** Default true; false passes over what changed in known messages (RFC 5465 §5.1). */
  readonly flags?: boolean
  readonly enabled: ReadonlySet<Feature>
  readonly log: Log
  /** Messages that EXISTS has just announced. */
  announced?(uids: readonly number[]): void
}

/**
 * What others (and this session) changed since the client was last told: EXPUNGE or VANISHED, FETCH FLAGS, EXISTS.
 * `expunge` false keeps the numbers as they are (RFC 9051 §7.5.1).
 * A store that does not answer is asked again at the next command: what the command did is done and must not look failed.
 */
export async function* tellChanges(
  handle: Mailboxes,
  selected: Selected,
  telling: Telling,
): AsyncGenerator<string, void, void> {
  if (!selected.dirty) return
  selected.dirty = false
  try {
    yield* changesOf(handle, selected, telling)
  } catch (error) {
    selected.dirty = true
    if (!(error instanceof StoreError)) throw error
    telling.log.error({ event: 'imap.store.failed', kind: error.kind, error: error.message })
  }
}

async function* changesOf(
  handle: Mailboxes,
  selected: Selected,
  { expunge, flags: tellFlags = true, enabled, announced }: Telling,
): AsyncGenerator<string, void, void> {
  const info = await handle.info(selected.mailboxId)
  if (info === null) {
    selected.gone = true
    return
  }
  if (info.rights !== selected.rights && printRights(info.rights) !== printRights(selected.rights)) {
    selected.rights = info.rights
    yield printFlags(await handle.keywords(selected.mailboxId), selected) // RFC 4314 §5.1.1
  }
  // Read before what follows: a change that comes between is told now and found again, never lost.
  const upTo = info.highestModSeq
  if (upTo > selected.expungeModSeq) {
    if (expunge) {
      const gone = await handle.expungedSince(selected.mailboxId, selected.expungeModSeq)
      if (gone.length > 0) {
        const uids = await sequenceMap(handle, selected)
        // RFC 5267 §4.3.4: while the numbers hold.
        for (const update of selected.updates.values()) yield update.removed(gone, uids)
        yield tellExpunged(selected, { uids, gone }, { vanished: enabled.has('QRESYNC') || enabled.has('UIDONLY') })
      }
      selected.expungeModSeq = upTo
    } else selected.dirty = true
  }
  if (upTo <= selected.modSeq) return
  const flags = await newKeywords(handle, selected)
  if (flags !== '') yield flags
  const shown: FlagsShown = { uid: true, modSeq: enabled.has('CONDSTORE'), enabled }
  const fresh: number[] = []
  const changed: MailboxEntry[] = []
  for await (const batch of handle.entries(selected.mailboxId, ALL_UIDS, { changedSince: selected.modSeq })) {
    const text = await tellBatch(handle, selected, batch, { shown, fresh })
    if (text !== '' && tellFlags) yield text
    if (selected.updates.size > 0) changed.push(...batch)
  }
  // Without a gap nothing that came has gone again, and the map can still be had later.
  if (fresh.length > 0 && fresh.at(-1) !== selected.uidNext + fresh.length - 1) await sequenceMap(handle, selected)
  selected.modSeq = upTo
  for (const modSeq of selected.echoed.keys()) if (modSeq <= upTo) selected.echoed.delete(modSeq)
  if (fresh.length > 0) yield announce(selected, fresh, announced)
  yield* tellUpdates(handle, selected, changed)
}

/** RFC 5267 §4.3.3: after EXISTS. */
async function* tellUpdates(
  handle: Mailboxes,
  selected: Selected,
  changed: readonly MailboxEntry[],
): AsyncGenerator<string, void, void> {
  if (changed.length === 0) return
  const uids = await sequenceMap(handle, selected)
  const known = changed.filter(({ uid }) => placeOf(uids, uid) >= 0)
  for (const update of selected.updates.values()) yield await update.changed(known, uids)
}

function announce(selected: Selected, fresh: readonly number[], announced: Telling['announced']): string {
  if (selected.uids !== null) selected.uids = joined(selected.uids, fresh)
  selected.exists += fresh.length
  selected.uidNext = fresh.at(-1)! + 1
  announced?.(fresh.filter((uid) => !selected.own.has(uid as Uid)))
  selected.own.clear()
  return untagged(`${selected.exists} EXISTS`)
}

function joined(uids: Uint32Array, fresh: readonly number[]): Uint32Array {
  const grown = new Uint32Array(uids.length + fresh.length)
  grown.set(uids)
  grown.set(fresh, uids.length)
  return grown
}

/** Known messages are told by their flags; the uids of new ones go to `fresh`. */
async function tellBatch(
  handle: Mailboxes,
  selected: Selected,
  batch: readonly MailboxEntry[],
  { shown, fresh }: { shown: FlagsShown; fresh: number[] },
): Promise<string> {
  const { echoed, uidNext } = selected
  let text = ''
  for (const entry of batch) {
    if (entry.uid >= uidNext) {
      fresh.push(entry.uid)
      continue
    }
    if (echoed.get(entry.modSeq)?.has(entry.uid) === true) continue
    const place = placeOf(selected.uids ?? (await sequenceMap(handle, selected)), entry.uid)
    if (place >= 0) text += printFlagsFetch(place + 1, entry, shown)
  }
  return text
}

/** Takes uids out of the map. @returns EXPUNGE lines, each with the number that holds when it is read; or one VANISHED */
function tellExpunged(
  selected: Selected,
  { uids, gone }: { uids: Uint32Array; gone: readonly Uid[] },
  { vanished }: { vanished: boolean },
): string {
  const removed: number[] = []
  let text = ''
  let number = 0
  let line = ''
  for (const uid of gone) {
    // Both ascend: the next one is mostly the next place.
    const next = (removed.at(-1) ?? -1) + 1
    const place = uids[next] === uid ? next : placeOf(uids, uid)
    if (place < 0) continue
    // Those told before moved this one down; a run of them has one number.
    if (number !== place + 1 - removed.length) {
      number = place + 1 - removed.length
      line = `* ${number} EXPUNGE\r\n`
    }
    if (!vanished) text += line
    removed.push(place)
  }
  if (removed.length === 0) return ''
  if (vanished) text = untagged(`VANISHED ${printNumbers(removed.map((place) => uids[place]!))}`) // RFC 7162 §3.2.10
  const kept = new Uint32Array(uids.length - removed.length)
  let from = 0
  let at = 0
  for (const place of removed) {
    kept.set(uids.subarray(from, place), at)
    at += place - from
    from = place + 1
  }
  kept.set(uids.subarray(from), at)
  selected.uids = kept
  selected.exists = kept.length
  return text
}

/** Mod-sequence up to which the client knows all. */
export const knownModSeq = (selected: Selected): ModSeq =>
  selected.expungeModSeq < selected.modSeq ? selected.expungeModSeq : selected.modSeq

/** Ascending merged numbers as ranges of uids. */
export const asUidRanges = (ranges: readonly NumberRange[]): UidRange[] =>
  merge(ranges).map(({ from, to }) => ({ from: from as Uid, to: to as Uid }))
