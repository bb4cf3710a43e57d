import { BREATHE_EVERY, type Breather } from '../breather.ts'

export const NOBODY = -1

/**
 * Threads as nodes that have a parent. Nodes below `messages` are messages, by their place in the list searched;
 * those from there on are dummies, which stand at the top only and have two children at least.
 */
export type Forest = {
  readonly parents: ArrayLike<number>
  readonly messages: number
  /** All nodes without parent, in the order to be told. */
  readonly roots: readonly number[]
  /** Messages in the order in which siblings are told. */
  readonly order: Uint32Array
}

/**
 * Prints threads (RFC 5256 §5 thread-list), in pieces.
 * @param nameOf number or uid of the message at a place
 */
export async function* printForest(
  forest: Forest,
  nameOf: (message: number) => number,
  breathe: Breather,
): AsyncGenerator<string, void, void> {
  const { parents, messages, roots, order } = forest
  const firstChild = new Int32Array(parents.length).fill(NOBODY)
  const nextSibling = new Int32Array(messages).fill(NOBODY)
  for (let i = order.length - 1; i >= 0; i--) {
    const message = order[i]!
    const parent = parents[message]!
    if (parent === NOBODY) continue
    nextSibling[message] = firstChild[parent]!
    firstChild[parent] = message
  }
  await breathe()
  let text = ''
  let told = 0
  for (const root of roots) {
    /** Siblings whose lists are open around the one that is printed. */
    const open: number[] = []
    text += '('
    for (let node = root; node !== NOBODY;) {
      const isMessage = node < messages
      if (isMessage) text += nameOf(node)
      const child = firstChild[node]!
      if (child !== NOBODY) {
        if (isMessage) text += ' '
        if (nextSibling[child] !== NOBODY) {
          open.push(child)
          text += '('
        }
        node = child
      } else {
        text += ')'
        node = NOBODY
        for (let sibling = open.pop(); sibling !== undefined; sibling = open.pop()) {
          const next = nextSibling[sibling]!
          if (next !== NOBODY) {
            open.push(next)
            text += '('
            node = next
            break
          }
          text += ')'
        }
      }
      if (++told % BREATHE_EVERY === 0) {
        yield text
        text = ''
        const wait = breathe()
        if (wait !== undefined) await wait
      }
    }
  }
  if (text !== '') yield text
}
