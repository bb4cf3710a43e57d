import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { decodeBase64 } from './base64.ts'
import { askKeys, askResponse, malformed, readText, type SaslExchange, type ScramKeyPair } from './exchange.ts'

export type ScramOptions = {
  /** SCRAM-SHA-256-PLUS. */
  readonly plus: boolean
  /** Whether -PLUS was offered on this connection: a client that says it saw none was deceived (RFC 5802 §6). */
  readonly plusOffered: boolean
  /** The connection's channel-binding data, null for a type it has none of. */
  channelBinding(type: string): Uint8Array | null
  /** Printable, without commas; fresh for each exchange, at least 18 octets of chance. */
  readonly serverNonce: string
}

const EMPTY = Buffer.alloc(0)
/** RFC 5802 §7 `printable`. */
const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/

const hmac = (key: Buffer, text: string | Buffer): Buffer => createHmac('sha256', key).update(text).digest()
const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()

type ClientFirst = {
  readonly gs2Header: string
  readonly binding: { readonly flag: 'n' | 'y' } | { readonly flag: 'p'; readonly type: string }
  readonly bare: string
  readonly login: string
  readonly nonce: string
}

/** RFC 5802 §5.1: `=2C` and `=3D` are all that `=` may begin. */
function decodeName(text: string): string | null {
  if (/=(?!2C|3D)/.test(text)) return null
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

/** RFC 5802 §7 client-first-message. @returns why not, as text */
function parseClientFirst(text: string): ClientFirst | string {
  const [flag = '', authzid = '', ...rest] = text.split(',')
  const bare = rest.join(',')
  const [name = '', nonceAttribute = ''] = rest
  const type = flag.startsWith('p=') ? flag.slice(2) : null
  if (type === null && flag !== 'n' && flag !== 'y') return 'malformed GS2 header'
  if (name.startsWith('m=')) return 'extension not supported'
  if (!name.startsWith('n=') || !nonceAttribute.startsWith('r=')) return 'malformed first message'
  const login = decodeName(name.slice(2))
  const nonce = nonceAttribute.slice(2)
  if (login === null || login === '' || !NONCE.test(nonce)) return 'malformed name or nonce'
  if (authzid !== '' && (!authzid.startsWith('a=') || decodeName(authzid.slice(2)) !== login)) {
    return 'authorization identity differs from the login'
  }
  const binding = type === null ? { flag: flag as 'n' | 'y' } : { flag: 'p' as const, type }
  return { gs2Header: `${flag},${authzid},`, binding, bare, login, nonce }
}

/** RFC 5802 §6. @returns the data that `c=` must hold behind the GS2 header, or why the binding cannot hold */
function expectedBinding(first: ClientFirst, options: ScramOptions): Uint8Array | string {
  const { binding } = first
  if (!options.plus) {
    if (binding.flag === 'p') return 'channel binding needs SCRAM-SHA-256-PLUS'
    if (binding.flag === 'y' && options.plusOffered) return 'channel binding was offered'
    return EMPTY
  }
  if (binding.flag !== 'p') return 'SCRAM-SHA-256-PLUS needs channel binding'
  return options.channelBinding(binding.type) ?? 'channel binding type not supported'
}

/** RFC 5802 §3. The server signature is null when the proof is wrong. */
function checkProof(keys: ScramKeyPair, authMessage: string, proof: Buffer): Buffer | null {
  const storedKey = Buffer.from(keys.storedKey, 'base64')
  const signature = hmac(storedKey, authMessage)
  if (proof.length !== signature.length) return null
  const clientKey = Buffer.from(proof.map((octet, index) => octet ^ signature[index]!))
  if (!timingSafeEqual(sha256(clientKey), storedKey)) return null
  return hmac(Buffer.from(keys.serverKey, 'base64'), authMessage)
}

/** SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677). */
export function* scramExchange(initialResponse: Buffer | null, options: ScramOptions): SaslExchange {
  const firstText = readText(initialResponse ?? (yield* askResponse(EMPTY)))
  const first = firstText === null ? 'first message is not UTF-8' : parseClientFirst(firstText)
  if (typeof first === 'string') return malformed(first)
  const binding = expectedBinding(first, options)
  if (typeof binding === 'string') return malformed(binding)

  const keys = yield* askKeys(first.login)
  const nonce = first.nonce + options.serverNonce
  const serverFirst = `r=${nonce},s=${keys.salt},i=${keys.iterations}`
  const finalText = readText(yield* askResponse(Buffer.from(serverFirst))) ?? ''
  const proofAt = finalText.lastIndexOf(',p=')
  if (proofAt === -1) return malformed('final message without a proof')
  const withoutProof = finalText.slice(0, proofAt)
  const proof = decodeBase64(finalText.slice(proofAt + 3))
  const [bindingAttribute = '', nonceAttribute = ''] = withoutProof.split(',')
  if (proof === null || !bindingAttribute.startsWith('c=')) return malformed('malformed final message')
  if (nonceAttribute !== `r=${nonce}`) return malformed('nonce differs')

  const bound = decodeBase64(bindingAttribute.slice(2))
  const wanted = Buffer.concat([Buffer.from(first.gs2Header), binding])
  const boundRight = bound !== null && bound.length === wanted.length && timingSafeEqual(bound, wanted)
  const authMessage = `${first.bare},${serverFirst},${withoutProof}`
  const signatures = keys.pairs.map((pair) => checkProof(pair, authMessage, proof))
  const pair = signatures.findIndex((each) => each !== null)
  const signature = signatures[pair]
  if (!boundRight || !signature) return { at: 'proof', login: first.login, pair: null }
  // Additional data with success travels as one more challenge (RFC 4954 §4, RFC 9051 §6.2.2, RFC 5034 §4).
  const last = yield* askResponse(Buffer.from(`v=${signature.toString('base64')}`))
  return last.length === 0 ? { at: 'proof', login: first.login, pair } : malformed('surplus response')
}
