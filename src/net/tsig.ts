/** Transaction signatures of DNS (RFC 8945), for the updates that we send. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { TSIG_FUDGE_SECONDS } from '../model/limits.ts'
import { err, ok, type Result } from '../std/result.ts'

/** RFC 8945 §6, those that are worth using. */
const DIGESTS = {
  'hmac-sha224': 'sha224',
  'hmac-sha256': 'sha256',
  'hmac-sha384': 'sha384',
  'hmac-sha512': 'sha512',
} as const
export type TsigAlgorithm = keyof typeof DIGESTS

export type TsigKey = { readonly name: string; readonly algorithm: TsigAlgorithm; readonly secret: Uint8Array }

const TYPE_TSIG = 250
const CLASS_ANY = 255
/** Fixed part of a record after its name: type, class, TTL, length. */
const RECORD_HEAD_OCTETS = 10

/**
 * A key as `tsig-keygen` writes it (`key "name" { algorithm hmac-sha256; secret "…"; };`) or as `nsupdate -y` takes it
 * (`hmac-sha256:name:secret`).
 */
export function parseTsigKey(text: string): Result<TsigKey, string> {
  const plain = text.replace(/^[ \t]*(?:#|\/\/).*$/gm, '').trim()
  const clause = /^key\s+"?([^\s"{]+)"?\s*\{([^}]*)\}\s*;?$/.exec(plain)
  const line = /^([a-z0-9-]+):([^\s:]+):([A-Za-z0-9+/=]+)$/.exec(plain)
  const name = clause?.[1] ?? line?.[2]
  const algorithm = (/\balgorithm\s+"?([\w-]+)"?\s*;/.exec(clause?.[2] ?? '')?.[1] ?? line?.[1])?.toLowerCase()
  const secret = /\bsecret\s+"?([A-Za-z0-9+/=]+)"?\s*;/.exec(clause?.[2] ?? '')?.[1] ?? line?.[3]
  if (name === undefined || algorithm === undefined || secret === undefined)
    return err('it is no TSIG key: key "name" { algorithm hmac-sha256; secret "…"; };')
  if (!isAlgorithm(algorithm)) return err(`${algorithm} is none of ${Object.keys(DIGESTS).join(', ')}`)
  return ok({ name: plainName(name), algorithm, secret: Buffer.from(secret, 'base64') })
}

const isAlgorithm = (text: string): text is TsigAlgorithm => Object.hasOwn(DIGESTS, text)
const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '')

/** RFC 1035 §3.1, without compression. */
export function encodeName(name: string): Buffer {
  const labels = plainName(name)
    .split('.')
    .map((label) => Buffer.from(label, 'latin1'))
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])])
}

function uint48(seconds: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(seconds, 0, 6)
  return bytes
}
export function uint16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  values.forEach((value, index) => bytes.writeUInt16BE(value, index * 2))
  return bytes
}

type Variables = { readonly time: Buffer; readonly fudge: number; readonly error: number; readonly other: Buffer }

/** RFC 8945 §4.3.3. */
function macOf(key: TsigKey, parts: readonly Uint8Array[], { time, fudge, error, other }: Variables): Buffer {
  const mac = createHmac(DIGESTS[key.algorithm], key.secret)
  for (const part of parts) mac.update(part)
  mac.update(Buffer.concat([encodeName(key.name), uint16(CLASS_ANY, 0, 0), encodeName(key.algorithm)]))
  mac.update(Buffer.concat([time, uint16(fudge, error, other.length), other]))
  return mac.digest()
}

/** @param message without a signature. @returns the signed message and its MAC, with which the answer is checked */
export function signMessage(message: Buffer, key: TsigKey, nowMs: number): { message: Buffer; mac: Buffer } {
  const time = uint48(Math.floor(nowMs / 1000))
  const none = Buffer.alloc(0)
  const mac = macOf(key, [message], { time, fudge: TSIG_FUDGE_SECONDS, error: 0, other: none })
  const id = message.readUInt16BE(0)
  const data = Buffer.concat([
    encodeName(key.algorithm),
    time,
    uint16(TSIG_FUDGE_SECONDS, mac.length),
    mac,
    uint16(id, 0, 0),
  ])
  const head = Buffer.concat([encodeName(key.name), uint16(TYPE_TSIG, CLASS_ANY, 0, 0, data.length)])
  const signed = Buffer.concat([message, head, data])
  signed.writeUInt16BE(message.readUInt16BE(10) + 1, 10) // ARCOUNT
  return { message: signed, mac }
}

