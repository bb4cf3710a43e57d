/**
 * One POP3 session at a time has an account's maildrop (RFC 1939 §4), whichever thread serves it: a word of shared memory
 * for each account, 0 or the run of a thread that has it. Its pages come into being where they are touched.
 */
import { SECOND, type Clock } from '../../std/clock.ts'
import { ACCOUNTS_MAX } from '../../model/limits.ts'
import type { AccountId } from '../../model/ids.ts'
import type { MaildropLocks } from '../contract.ts'

/** What one run of a thread is given. Plain data that crosses threads. */
export type MaildropShare = {
  readonly holders: SharedArrayBuffer
  /** Of each account's last POP3 login, in seconds of the wall clock. */
  readonly logins: SharedArrayBuffer
  /** Not 0; another run has another. */
  readonly run: number
}

export type MaildropTable = {
  /** For a thread that begins. What its run before still had is free. */
  share(thread: string): MaildropShare
}

export function createMaildropTable(): MaildropTable {
  const holders = new SharedArrayBuffer(ACCOUNTS_MAX * Int32Array.BYTES_PER_ELEMENT)
  const logins = new SharedArrayBuffer(ACCOUNTS_MAX * Uint32Array.BYTES_PER_ELEMENT)
  const runs = new Map<string, number>()
  let newest = 0

  const free = (run: number): void => {
    const words = new Int32Array(holders)
    for (let at = words.indexOf(run); at !== -1; at = words.indexOf(run, at + 1)) {
      Atomics.compareExchange(words, at, run, 0)
    }
  }

  return {
    share(thread) {
      const before = runs.get(thread)
      if (before !== undefined) free(before)
      const run = ++newest
      runs.set(thread, run)
      return { holders, logins, run }
    },
  }
}

/** @param options.loginDelayMs between two POP3 logins of an account (RFC 2449 §6.5); 0: none */
export function openMaildropLocks(
  { holders, logins, run }: MaildropShare,
  options: { clock: Pick<Clock, 'now'>; loginDelayMs: number },
): MaildropLocks {
  const { clock, loginDelayMs } = options
  const held = new Int32Array(holders)
  const last = new Uint32Array(logins)

  const isTooSoon = (accountId: AccountId): boolean => {
    if (loginDelayMs === 0) return false
    const sinceMs = clock.now() - Atomics.load(last, accountId) * SECOND
    return sinceMs >= 0 && sinceMs < loginDelayMs // A clock that was set back locks nobody out (R12).
  }

  return {
    loginDelayMs,
    take(accountId) {
      if (isTooSoon(accountId)) return { at: 'too-soon' }
      if (Atomics.compareExchange(held, accountId, 0, run) !== 0) return { at: 'in-use' }
      if (loginDelayMs > 0) Atomics.store(last, accountId, Math.floor(clock.now() / SECOND))
      let taken = true
      return {
        at: 'taken',
        release() {
          if (taken) Atomics.store(held, accountId, 0)
          taken = false
        },
      }
    },
  }
}
