/** Signatures of our own (RFC 6376 §5, RFC 8463). */
import { createHash, sign as signOctets, type KeyObject } from 'node:crypto'
import { DKIM_SIGNATURE_LIFETIME_SECONDS } from '../../model/limits.ts'
import { canonicalField, type RawField } from './canonical.ts'

export type SigningKey = {
  readonly domain: string
  readonly selector: string
  /** Private; RSA or Ed25519. */
  readonly key: KeyObject
}

/**
 * Fields that are signed, once more than there are of them, so that nobody adds one (RFC 6376 §8.15, S8).
 * Not Return-Path, Received and what else is written on the way (§5.4.1).
 */
const SIGNED = [
  'from',
  'to',
  'cc',
  'subject',
  'date',
  'message-id',
  'reply-to',
  'sender',
  'in-reply-to',
  'references',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
]
/** Signed as often as they are there: lists add them. */
const SIGNED_IF_THERE = ['list-id', 'list-unsubscribe', 'list-unsubscribe-post', 'auto-submitted', 'tls-required']

const LINE_CHARACTERS = 72

/**
 * One DKIM-Signature field with its CRLF, relaxed/relaxed.
 * @param letter.bodyHash SHA-256 of the body in relaxed form
 * @param letter.now epoch milliseconds
 */
export function signLetter(
  { domain, selector, key }: SigningKey,
  letter: { readonly fields: readonly RawField[]; readonly bodyHash: Buffer; readonly now: number },
): string {
  const { fields, bodyHash } = letter
  const signedAt = Math.floor(letter.now / 1000)
  const rsa = key.asymmetricKeyType === 'rsa'
  const names: string[] = []
  const lines: string[] = []
  const add = (name: string, more: boolean): void => {
    // RFC 6376 §5.4.2: from the last one upwards.
    const there = fields.filter((field) => field.name === name).toReversed()
    for (const field of there) {
      names.push(name)
      lines.push(`${canonicalField(field, 'relaxed')}\r\n`)
    }
    if (more) names.push(name)
  }
  for (const name of SIGNED) add(name, true)
  for (const name of SIGNED_IF_THERE) add(name, false)

  const tags = [
    'v=1',
    `a=${rsa ? 'rsa' : 'ed25519'}-sha256`,
    'c=relaxed/relaxed',
    `d=${domain}`,
    `s=${selector}`,
    `t=${signedAt}`,
    `x=${signedAt + DKIM_SIGNATURE_LIFETIME_SECONDS}`,
    ...foldedList(`h=${names.join(':')}`),
    `bh=${bodyHash.toString('base64')}`,
    'b=',
  ]
  const unsigned = `DKIM-Signature: ${folded(tags)}`
  lines.push(canonicalField({ name: 'dkim-signature', raw: unsigned }, 'relaxed'))
  const octets = Buffer.from(lines.join(''), 'latin1')
  const signature = rsa
    ? signOctets('sha256', octets, key)
    : signOctets(null, createHash('sha256').update(octets).digest(), key)
  const pieces = signature.toString('base64').match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? []
  return `${unsigned}${pieces.map((piece) => `\r\n\t${piece}`).join('')}\r\n`
}

/** RFC 6376 §3.5: white space may stand around the colons. */
function foldedList(list: string): string[] {
  const lines: string[] = ['']
  for (const [index, name] of list.split(':').entries()) {
    const piece = index === 0 ? name : `:${name}`
    const last = lines.length - 1
    if (lines[last]!.length + piece.length > LINE_CHARACTERS) lines.push(piece)
    else lines[last] += piece
  }
  return [lines.join('\r\n\t')]
}

function folded(tags: readonly string[]): string {
  let text = ''
  let column = 'DKIM-Signature: '.length
  for (const [index, tag] of tags.entries()) {
    const piece = index === tags.length - 1 ? tag : `${tag};`
    const width = piece.length
    if (index > 0 && column + 1 + width > LINE_CHARACTERS) {
      text += `\r\n\t${piece}`
      column = 8 + piece.length - (piece.lastIndexOf('\n') + 1)
    } else {
      text += index === 0 ? piece : ` ${piece}`
      column += width + 1
    }
  }
  return text
}
