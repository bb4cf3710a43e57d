import { createHmac } from 'node:crypto'
import type { Clock } from '../../std/clock.ts'
import type { Random } from '../../std/random.ts'
import type { AccountId } from '../../model/ids.ts'

/**
 * Remembers for a short time which passwords were right, so that a phone that reconnects all day costs one hash.
 * Keeps a keyed hash under a key that lives and dies with the process, never the password.
 */
export type CredentialCache = {
  /** Whether this password was right lately, against the credential that the account has now. */
  has(entry: { accountId: AccountId; phc: string; password: string }): boolean
  add(entry: { accountId: AccountId; phc: string; password: string }): void
  readonly size: number
}

type Entry = { readonly phc: string; readonly until: number }

export function createCredentialCache(options: {
  clock: Clock
  random: Random
  lifetimeMs: number
  entriesMax: number
}): CredentialCache {
  const { clock, lifetimeMs, entriesMax } = options
  const secret = options.random.bytes(32)
  /** Oldest first: a map keeps the order of insertion. */
  const entries = new Map<string, Entry>()

  const keyOf = (accountId: AccountId, password: string): string =>
    createHmac('sha256', secret).update(`${accountId}\0`).update(password).digest('base64')

  return {
    has({ accountId, phc, password }) {
      const key = keyOf(accountId, password)
      const entry = entries.get(key)
      if (entry === undefined) return false
      if (entry.phc === phc && clock.monotonic() < entry.until) return true
      entries.delete(key) // Too old, or the password was changed meanwhile.
      return false
    },
    add({ accountId, phc, password }) {
      const key = keyOf(accountId, password)
      entries.delete(key)
      entries.set(key, { phc, until: clock.monotonic() + lifetimeMs })
      if (entries.size > entriesMax) entries.delete(entries.keys().next().value!)
    },
    get size() {
      return entries.size
    },
  }
}
