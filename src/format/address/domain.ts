import { domainToASCII } from 'node:url'
import { DOMAIN_MAX_OCTETS } from '../../model/limits.ts'
import { err, ok, type Result } from '../../std/result.ts'

/** RFC 1035 §2.3.4. */
const LABEL_MAX_OCTETS = 63
const ASCII_DOMAIN = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/
/** Controls, blanks and stand-ins for the dot, which a label never holds. */
const NOT_IN_U_LABEL =
  /[\0-,/:-@[-`{-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3002\ufeff\uff0e\uff61]/

/**
 * Checks a domain name (RFC 5321 §4.1.2 Domain; RFC 6531 §3.3 for U-labels). Names only, no literals, no final dot.
 * @returns the name lower-case, U-labels in NFC; or why not; never throws
 */
export function parseDomain(text: string): Result<string, string> {
  if (text === '') return err('empty domain')
  // A code unit is at least one octet; the exact count follows for what passes.
  if (text.length > DOMAIN_MAX_OCTETS) return err('domain too long')
  const lower = text.toLowerCase()
  if (ASCII_DOMAIN.test(lower)) return checkLabels(lower, lower)
  if (!lower.isWellFormed() || NOT_IN_U_LABEL.test(lower)) return err('character not allowed in a domain')
  const normal = lower.normalize('NFC')
  if (Buffer.byteLength(normal) > DOMAIN_MAX_OCTETS) return err('domain too long')
  if (/^[\0-\x7f]*$/.test(normal)) return err('empty label in domain')
  const ascii = domainToASCII(normal)
  if (ascii === '') return err('not a valid internationalized domain')
  return checkLabels(ascii, normal)
}

function checkLabels(ascii: string, name: string): Result<string, string> {
  if (ascii.length > DOMAIN_MAX_OCTETS) return err('domain too long')
  for (const label of ascii.split('.')) {
    if (label === '') return err('empty label in domain')
    if (label.length > LABEL_MAX_OCTETS) return err('label too long in domain')
    if (label.startsWith('-') || label.endsWith('-')) return err('label with a hyphen at its edge in domain')
  }
  return ok(name)
}

/**
 * Checks an address literal (RFC 5321 §4.1.3): `[192.0.2.1]` or `[IPv6:2001:db8::1]`. Other tags are not registered.
 * @returns in canonical spelling; or why not; never throws
 */
export function parseAddressLiteral(text: string): Result<string, string> {
  if (!text.startsWith('[') || !text.endsWith(']') || text.length > 64) return err('malformed address literal')
  const inner = text.slice(1, -1)
  if (/^ipv6:/i.test(inner)) {
    const address = inner.slice(5).toLowerCase()
    return isIpv6(address) ? ok(`[IPv6:${address}]`) : err('malformed IPv6 address literal')
  }
  return isIpv4(inner) ? ok(`[${inner}]`) : err('malformed address literal')
}

/** Four decimal numbers; no leading zero, which some readers take as octal. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.', 5)
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)
}

/** RFC 5321 §4.1.3 IPv6-addr: eight groups, `::` for two or more, perhaps an IPv4 tail. */
export function isIpv6(text: string): boolean {
  const halves = text.split('::', 3)
  if (halves.length > 2) return false
  let groups = 0
  for (const [index, half] of halves.entries()) {
    if (half === '') continue
    const parts = half.split(':', 9)
    const last = parts.at(-1)!
    // The tail of the whole address only.
    if (last.includes('.') && index === halves.length - 1) {
      if (!isIpv4(last)) return false
      parts.pop()
      groups += 2
    }
    if (!parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return false
    groups += parts.length
  }
  return halves.length === 2 ? groups <= 6 : groups === 8
}
