import { createHmac } from 'node:crypto'
import type { Clock } from '../../std/clock.ts'
import type { Random } from '../../std/random.ts'
import type { AccountId } from '../../model/ids.ts'

/**
 * Remembers for a short time which passwords were right, so that a phone that reconnects all day costs one hash.
 * Keeps a keyed hash under a key that lives and dies with the process, never the password.
 */
export type CredentialCache = {
  /** What a password is remembered under. `phc`: the credential that the account has now; another makes another key. */
  key(of: { accountId: AccountId; phc: string; password: string }): string
  /** Whether the password was right lately. */
  has(key: string): boolean
  add(key: string): void
  readonly size: number
}

/** @param options.entriesMax past it the oldest are forgotten */
export function createCredentialCache(options: {
  clock: Clock
  random: Random
  lifetimeMs: number
  entriesMax: number
}): CredentialCache {
  const { clock, lifetimeMs, entriesMax } = options
  const secret = options.random.bytes(32)
  /** When each ends; oldest first, since a map keeps the order of insertion. */
  const until = new Map<string, number>()

  return {
    key({ accountId, phc, password }) {
      // The length in front keeps the parts apart.
      const text = `${accountId} ${phc.length} ${phc}${password}`
      return createHmac('sha256', secret).update(text).digest('base64')
    },
    has(key) {
      const end = until.get(key)
      if (end !== undefined && clock.monotonic() < end) return true
      until.delete(key)
      return false
    },
    add(key) {
      until.delete(key)
      until.set(key, clock.monotonic() + lifetimeMs)
      if (until.size > entriesMax) until.delete(until.keys().next().value!)
    },
    get size() {
      return until.size
    },
  }
}
