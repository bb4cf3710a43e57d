import { partOf } from '../../../protocol/imap/partial.ts'
import type { SearchReturns } from '../../../protocol/imap/search.ts'
import { printNumbers } from '../../../protocol/imap/sequence-set.ts'

/** What a searching command found, in the order it was asked for; parallel. `modSeqs` is empty where nobody asked. */
export type Results = {
  /** Numbers or uids, as the command tells them. */
  readonly shown: ArrayLike<number>
  readonly modSeqs: ArrayLike<number>
}

/** The return data of an ESEARCH response, in the order of RFC 4731 §3.1; MIN, MAX and ALL only where something was found. */
export function printResults({ shown }: Results, { returns, partial }: SearchReturns): string {
  const count = shown.length
  if (returns === null) return count > 0 ? ` ALL ${printNumbers(shown)}` : ''
  let text = ''
  if (returns.has('MIN') && count > 0) text += ` MIN ${shown[0]}`
  if (returns.has('MAX') && count > 0) text += ` MAX ${shown[count - 1]}`
  if (returns.has('ALL') && count > 0) text += ` ALL ${printNumbers(shown)}`
  if (returns.has('COUNT')) text += ` COUNT ${count}`
  if (partial !== null) {
    const { start, end } = partOf(partial, count)
    // RFC 9394 §3.1: NIL where the range names nothing.
    text += ` PARTIAL (${partial.text} ${start < end ? printNumbers(slice(shown, start, end)) : 'NIL'})`
  }
  return text
}

/** Whether an ESEARCH response is due: SAVE alone asks for no data (RFC 5182 §2.4), nor do CONTEXT and UPDATE. */
export const tellsAnything = ({ returns }: SearchReturns): boolean =>
  returns === null || TOLD.some((name) => returns.has(name))

const TOLD = ['MIN', 'MAX', 'ALL', 'COUNT', 'PARTIAL'] as const

/** RFC 4731 §3.2: the highest of the messages told; with MIN, MAX or PARTIAL alone, of those. */
export function printModSeq({ modSeqs }: Results, wanted: SearchReturns): string {
  if (modSeqs.length === 0) return ''
  const places = placesTold(modSeqs.length, wanted)
  let most = 0
  if (places === null) for (let i = 0; i < modSeqs.length; i++) most = Math.max(most, modSeqs[i]!)
  else for (const place of places) most = Math.max(most, modSeqs[place]!)
  return most === 0 ? '' : ` MODSEQ ${most}`
}

/** RFC 5182 §2.2, RFC 9394 §3.2: MIN, MAX and PARTIAL save only what they tell, unless ALL or COUNT stand beside them. */
export function toSave(uids: ArrayLike<number>, wanted: SearchReturns): Uint32Array {
  const places = placesTold(uids.length, wanted)
  const saved = places === null ? Uint32Array.from(uids) : Uint32Array.from(places, (place) => uids[place]!)
  return saved.toSorted()
}

/** Null: all of them. Each place once. */
function placesTold(count: number, { returns, partial }: SearchReturns): ReadonlySet<number> | null {
  if (returns === null || returns.has('ALL') || returns.has('COUNT')) return null
  if (partial === null && !returns.has('MIN') && !returns.has('MAX')) return null
  const places = new Set<number>()
  if (count === 0) return places
  if (returns.has('MIN')) places.add(0)
  if (returns.has('MAX')) places.add(count - 1)
  if (partial !== null) {
    const { start, end } = partOf(partial, count)
    for (let place = start; place < end; place++) places.add(place)
  }
  return places
}

const slice = (list: ArrayLike<number>, start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, i) => list[start + i]!)
