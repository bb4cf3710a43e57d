import { breatheAt, type Breather } from '../breather.ts'
import { orderInTurns } from '../sort/order.ts'
import { NOBODY, type Forest } from './forest.ts'
import { linkMessages, type Links } from './links.ts'
import type { ThreadRows } from './rows.ts'
import { mergeSubjects } from './subjects.ts'

/** RFC 5256 §3 REFERENCES. */
export async function threadByReferences(rows: ThreadRows, breathe: Breather): Promise<Forest> {
  const pruned = await prune(rows, await linkMessages(rows, breathe), breathe)
  const parents = await mergeSubjects(rows, pruned, await rootsByDate(rows, pruned, breathe), breathe) // (4), (5)
  const roots = await rootsByDate(rows, parents, breathe) // (6)
  return { parents, messages: rows.count, roots, order: rows.order }
}

/** As REFERENCES without step 5. Threads stand in the order of their newest messages, of equals the older root first, as Dovecot has it. */
export async function threadByRefs(rows: ThreadRows, breathe: Breather): Promise<Forest> {
  const { count, order, sent } = rows
  const parents = await prune(rows, await linkMessages(rows, breathe), breathe)
  const newest = new Map<number, number>()
  const top = topOf(parents)
  for (let i = 0; i < order.length; i++) {
    const wait = breatheAt(breathe, i)
    if (wait !== undefined) await wait
    newest.set(top(order[i]!), sent[order[i]!]!)
  }
  const found = [...newest.keys()]
  const place = (root: number): number => (root < count ? root : root - parents.length) // Dummies before messages.
  const compare = (a: number, b: number): number =>
    newest.get(found[a]!)! - newest.get(found[b]!)! || place(found[a]!) - place(found[b]!)
  const sorted = await orderInTurns(found.length, compare, breathe)
  return { parents, messages: count, roots: Array.from(sorted, (at) => found[at]!), order }
}

/**
 * Takes out who stands for no message (RFC 5256 §3, step 3). @returns parents of the messages, and of dummies (from
 * `count` on) that hold two or more together at the top
 */
async function prune(rows: ThreadRows, { parents, nodes }: Links, breathe: Breather): Promise<Int32Array> {
  const { count } = rows
  const found = new Int32Array(nodes).fill(UNKNOWN)
  const path: number[] = []
  /** The nearest message above, or the topmost dummy. */
  const holderOf = (start: number): number => {
    let node = start
    for (; node >= count && parents[node] !== NOBODY && found[node] === UNKNOWN; node = parents[node]!) path.push(node)
    const holder = node >= count && found[node] !== UNKNOWN ? found[node]! : node
    for (let below = path.pop(); below !== undefined; below = path.pop()) found[below] = holder
    return holder
  }
  const pruned = new Int32Array(nodes).fill(NOBODY)
  const children = new Uint32Array(nodes)
  for (let message = 0; message < count; message++) {
    const parent = parents[message]!
    if (parent === NOBODY) continue
    const holder = holderOf(parent)
    pruned[message] = holder
    children[holder]!++
    const wait = breatheAt(breathe, message)
    if (wait !== undefined) await wait
  }
  for (let message = 0; message < count; message++) {
    const holder = pruned[message]!
    // An only child takes the place of the dummy.
    if (holder >= count && children[holder] === 1) pruned[message] = NOBODY
  }
  return pruned
}

const UNKNOWN = -2

/** Nodes at the top in the order of their dates; a dummy has that of its first child (RFC 5256 §3, steps 4 and 6). */
async function rootsByDate(
  { count, order }: ThreadRows,
  parents: Int32Array,
  breathe: Breather,
): Promise<readonly number[]> {
  const roots: number[] = []
  const placed = new Set<number>()
  for (let i = 0; i < order.length; i++) {
    const wait = breatheAt(breathe, i)
    if (wait !== undefined) await wait
    const message = order[i]!
    const parent = parents[message]!
    if (parent === NOBODY) roots.push(message)
    else if (parent >= count && !placed.has(parent)) {
      placed.add(parent)
      roots.push(parent)
    }
  }
  return roots
}

function topOf(parents: Int32Array): (node: number) => number {
  const tops = new Int32Array(parents.length).fill(UNKNOWN)
  return (start) => {
    const path: number[] = []
    let node = start
    for (; tops[node] === UNKNOWN && parents[node] !== NOBODY; node = parents[node]!) path.push(node)
    const top = tops[node] === UNKNOWN ? node : tops[node]!
    tops[node] = top
    for (const below of path) tops[below] = top
    return top
  }
}
