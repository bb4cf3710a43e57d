import type { PortGroup } from '../../model/service.ts'
import type { Ban, FailedLogin } from '../contract.ts'

/** A user who has signed in from a network (one IPv4 address, an IPv6 /64). `at`: epoch milliseconds, the last time. */
export type KnownPair = { readonly user: string; readonly host: string; readonly at: number }

/** What guards tell each other and the keeper of bans, and what the keeper tells them. Plain data. */
export type GuardNews =
  | {
      readonly news: 'failed'
      readonly address: string
      readonly facts: (FailedLogin & { readonly guess: string | null }) | null
    }
  | { readonly news: 'succeeded'; readonly address: string; readonly known: KnownPair | null }
  /** A strange address guesses at a user: counted before the password is looked at, and taken back when it was right. */
  | { readonly news: 'guess'; readonly user: string; readonly by: 1 | -1 }
  /** A connection has signed in, or a signed-in one has ended. */
  | {
      readonly news: 'session'
      readonly guard: string
      readonly cid: string
      readonly address: string
      readonly open: boolean
    }
  | { readonly news: 'visitors'; readonly counts: readonly (readonly [address: string, count: number])[] }
  /** A visitor of port 25 waited for its greeting. */
  | { readonly news: 'silent'; readonly address: string }
  /** It named so many recipients that are not here; below 0: it brought letters for so many that are. */
  | { readonly news: 'unknown-recipients'; readonly address: string; readonly count: number }
  /** A guard begins: whatever it knew is gone, and it wants to know what holds. */
  | { readonly news: 'hello'; readonly guard: string }
  | { readonly news: 'state'; readonly bans: readonly Ban[]; readonly known: readonly KnownPair[] }
  | { readonly news: 'ban'; readonly ban: Ban }
  /** `forgive`: failed logins from there are forgotten too. */
  | { readonly news: 'lift'; readonly network: string; readonly group: PortGroup; readonly forgive: boolean }
