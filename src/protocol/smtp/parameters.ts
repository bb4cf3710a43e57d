/** Parameters of MAIL and RCPT (RFC 5321 §4.1.1.11). */
import type { DsnNotify, Envelope } from '../../model/envelope.ts'
import { reply, type SmtpReply } from '../../model/reply.ts'
import { err, ok, type Result } from '../../std/result.ts'
import { decodeXtext } from './xtext.ts'

export type MailParameters = {
  sizeOctets: number | null
  body: Envelope['body']
  smtputf8: boolean
  requireTls: boolean
  ret?: 'FULL' | 'HDRS'
  envelopeId?: string
}

export type RcptParameters = { notify?: DsnNotify; originalRecipient?: string }

/** RFC 3461 §4.4: 100 characters of ENVID; §4.2: 500 of ORCPT. */
const ENVID_MAX = 100
const ORCPT_MAX = 500

const bad = (text: string): { ok: false; error: SmtpReply } => err(reply(501, '5.5.4', text))
// RFC 5321 §4.1.1.11: 555 for a parameter that is not known.
const unknown = (keyword: string): { ok: false; error: SmtpReply } =>
  err(reply(555, '5.5.4', `Parameter ${keyword} not supported`))

type Pairs = readonly (readonly [keyword: string, value: string | null])[]

/** @param text what follows the path, with its leading blank */
function split(text: string): Result<Pairs, SmtpReply> {
  const rest = text.trim()
  if (rest === '') return ok([])
  if (!text.startsWith(' ')) return bad('Characters behind the path')
  const pairs: [string, string | null][] = []
  const seen = new Set<string>()
  for (const word of rest.split(/ +/)) {
    const equals = word.indexOf('=')
    const keyword = (equals === -1 ? word : word.slice(0, equals)).toUpperCase()
    if (!/^[A-Z0-9][A-Z0-9-]*$/.test(keyword)) return bad('Malformed parameter')
    if (seen.has(keyword)) return bad(`Parameter ${keyword} given twice`)
    seen.add(keyword)
    pairs.push([keyword, equals === -1 ? null : word.slice(equals + 1)])
  }
  return ok(pairs)
}

export function parseMailParameters(text: string): Result<MailParameters, SmtpReply> {
  const pairs = split(text)
  if (!pairs.ok) return pairs
  const found: MailParameters = { sizeOctets: null, body: '7BIT', smtputf8: false, requireTls: false }
  for (const [keyword, value] of pairs.value) {
    switch (keyword) {
      case 'SIZE': // RFC 1870 §4
        if (value === null || !/^[0-9]{1,20}$/.test(value)) return bad('Malformed SIZE')
        found.sizeOctets = Number(value)
        break
      case 'BODY': {
        // RFC 6152 §2, RFC 3030 §3
        const body = value?.toUpperCase()
        if (body !== '7BIT' && body !== '8BITMIME' && body !== 'BINARYMIME') return bad('Malformed BODY')
        found.body = body
        break
      }
      case 'SMTPUTF8': // RFC 6531 §3.4
        if (value !== null) return bad('SMTPUTF8 takes no value')
        found.smtputf8 = true
        break
      case 'REQUIRETLS': // RFC 8689 §2
        if (value !== null) return bad('REQUIRETLS takes no value')
        found.requireTls = true
        break
      case 'AUTH': // RFC 4954 §5: a hint about who submitted it; taken and not used.
        if (value === null || decodeXtext(value) === null) return bad('Malformed AUTH')
        break
      case 'RET': {
        // RFC 3461 §4.3
        const ret = value?.toUpperCase()
        if (ret !== 'FULL' && ret !== 'HDRS') return bad('Malformed RET')
        found.ret = ret
        break
      }
      case 'ENVID': {
        // RFC 3461 §4.4
        const envelopeId = value === null || value.length > ENVID_MAX ? null : decodeXtext(value)
        if (envelopeId === null || envelopeId === '') return bad('Malformed ENVID')
        found.envelopeId = envelopeId
        break
      }
      default:
        return unknown(keyword)
    }
  }
  return ok(found)
}

export function parseRcptParameters(text: string): Result<RcptParameters, SmtpReply> {
  const pairs = split(text)
  if (!pairs.ok) return pairs
  const found: RcptParameters = {}
  for (const [keyword, value] of pairs.value) {
    if (keyword === 'NOTIFY') {
      const notify = parseNotify(value ?? '')
      if (notify === null) return bad('Malformed NOTIFY')
      found.notify = notify
    } else if (keyword === 'ORCPT') {
      const original = value === null || value.length > ORCPT_MAX ? null : parseOriginalRecipient(value)
      if (original === null) return bad('Malformed ORCPT')
      found.originalRecipient = original
    } else return unknown(keyword)
  }
  return ok(found)
}

/** RFC 3461 §4.1. */
function parseNotify(value: string): DsnNotify | null {
  const words = value.toLowerCase().split(',')
  if (words.length === 1 && words[0] === 'never') return 'never'
  const found: ('success' | 'failure' | 'delay')[] = []
  for (const word of words) {
    if (word !== 'success' && word !== 'failure' && word !== 'delay') return null
    if (!found.includes(word)) found.push(word)
  }
  return found
}

/** RFC 3461 §4.2, RFC 6533 §3 for `utf-8`. */
function parseOriginalRecipient(value: string): string | null {
  const semicolon = value.indexOf(';')
  const type = value.slice(0, semicolon)
  const address = decodeXtext(value.slice(semicolon + 1))
  if (semicolon === -1 || !/^[A-Za-z0-9-]+$/.test(type) || address === null || address === '') return null
  return `${type};${address}`
}
