import { compareCasemapped } from '../../../format/charset/casemap.ts'
import { BREATHE_EVERY, breatheAt, type Breather } from '../breather.ts'

type Compare = (a: number, b: number) => number

const RUN = 2048

/** Sorts 0 … count - 1 by `compare`, which never says that two are equal, in turns of the event loop. */
export async function orderInTurns(count: number, compare: Compare, breathe: Breather): Promise<Uint32Array> {
  let from = new Uint32Array(count)
  for (let i = 0; i < count; i++) from[i] = i
  for (let start = 0; start < count; start += RUN) {
    from.subarray(start, start + RUN).sort(compare)
    await breathe()
  }
  let to = new Uint32Array(count)
  for (let width = RUN; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      await mergeRuns(from, to, { start, width, compare, breathe })
    }
    ;[from, to] = [to, from]
  }
  return from
}

/** Of two neighbours, each in order, makes one. */
async function mergeRuns(
  from: Uint32Array,
  to: Uint32Array,
  { start, width, compare, breathe }: { start: number; width: number; compare: Compare; breathe: Breather },
): Promise<void> {
  const middle = Math.min(start + width, from.length)
  const end = Math.min(middle + width, from.length)
  let left = start
  let right = middle
  for (let at = start; at < end;) {
    const stop = Math.min(end, at + BREATHE_EVERY)
    for (; at < stop; at++) {
      const takeLeft = left < middle && (right >= end || compare(from[left]!, from[right]!) < 0)
      to[at] = takeLeft ? from[left++]! : from[right++]!
    }
    const wait = breathe()
    if (wait !== undefined) await wait
  }
}

const SURROGATE = /[\ud800-\udfff]/

/** The place of each text among all, equal ones having one (i;unicode-casemap; the texts are folded). */
export async function rankTexts(texts: readonly string[], breathe: Breather): Promise<Float64Array> {
  const { ids, distinct } = await internTexts(texts, breathe)
  await breathe()
  // What the code units say is what the octets say, but for halves of large letters.
  const plain = !distinct.some((text) => SURROGATE.test(text))
  const compare: Compare = plain
    ? (a, b) => (distinct[a]! < distinct[b]! ? -1 : 1)
    : (a, b) => compareCasemapped(distinct[a]!, distinct[b]!)
  const order = await orderInTurns(distinct.length, compare, breathe)
  const rankOf = new Float64Array(distinct.length)
  for (let i = 0; i < order.length; i++) rankOf[order[i]!] = i
  await breathe()
  const ranks = new Float64Array(ids.length)
  for (let i = 0; i < ids.length; i++) ranks[i] = rankOf[ids[i]!]!
  return ranks
}

/** Numbers equal texts alike, from 0 on. */
export async function internTexts(
  texts: readonly string[],
  breathe: Breather,
): Promise<{ ids: Uint32Array; distinct: readonly string[] }> {
  const known = new Map<string, number>()
  const distinct: string[] = []
  const ids = new Uint32Array(texts.length)
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]!
    let id = known.get(text)
    if (id === undefined) {
      id = distinct.length
      known.set(text, id)
      distinct.push(text)
    }
    ids[i] = id
    const wait = breatheAt(breathe, i)
    if (wait !== undefined) await wait
  }
  return { ids, distinct }
}
