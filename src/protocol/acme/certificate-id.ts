/** How a certificate is named in questions about its renewal (RFC 9773 §4.1). */
import { X509Certificate } from 'node:crypto'

/** 2.5.29.35, authorityKeyIdentifier (RFC 5280 §4.2.1.1), as DER. */
const AUTHORITY_KEY_IDENTIFIER = Buffer.from('0603551d23', 'hex')

type Element = { readonly tag: number; readonly content: Buffer }

/** One DER element at an offset; null when it does not fit. */
function elementAt(bytes: Buffer, offset: number): Element | null {
  const tag = bytes[offset]
  const first = bytes[offset + 1]
  if (tag === undefined || first === undefined) return null
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f
  const start = offset + 2 + lengthOctets
  if (lengthOctets > 3 || start > bytes.length) return null
  const length = lengthOctets === 0 ? first : bytes.readUIntBE(offset + 2, lengthOctets)
  return start + length > bytes.length ? null : { tag, content: bytes.subarray(start, start + length) }
}

function keyIdentifier(der: Buffer): Buffer | null {
  for (let at = der.indexOf(AUTHORITY_KEY_IDENTIFIER); at !== -1; at = der.indexOf(AUTHORITY_KEY_IDENTIFIER, at + 1)) {
    const octets = elementAt(der, at + AUTHORITY_KEY_IDENTIFIER.length)
    if (octets?.tag !== 0x04) continue
    const sequence = elementAt(octets.content, 0)
    const first = sequence?.tag === 0x30 ? elementAt(sequence.content, 0) : null
    if (first?.tag === 0x80) return first.content // [0] keyIdentifier
  }
  return null
}

/**
 * The key identifier of the issuer and the serial number, base64url, with a dot between.
 * @param pem the leaf, or a chain that begins with it
 * @returns null when the certificate does not name its issuer's key
 */
export function certificateId(pem: string): string | null {
  const leaf = new X509Certificate(pem)
  const issuer = keyIdentifier(leaf.raw)
  if (issuer === null) return null
  const hex = leaf.serialNumber.length % 2 === 0 ? leaf.serialNumber : `0${leaf.serialNumber}`
  // As in DER: a first bit of 1 would be a minus.
  const serial = Buffer.from(/^[89a-f]/i.test(hex) ? `00${hex}` : hex, 'hex')
  return `${issuer.toString('base64url')}.${serial.toString('base64url')}`
}
