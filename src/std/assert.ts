/** Our own mistake: thrown, never answered to a peer. */
export class AssertionFailed extends Error {
  override name = 'AssertionFailed'
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailed(message)
}

/** Ends every switch over a union: a missed case is a type error, and a throw if types were bypassed. */
export function never(value: never): never {
  throw new AssertionFailed(`unexpected value: ${JSON.stringify(value)}`)
}
