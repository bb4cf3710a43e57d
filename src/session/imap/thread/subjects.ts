import { breatheAt, type Breather } from '../breather.ts'
import { NOBODY } from './forest.ts'
import type { ThreadRows } from './rows.ts'

/**
 * Puts threads of one subject together (RFC 5256 §3, step 5).
 * @param parents of messages, and of dummies from `count` on
 * @param roots in the order of their dates
 * @returns the parents afterwards, with room for new dummies
 */
export async function mergeSubjects(
  rows: ThreadRows,
  parents: Int32Array,
  roots: readonly number[],
  breathe: Breather,
): Promise<Int32Array> {
  const { count, noSubject } = rows
  const isDummy = (node: number): boolean => node >= count
  const isReply = (node: number): boolean => !isDummy(node) && rows.isReply[node] === 1
  const firstOf = await firstChildren(rows, parents, breathe)
  const subjectOf = (root: number): number => rows.subjects[isDummy(root) ? firstOf.get(root)! : root]!
  const table = new Map<number, number>()
  for (const [i, root] of roots.entries()) {
    const wait = breatheAt(breathe, i)
    if (wait !== undefined) await wait
    const subject = subjectOf(root)
    if (subject === noSubject) continue // (B) (ii)
    const known = table.get(subject)
    const replaces = known === undefined || (!isDummy(known) && (isDummy(root) || (isReply(known) && !isReply(root)))) // (B) (iv)
    if (replaces) table.set(subject, root)
  }
  let nodes = parents.length
  /** Of nodes that were at the top. */
  const under = new Map<number, number>()
  /** Dummies that are gone: who has their children. */
  const heirs = new Map<number, number>()
  for (const [i, root] of roots.entries()) {
    const wait = breatheAt(breathe, i)
    if (wait !== undefined) await wait
    const subject = subjectOf(root)
    const holder = table.get(subject)
    if (subject === noSubject || holder === undefined || holder === root) continue // (C) (ii), (iv)
    if (isDummy(root)) heirs.set(root, holder)
    else if (isDummy(holder) || (isReply(root) && !isReply(holder))) under.set(root, holder)
    else {
      const dummy = nodes++
      under.set(root, dummy)
      under.set(holder, dummy)
      table.set(subject, dummy)
    }
  }
  await breathe()
  const merged = new Int32Array(nodes).fill(NOBODY)
  for (let message = 0; message < count; message++) {
    const parent = parents[message]!
    merged[message] = parent === NOBODY ? (under.get(message) ?? NOBODY) : (heirs.get(parent) ?? parent)
  }
  return merged
}

/** The first child of each dummy, by date. */
async function firstChildren(
  { count, order }: ThreadRows,
  parents: Int32Array,
  breathe: Breather,
): Promise<ReadonlyMap<number, number>> {
  const first = new Map<number, number>()
  for (let i = 0; i < order.length; i++) {
    const wait = breatheAt(breathe, i)
    if (wait !== undefined) await wait
    const message = order[i]!
    const parent = parents[message]!
    if (parent >= count && !first.has(parent)) first.set(parent, message)
  }
  return first
}
