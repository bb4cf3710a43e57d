import { breatheAt, type Breather } from '../breather.ts'
import { NOBODY } from './forest.ts'
import type { ThreadRows } from './rows.ts'

/** Nodes with their parents. Those below `messages` are messages, the others stand for ids that nobody has. */
export type Links = { readonly parents: Int32Array; readonly nodes: number }

/** Who replied to whom (RFC 5256 §3 REFERENCES, step 1). */
export async function linkMessages(rows: ThreadRows, breathe: Breather): Promise<Links> {
  const nodeOf = new Map<string, number>()
  let nodes = rows.count
  for (let message = 0; message < rows.count; message++) {
    const id = rows.ids[message]
    // Of several with one id the first has it.
    if (id !== null && id !== undefined && !nodeOf.has(id)) nodeOf.set(id, message)
    const wait = breatheAt(breathe, message)
    if (wait !== undefined) await wait
  }
  let total = 0
  for (const ids of rows.references) {
    for (const id of ids) if (!nodeOf.has(id)) nodeOf.set(id, nodes++)
    const wait = breatheAt(breathe, total++)
    if (wait !== undefined) await wait
  }
  const links = createLinker(nodes)
  for (let message = 0; message < rows.count; message++) {
    let before = NOBODY
    for (const id of rows.references[message]!) {
      const node = nodeOf.get(id)!
      if (before !== NOBODY) links.offer(before, node) // (A)
      before = node
    }
    links.force(before, message) // (B)
    const wait = links.walked() > WALK_MAX ? breathe() : breatheAt(breathe, message)
    if (wait !== undefined) await wait
  }
  return { parents: links.parents, nodes }
}

/** Steps towards the top between two looks at the time. */
const WALK_MAX = 100_000

function createLinker(nodes: number) {
  const parents = new Int32Array(nodes).fill(NOBODY)
  /** Nodes that were ever linked, however far apart, have one representative: only such can make a loop. */
  const group = new Int32Array(nodes)
  for (let i = 0; i < nodes; i++) group[i] = i
  let steps = 0

  function groupOf(node: number): number {
    let top = node
    while (group[top] !== top) {
      group[top] = group[group[top]!]!
      top = group[top]!
    }
    return top
  }

  /** Whether `above` lies below `node`, or is it. */
  function isBelow(above: number, node: number): boolean {
    if (above === node) return true
    if (groupOf(above) !== groupOf(node)) return false
    for (let at = parents[above]!; at !== NOBODY; at = parents[at]!) {
      steps++
      if (at === node) return true
    }
    return false
  }

  function link(parent: number, child: number): void {
    parents[child] = parent
    group[groupOf(child)] = groupOf(parent)
  }

  return {
    parents,
    /** A link that another message's References tell of: what is known already stays. */
    offer(parent: number, child: number): void {
      if (parents[child] === NOBODY && !isBelow(parent, child)) link(parent, child)
    },
    /** What the message itself says. `parent` may be NOBODY. */
    force(parent: number, child: number): void {
      if (parents[child] === parent) return
      parents[child] = NOBODY
      if (parent !== NOBODY && !isBelow(parent, child)) link(parent, child)
    },
    walked(): number {
      const walked = steps
      if (walked > WALK_MAX) steps = 0
      return walked
    },
  }
}
