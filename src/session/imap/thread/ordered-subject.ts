import { NOBODY, type Forest } from './forest.ts'
import type { ThreadRows } from './rows.ts'

/** RFC 5256 §3 ORDEREDSUBJECT: the first of a subject, and below it all others. */
export function threadBySubject({ count, order, subjects }: ThreadRows): Forest {
  const parents = new Int32Array(count).fill(NOBODY)
  const first = new Map<number, number>()
  const roots: number[] = []
  for (const message of order) {
    const root = first.get(subjects[message]!)
    if (root === undefined) {
      first.set(subjects[message]!, message)
      roots.push(message)
    } else parents[message] = root
  }
  return { parents, messages: count, roots, order }
}
