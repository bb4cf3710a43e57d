import { createHash, createHmac, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { saslprep as prepare } from '../../format/charset/saslprep.ts'
import type { ScramKeys } from '../contract.ts'

const derive = promisify(pbkdf2)

/** RFC 7677 §4: at least 4096. Ten thousand cost 2 ms once, when the password is set. */
export const SCRAM_ITERATIONS = 10_000
const SALT_OCTETS = 16

/** SASLprep (RFC 4013). @returns null when the password may not be used with SCRAM: prohibited characters, or empty */
export function saslprep(password: string): string | null {
  try {
    const prepared = prepare(password)
    return prepared === '' ? null : prepared
  } catch {
    return null
  }
}

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** RFC 5802 §3 with SHA-256 (RFC 7677). `password` is prepared already. */
export async function deriveScramKeys(
  password: string,
  salt: Uint8Array,
  iterations: number = SCRAM_ITERATIONS,
): Promise<ScramKeys> {
  const salted = await derive(password, salt, iterations, 32, 'sha256') // SaltedPassword := Hi(…)
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest()
  return {
    salt: Buffer.from(salt).toString('base64'),
    iterations,
    storedKey: storedKey.toString('base64'),
    serverKey: hmac(salted, 'Server Key').toString('base64'),
  }
}

/**
 * Keys for a name that has none: the same each time and after a restart, and no different to look at (S7).
 * No password fits them. `secret` is the installation's own.
 */
export function madeUpScramKeys(login: string, secret: Uint8Array): ScramKeys {
  const part = (name: string): Buffer => hmac(secret, `scram ${name}\0${login}`)
  return {
    salt: part('salt').subarray(0, SALT_OCTETS).toString('base64'),
    iterations: SCRAM_ITERATIONS,
    storedKey: part('stored').toString('base64'),
    serverKey: part('server').toString('base64'),
  }
}
