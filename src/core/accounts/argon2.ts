import { argon2 as nodeArgon2 } from 'node:crypto'
import type { Argon2Cost } from './phc.ts'

/** argon2id version 19 (RFC 9106), off the event loop. The password goes in as UTF-8. */
export type Argon2 = (input: {
  password: string
  salt: Uint8Array
  cost: Argon2Cost
  tagOctets: number
}) => Promise<Uint8Array>

/** What Node brings: always there. */
export const argon2OfNode: Argon2 = ({ password, salt, cost, tagOctets }) =>
  new Promise((resolve, reject) => {
    const parameters = {
      message: Buffer.from(password),
      nonce: salt,
      memory: cost.memoryKib,
      passes: cost.passes,
      parallelism: cost.parallelism,
      tagLength: tagOctets,
    }
    nodeArgon2('argon2id', parameters, (error, tag) => (error === null ? resolve(tag) : reject(error)))
  })

/** A native addon with the same answers for a third of the CPU; null where its binary for the platform is missing. */
export async function loadNativeArgon2(): Promise<Argon2 | null> {
  try {
    const { hashRaw } = await import('@node-rs/argon2')
    return ({ password, salt, cost, tagOctets }) =>
      hashRaw(Buffer.from(password), {
        salt,
        memoryCost: cost.memoryKib,
        timeCost: cost.passes,
        parallelism: cost.parallelism,
        outputLen: tagOctets,
      }) // Its default algorithm is argon2id, version 19.
  } catch {
    return null
  }
}

/** The fastest that loads, loaded for the first password: most threads see none. */
export function lazyArgon2(): Argon2 {
  let loading: Promise<Argon2 | null> | null = null
  return async (input) => {
    loading ??= loadNativeArgon2()
    return ((await loading) ?? argon2OfNode)(input)
  }
}
