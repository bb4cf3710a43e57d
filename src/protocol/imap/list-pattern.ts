import { IMAP_PATTERN_WILDCARDS_MAX, MAILBOX_NAME_MAX_OCTETS } from '../../model/limits.ts'

const ANY = -1
const ANY_IN_LEVEL = -2

/** Whether a name fits, and whether some longer name under it could. */
export type Pattern = {
  matches(name: string): boolean
  /** Some name that begins with `name/` fits. */
  mayMatchBelow(name: string): boolean
}

/**
 * `*` and `%` (RFC 9051 §6.3.9) over decoded names, delimiter `/`. All alternatives are followed at once: time is at
 * most name × pattern, without going back. INBOX compares without case, as the first level.
 */
export function compilePattern(pattern: string): Pattern {
  const tokens = tokenize(pattern.replace(/^inbox(?=\/|$)/i, 'INBOX'))
  const inboxTokens = tokenize(pattern.toUpperCase())
  if (tokens === null || inboxTokens === null) return { matches: () => false, mayMatchBelow: () => false }
  return {
    matches: (name) => follow(name === 'INBOX' ? inboxTokens : tokens, name).at(-1) === 1,
    mayMatchBelow: (name) => follow(tokens, `${name}/`).includes(1),
  }
}

function tokenize(pattern: string): number[] | null {
  const tokens: number[] = []
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!
    const last = tokens.at(-1)
    if (c === '*') {
      if (last === ANY_IN_LEVEL) tokens.pop() // `%*` is `*`
      if (tokens.at(-1) !== ANY) tokens.push(ANY)
    } else if (c === '%') {
      if (last !== ANY && last !== ANY_IN_LEVEL) tokens.push(ANY_IN_LEVEL)
    } else tokens.push(pattern.charCodeAt(i))
  }
  const wildcards = tokens.reduce((count, token) => (token < 0 ? count + 1 : count), 0)
  // A pattern with more text than a name can have fits none.
  if (wildcards > IMAP_PATTERN_WILDCARDS_MAX || tokens.length - wildcards > MAILBOX_NAME_MAX_OCTETS) return null
  return tokens
}

/** Which positions of the pattern are reached after the whole name; the last one means that it fits. */
function follow(tokens: readonly number[], name: string): Uint8Array {
  let now = new Uint8Array(tokens.length + 1)
  let next = new Uint8Array(tokens.length + 1)
  const enter = (set: Uint8Array, position: number): void => {
    for (let p = position; ; p++) {
      set[p] = 1
      if (p >= tokens.length || tokens[p]! >= 0) return // wildcards may stand for nothing
    }
  }
  enter(now, 0)
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    let alive = false
    next.fill(0)
    for (let p = 0; p < tokens.length; p++) {
      if (now[p] === 0) continue
      const token = tokens[p]!
      if (token === c) enter(next, p + 1)
      else if (token === ANY || (token === ANY_IN_LEVEL && c !== 0x2f)) enter(next, p)
      else continue
      alive = true
    }
    ;[now, next] = [next, now]
    if (!alive) return now
  }
  return now
}
