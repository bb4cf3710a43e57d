import { breatheAt, type Breather } from '../breather.ts'
import { NOBODY, type Forest } from './forest.ts'
import type { ThreadRows } from './rows.ts'

/** RFC 5256 §3 ORDEREDSUBJECT: the first of a subject, and below it all others. */
export async function threadBySubject({ count, order, subjects }: ThreadRows, breathe: Breather): Promise<Forest> {
  const parents = new Int32Array(count).fill(NOBODY)
  const first = new Map<number, number>()
  const roots: number[] = []
  for (let i = 0; i < order.length; i++) {
    const wait = breatheAt(breathe, i)
    if (wait !== undefined) await wait
    const message = order[i]!
    const root = first.get(subjects[message]!)
    if (root === undefined) {
      first.set(subjects[message]!, message)
      roots.push(message)
    } else parents[message] = root
  }
  return { parents, messages: count, roots, order }
}
