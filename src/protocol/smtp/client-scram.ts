import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { saslprep } from '../../format/charset/saslprep.ts'
import { err, ok, type Result } from '../../std/result.ts'

/** RFC 7677 §4 asks for at least this many. */
const ITERATIONS_MIN = 4096
/** A hostile server could ask for any number; the hash would hold a thread of the pool. */
const ITERATIONS_MAX = 1_000_000

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** RFC 5802 §2.2: SASLprep; what it cannot take is used as it is. */
export function preparePassword(text: string): string {
  try {
    return saslprep(text)
  } catch {
    return text
  }
}

/** `a=…,b=…` in order; RFC 5802 §7. */
function attributes(message: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const part of message.split(',')) if (part[1] === '=' && !found.has(part[0]!)) found.set(part[0]!, part.slice(2))
  return found
}

export type ScramChallenge = { readonly salt: Buffer; readonly iterations: number }

export type ScramClient = {
  readonly clientFirst: string
  /** Reads server-first: what the password has to be stretched with (PBKDF2-SHA-256, 32 octets). */
  challenge(serverFirst: string): Result<ScramChallenge, string>
  /** @param saltedPassword as `challenge` asked @returns client-final */
  clientFinal(saltedPassword: Uint8Array): string
  /** Whether server-final proves that the server knows the password too. */
  verify(serverFinal: string): boolean
}

/** SCRAM-SHA-256 as the client (RFC 5802, RFC 7677), without channel binding. `nonce`: printable, without comma. */
export function createScramClient(options: { user: string; nonce: string }): ScramClient {
  const name = preparePassword(options.user).replace(/=/g, '=3D').replace(/,/g, '=2C') // RFC 5802 §5.1.
  const bare = `n=${name},r=${options.nonce}`
  let serverFirst = ''
  let combinedNonce = ''
  let serverSignature: Buffer | null = null

  return {
    clientFirst: `n,,${bare}`,
    challenge(message) {
      const found = attributes(message)
      const nonce = found.get('r') ?? ''
      const iterations = Number(found.get('i'))
      // RFC 5802 §5.1: an unknown mandatory extension ends the exchange; so does a nonce that does not begin with ours.
      if (found.has('m')) return err('the server asks for an unknown SCRAM extension')
      if (!nonce.startsWith(options.nonce) || nonce === options.nonce) return err('the SCRAM nonce is not ours')
      if (!Number.isInteger(iterations) || iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
        return err('the SCRAM iteration count is out of bounds')
      }
      const salt = Buffer.from(found.get('s') ?? '', 'base64')
      if (salt.length === 0) return err('the SCRAM salt is missing')
      serverFirst = message
      combinedNonce = nonce
      return ok({ salt, iterations })
    },
    clientFinal(saltedPassword) {
      const withoutProof = `c=biws,r=${combinedNonce}`
      const authMessage = `${bare},${serverFirst},${withoutProof}`
      const clientKey = hmac(saltedPassword, 'Client Key')
      const signature = hmac(createHash('sha256').update(clientKey).digest(), authMessage)
      const proof = Buffer.from(clientKey.map((octet, i) => octet ^ signature[i]!))
      serverSignature = hmac(hmac(saltedPassword, 'Server Key'), authMessage)
      return `${withoutProof},p=${proof.toString('base64')}`
    },
    verify(message) {
      const said = Buffer.from(attributes(message).get('v') ?? '', 'base64')
      return (
        serverSignature !== null && said.length === serverSignature.length && timingSafeEqual(said, serverSignature)
      )
    },
  }
}
