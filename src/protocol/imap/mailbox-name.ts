import { Fault, type Cursor } from './cursor.ts'

const AMPERSAND = 0x26
const MINUS = 0x2d

/** How names travel: modified UTF-7 until the client enabled IMAP4rev2 or UTF8=ACCEPT (RFC 9051 §5.1, RFC 6855 §3). */
export type NameForm = 'utf7' | 'utf8'

/**
 * Modified UTF-7 to text (RFC 3501 §5.1.3).
 * Interop: octets above 127 are taken as the UTF-8 they already are; many clients send them before ENABLE.
 * @returns null when the shifted part is not in its one right form
 */
export function decodeUtf7(name: string): string | null {
  let out = ''
  let at = 0
  for (;;) {
    const shift = name.indexOf('&', at)
    if (shift < 0) return out + name.slice(at)
    out += name.slice(at, shift)
    const end = name.indexOf('-', shift)
    if (end < 0) return null
    if (end === shift + 1) out += '&'
    else {
      const text = decodeShifted(name.slice(shift + 1, end))
      if (text === null) return null
      out += text
      if (name.charCodeAt(end + 1) === AMPERSAND && name.charCodeAt(end + 2) !== MINUS) return null // superfluous shift
    }
    at = end + 1
  }
}

function decodeShifted(base64: string): string | null {
  for (let i = 0; i < base64.length; i++) {
    const c = base64.charCodeAt(i)
    const fits =
      (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || c === 0x2b || c === 0x2c
    if (!fits) return null
  }
  const bytes = Buffer.from(base64.replaceAll(',', '/'), 'base64')
  if (bytes.length === 0 || bytes.length % 2 !== 0) return null
  const text = bytes.swap16().toString('ucs2')
  if (!text.isWellFormed() || encodeShifted(text) !== base64) return null
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c >= 0x20 && c <= 0x7e) return null // RFC 3501 §5.1.3: printable US-ASCII stands for itself.
  }
  return text
}

const encodeShifted = (text: string): string =>
  Buffer.from(text, 'ucs2').swap16().toString('base64').replaceAll('/', ',').replaceAll('=', '')

export function encodeUtf7(name: string): string {
  let out = ''
  let pending = ''
  const flush = (): void => {
    if (pending !== '') out += `&${encodeShifted(pending)}-`
    pending = ''
  }
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    if (c >= 0x20 && c <= 0x7e) {
      flush()
      out += c === AMPERSAND ? '&-' : name[i]!
    } else pending += name[i]!
  }
  flush()
  return out
}

/** A mailbox argument as decoded UTF-8; `INBOX` in any case becomes `INBOX` (RFC 9051 §5.1). */
export function parseMailbox(cursor: Cursor, form: NameForm): string {
  return fromWire(cursor.astring(), form)
}

/** The text of a mailbox argument, or of a pattern, as decoded UTF-8. */
export function fromWire(wire: string, form: NameForm): string {
  const name = form === 'utf8' ? wire : decodeUtf7(wire)
  if (name === null) throw new Fault('Mailbox name is not modified UTF-7', { status: 'NO', code: 'CANNOT' })
  return name.toUpperCase() === 'INBOX' ? 'INBOX' : name
}

export const toWire = (name: string, form: NameForm): string => (form === 'utf8' ? name : encodeUtf7(name))