export type Checked =
  | { readonly at: 'good' }
  /** The answer may be anyone's. */
  | { readonly at: 'bad'; readonly why: string }
  /** The server says what is wrong with our signature. */
  | { readonly at: 'refused'; readonly why: string }

/** RFC 8945 §5.3: an answer is ours only with the key's signature. */
export function checkAnswer(answer: Buffer, key: TsigKey, requestMac: Buffer, nowMs: number): Checked {
  const at = lastRecord(answer)
  if (at === null) return { at: 'bad', why: 'the answer is not signed' }
  const head = afterName(answer, at)
  if (head === null || answer.readUInt16BE(head) !== TYPE_TSIG) return { at: 'bad', why: 'the answer is not signed' }
  const algorithmEnd = afterName(answer, head + RECORD_HEAD_OCTETS)
  if (algorithmEnd === null || algorithmEnd + 10 > answer.length) return { at: 'bad', why: 'its signature is cut off' }
  const time = answer.subarray(algorithmEnd, algorithmEnd + 6)
  const fudge = answer.readUInt16BE(algorithmEnd + 6)
  const macEnd = algorithmEnd + 10 + answer.readUInt16BE(algorithmEnd + 8)
  if (macEnd + 6 > answer.length) return { at: 'bad', why: 'its signature is cut off' }
  const mac = answer.subarray(algorithmEnd + 10, macEnd)
  const error = answer.readUInt16BE(macEnd + 2)
  const other = answer.subarray(macEnd + 6, macEnd + 6 + answer.readUInt16BE(macEnd + 4))
  if (mac.length === 0) return { at: 'refused', why: tsigError(error) }
  const unsigned = Buffer.from(answer.subarray(0, at))
  unsigned.writeUInt16BE(answer.readUInt16BE(10) - 1, 10)
  unsigned.writeUInt16BE(answer.readUInt16BE(macEnd), 0) // The original id.
  const wanted = macOf(key, [uint16(requestMac.length), requestMac, unsigned], { time, fudge, error, other })
  if (mac.length !== wanted.length || !timingSafeEqual(mac, wanted)) return { at: 'bad', why: 'its signature is wrong' }
  if (error !== 0) return { at: 'refused', why: tsigError(error) }
  const off = Math.abs(time.readUIntBE(0, 6) - nowMs / 1000)
  return off > fudge ? { at: 'bad', why: 'its signature is of another time; are the clocks right?' } : { at: 'good' }
}

/** RFC 8945 §3. */
function tsigError(error: number): string {
  const known: Record<number, string> = {
    16: 'the server says that the signature is wrong (BADSIG): is the secret the same there?',
    17: 'the server does not know the key (BADKEY): name and algorithm must be those of its configuration',
    18: 'the clocks of the two servers differ (BADTIME)',
    22: 'the server wants a longer signature (BADTRUNC)',
  }
  return known[error] ?? `the server refuses the signature (error ${error})`
}

/** The offset after a name, pointers included; null when it runs out. */
function afterName(message: Buffer, start: number): number | null {
  let at = start
  for (;;) {
    const length = message[at]
    if (length === undefined) return null
    if (length === 0) return at + 1
    if ((length & 0xc0) === 0xc0) return at + 2
    at += 1 + length
  }
}

/** Where the last record begins; null without one. */
function lastRecord(message: Buffer): number | null {
  if (message.length < 12) return null
  let at: number | null = 12
  for (let left = message.readUInt16BE(4); left > 0 && at !== null; left--) {
    const end = afterName(message, at)
    at = end === null ? null : end + 4
  }
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10)
  let last: number | null = null
  for (let left = records; left > 0; left--) {
    if (at === null) return null
    last = at
    const head = afterName(message, at)
    if (head === null || head + RECORD_HEAD_OCTETS > message.length) return null
    at = head + RECORD_HEAD_OCTETS + message.readUInt16BE(head + 8)
  }
  return at !== null && at <= message.length ? last : null
}
