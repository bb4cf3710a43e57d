import { domainToASCII } from 'node:url'
import { assert } from '../../std/assert.ts'
import type { Address, ReversePath } from '../../model/address.ts'
import type { Envelope, Recipient } from '../../model/envelope.ts'
import { printPath } from '../../format/address/address.ts'
import type { Extensions } from './client-ehlo.ts'

const ASCII = /^[\0-\x7f]*$/
/** RFC 3461 §4: xtext leaves these as they are. */
const NOT_XTEXT = /[^!-*,-<>-~]/g
/** RFC 6533 §3: what utf-8-addr-unitext must write as `\x{…}`. */
const NOT_UNITEXT = /[\0- +=\\\x7f]/g

const isAscii = (text: string): boolean => ASCII.test(text)

/** @returns the address with an A-label domain, as it is used without SMTPUTF8 */
function withAsciiDomain(address: Address): Address {
  if (isAscii(address.domain)) return address
  const domain = domainToASCII(address.domain)
  assert(domain !== '', 'an address with a domain that has no A-labels')
  return { localPart: address.localPart, domain }
}

/** Whether the address can only be said under SMTPUTF8: a domain can be turned into A-labels, a local part cannot. */
export function needsSmtpUtf8(address: ReversePath): boolean {
  return address !== null && !isAscii(address.localPart)
}

function path(address: ReversePath, smtputf8: boolean): string {
  const printed = printPath(address === null || smtputf8 ? address : withAsciiDomain(address))
  // Parsed at the door; looked at once more where a CRLF would become a command (S23).
  assert(!/[\0\r\n]/.test(printed), 'an address with a line end')
  return printed
}

export function xtext(text: string): string {
  return text.replace(NOT_XTEXT, (character) => {
    const octets = Buffer.from(character)
    return [...octets].map((octet) => `+${octet.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  })
}

/** RFC 3461 §4.2; RFC 6533 §3 for the `utf-8` address type. */
function printOriginalRecipient(text: string, smtputf8: boolean): string | null {
  const semicolon = text.indexOf(';')
  if (semicolon === -1) return null
  const type = text.slice(0, semicolon)
  const address = text.slice(semicolon + 1)
  if (!/^[A-Za-z0-9-]+$/.test(type)) return null
  if (type.toLowerCase() !== 'utf-8') return `${type};${xtext(address)}`
  const escaped = address.replace(smtputf8 ? NOT_UNITEXT : /[^!-*,-<>-[\]-~]/gu, (character) => {
    return `\\x{${character.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')}}`
  })
  return `${type};${escaped}`
}

export type MailFacts = {
  readonly envelope: Omit<Envelope, 'recipients'>
  readonly sizeOctets: number
  /** Whether this transaction is said under SMTPUTF8. */
  readonly smtputf8: boolean
}

/** MAIL with the parameters that the server has offered, without CRLF. */
export function mailCommand(mail: MailFacts, extensions: Extensions): string {
  const { envelope, smtputf8 } = mail
  let line = `MAIL FROM:${path(envelope.reversePath, smtputf8)}`
  if (extensions.sizeOctets !== null) line += ` SIZE=${mail.sizeOctets}` // RFC 1870 §6.
  if (envelope.body === 'BINARYMIME') line += ' BODY=BINARYMIME'
  // Interop: without 8BITMIME an 8-bit body goes out as it is and undeclared; servers that cannot take it are gone.
  else if (envelope.body === '8BITMIME' && extensions.eightBitMime) line += ' BODY=8BITMIME'
  if (smtputf8) line += ' SMTPUTF8'
  if (envelope.requireTls && extensions.requireTls) line += ' REQUIRETLS'
  if (extensions.dsn) {
    if (envelope.dsn?.ret !== undefined) line += ` RET=${envelope.dsn.ret}`
    if (envelope.dsn?.envelopeId !== undefined) line += ` ENVID=${xtext(envelope.dsn.envelopeId)}`
  }
  return line
}

/** RCPT with the parameters that the server has offered, without CRLF. */
export function rcptCommand(recipient: Recipient, options: { smtputf8: boolean; dsn: boolean }): string {
  let line = `RCPT TO:${path(recipient.address, options.smtputf8)}`
  if (!options.dsn) return line
  const { notify } = recipient
  if (notify === 'never') line += ' NOTIFY=NEVER'
  else if (notify !== undefined && notify.length > 0) line += ` NOTIFY=${notify.join(',').toUpperCase()}`
  if (recipient.originalRecipient !== undefined) {
    const printed = printOriginalRecipient(recipient.originalRecipient, options.smtputf8)
    if (printed !== null) line += ` ORCPT=${printed}`
  }
  return line
}
