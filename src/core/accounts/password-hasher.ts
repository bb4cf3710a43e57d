import { timingSafeEqual } from 'node:crypto'
import type { Random } from '../../std/random.ts'
import type { Argon2 } from './argon2.ts'
import { parsePhc, printPhc, type Argon2Cost } from './phc.ts'

/** Makes and checks PHC strings. Costly on purpose: callers go through the hash gate. */
export type PasswordHasher = {
  hash(password: string): Promise<string>
  /** False also for a string that is no argon2id hash; that costs the same as a wrong password. */
  verify(phc: string, password: string): Promise<boolean>
  /** Does the work of a verification and forgets it: an unknown name must take as long as a wrong password (S7). */
  pretend(password: string): Promise<void>
}

/** 19 MiB, two passes, one lane: OWASP's recommendation for argon2id; 16–50 ms of CPU here. */
export const DEFAULT_COST: Argon2Cost = { memoryKib: 19_456, passes: 2, parallelism: 1 }

const SALT_OCTETS = 16 // RFC 9106 §3.1: 16 octets are recommended for password hashing.
const TAG_OCTETS = 32

/** @param options.cost lower only in tests */
export function createPasswordHasher(options: { random: Random; argon2: Argon2; cost?: Argon2Cost }): PasswordHasher {
  const { random, argon2 } = options
  const cost = options.cost ?? DEFAULT_COST
  const dummySalt = random.bytes(SALT_OCTETS)

  const pretend = async (password: string): Promise<void> => {
    await argon2({ password, salt: dummySalt, cost, tagOctets: TAG_OCTETS })
  }

  return {
    async hash(password) {
      const salt = random.bytes(SALT_OCTETS)
      return printPhc({ cost, salt, tag: await argon2({ password, salt, cost, tagOctets: TAG_OCTETS }) })
    },
    async verify(phc, password) {
      const stored = parsePhc(phc)
      if (stored === null) {
        await pretend(password)
        return false
      }
      const tag = await argon2({ password, salt: stored.salt, cost: stored.cost, tagOctets: stored.tag.length })
      return timingSafeEqual(tag, stored.tag)
    },
    pretend,
  }
}
