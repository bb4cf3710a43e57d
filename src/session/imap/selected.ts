import type { MailboxId, ModSeq, Uid, UidValidity } from '../../model/ids.ts'
import type { Flag, MailboxEntry, MailboxInfo, UidRange } from '../../model/mailbox.ts'
import { StoreError, type Mailboxes } from '../../core/contract.ts'
import type { Log } from '../../std/log.ts'
import { merge, printNumbers, type NumberRange } from '../../protocol/imap/sequence-set.ts'
import { untagged, type Feature } from './command.ts'

/** The mailbox that a session has open: its view of the numbers, and up to where the client has been told of changes. */
export type Selected = {
  readonly mailboxId: MailboxId
  readonly readOnly: boolean
  readonly uidValidity: UidValidity
  /** The sequence map: number n is `uids[n - 1]`. Replaced, never written to. */
  uids: Uint32Array
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
  stopWatching(): void
}

export const LAST_UID = 0xffffffff as Uid
export const ALL_UIDS: readonly UidRange[] = [{ from: 1 as Uid, to: LAST_UID }]

/** Opens a view. The watch begins first and the counters are read before the uids, so that nothing falls between. */
export async function openSelected(
  handle: Mailboxes,
  found: MailboxInfo,
  options: { readOnly: boolean; noticed(): void },
): Promise<{ selected: Selected; info: MailboxInfo; keywords: readonly Flag[] } | null> {
  let selected: Selected | null = null
  const stopWatching = handle.watch((notice) => {
    if (notice.kind === 'mailbox' && notice.mailboxId !== found.mailboxId) return
    if (selected !== null) selected.dirty = true
    options.noticed()
  })
  try {
    const info = await handle.info(found.mailboxId)
    if (info === null) {
      stopWatching()
      return null
    }
    const uids = await handle.uids(info.mailboxId)
    const keywords = await handle.keywords(info.mailboxId)
    selected = {
      mailboxId: info.mailboxId,
      readOnly: options.readOnly,
      uidValidity: info.uidValidity,
      uids,
      modSeq: info.highestModSeq,
      expungeModSeq: info.highestModSeq,
      // A change between the reads is found at the first command's end.
      dirty: true,
      gone: false,
      echoed: new Map(),
      keywords: new Set(keywords.map((keyword) => keyword.toLowerCase())),
      stopWatching,
    }
    return { selected, info, keywords }
  } catch (error) {
    stopWatching()
    throw error
  }
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
  if (modSeq === selected.modSeq + 1) {
    // Each change of an account has a number of its own (RFC 7162 §3.1): nothing of others lies between.
    if (selected.expungeModSeq === selected.modSeq) selected.expungeModSeq = modSeq
    selected.modSeq = modSeq
    return
  }
  selected.dirty = true
  selected.echoed.set(modSeq, new Set(changed.map(({ uid }) => uid)))
}

export type FlagsShown = { readonly uid: boolean; readonly modSeq: boolean }

export function printFlagsFetch(
  number: number,
  entry: { uid: Uid; flags: readonly Flag[]; modSeq: ModSeq },
  shown: FlagsShown,
): string {
  const uid = shown.uid ? `UID ${entry.uid} ` : ''
  const modSeq = shown.modSeq ? ` MODSEQ (${entry.modSeq})` : ''
  return `* ${number} FETCH (${uid}FLAGS (${entry.flags.join(' ')})${modSeq})\r\n`
}

/** RFC 9051 §7.3.5 FLAGS, with PERMANENTFLAGS. */
export function printFlags(keywords: readonly Flag[], readOnly: boolean): string {
  const all = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft', ...keywords].join(' ')
  const permanent = readOnly ? '()' : `(${all} \\*)`
  return untagged(`FLAGS (${all})`) + untagged(`OK [PERMANENTFLAGS ${permanent}] Flags kept`)
}

/** Announces keywords that the client has not seen, before a FETCH shows them. */
export async function newKeywords(handle: Mailboxes, selected: Selected): Promise<string> {
  const keywords = await handle.keywords(selected.mailboxId)
  const fresh = keywords.filter((keyword) => !selected.keywords.has(keyword.toLowerCase()))
  for (const keyword of fresh) selected.keywords.add(keyword.toLowerCase())
  return fresh.length === 0 ? '' : printFlags(keywords, selected.readOnly)
}

type Telling = { readonly expunge: boolean; readonly enabled: ReadonlySet<Feature>; readonly log: Log }

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
  { expunge, enabled }: Telling,
): AsyncGenerator<string, void, void> {
  const info = await handle.info(selected.mailboxId)
  if (info === null) {
    selected.gone = true
    return
  }
  // Read before what follows: a change that comes between is told now and found again, never lost.
  const upTo = info.highestModSeq
  if (upTo > selected.expungeModSeq) {
    if (expunge) {
      const gone = await handle.expungedSince(selected.mailboxId, selected.expungeModSeq)
      yield tellExpunged(selected, gone, enabled.has('QRESYNC'))
      selected.expungeModSeq = upTo
    } else selected.dirty = true
  }
  if (upTo <= selected.modSeq) return
  const flags = await newKeywords(handle, selected)
  if (flags !== '') yield flags
  const shown: FlagsShown = { uid: true, modSeq: enabled.has('CONDSTORE') }
  const fresh: number[] = []
  for await (const batch of handle.entries(selected.mailboxId, ALL_UIDS, { changedSince: selected.modSeq })) {
    const text = tellBatch(selected, batch, { shown, fresh })
    if (text !== '') yield text
  }
  selected.modSeq = upTo
  for (const modSeq of selected.echoed.keys()) if (modSeq <= upTo) selected.echoed.delete(modSeq)
  if (fresh.length === 0) return
  const grown = new Uint32Array(selected.uids.length + fresh.length)
  grown.set(selected.uids)
  grown.set(fresh, selected.uids.length)
  selected.uids = grown
  yield untagged(`${grown.length} EXISTS`)
}

/** Known messages are told by their flags; the uids of new ones go to `fresh`. */
function tellBatch(
  { echoed, uids }: Selected,
  batch: readonly MailboxEntry[],
  { shown, fresh }: { shown: FlagsShown; fresh: number[] },
): string {
  const last = uids.at(-1) ?? 0
  let text = ''
  for (const entry of batch) {
    if (entry.uid > last) {
      fresh.push(entry.uid)
      continue
    }
    if (echoed.get(entry.modSeq)?.has(entry.uid) === true) continue
    const place = placeOf(uids, entry.uid)
    if (place >= 0) text += printFlagsFetch(place + 1, entry, shown)
  }
  return text
}

/** Takes uids out of the map. @returns EXPUNGE lines, each with the number that holds when it is read; or one VANISHED */
export function tellExpunged(selected: Selected, gone: readonly Uid[], vanished: boolean): string {
  const { uids } = selected
  const removed: number[] = []
  let text = ''
  for (const uid of gone) {
    const place = placeOf(uids, uid)
    if (place < 0) continue
    // Those told before moved this one down.
    if (!vanished) text += `* ${place + 1 - removed.length} EXPUNGE\r\n`
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
  return text
}

/** Mod-sequence up to which the client knows all. */
export const knownModSeq = (selected: Selected): ModSeq =>
  selected.expungeModSeq < selected.modSeq ? selected.expungeModSeq : selected.modSeq

/** Ascending merged numbers as ranges of uids. */
export const asUidRanges = (ranges: readonly NumberRange[]): UidRange[] =>
  merge(ranges).map(({ from, to }) => ({ from: from as Uid, to: to as Uid }))
