/** Whether a server's certificates are those that its TLSA records name (RFC 6698, RFC 7671, for SMTP RFC 7672). */
import { createHash, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import type { TlsaRecord } from '../../model/dns.ts'

/** What a peer showed: its own certificate first, DER. */
export type PeerChain = readonly Uint8Array[]

export type DaneVerdict =
  | { readonly at: 'match'; readonly record: TlsaRecord }
  | {
      readonly at: 'mismatch'
      readonly why: string
      readonly problem: 'validation-failure' | 'certificate-host-mismatch' | 'certificate-expired'
    }

const DANE_TA = 2
const DANE_EE = 3
const DIGESTS: Readonly<Record<number, { readonly hash: 'sha256' | 'sha512'; readonly octets: number }>> = {
  1: { hash: 'sha256', octets: 32 },
  2: { hash: 'sha512', octets: 64 },
}

/** As in a zone file (RFC 6698 §2.2). */
export const printTlsa = ({ usage, selector, matching, data }: TlsaRecord): string =>
  `${usage} ${selector} ${matching} ${data}`

/** RFC 7672 §3.1.3: PKIX-TA and PKIX-EE are unusable in SMTP; so is what has parameters that nobody knows (RFC 6698 §4.1). */
export function isUsable({ usage, selector, matching, data }: TlsaRecord): boolean {
  if ((usage !== DANE_TA && usage !== DANE_EE) || selector > 1 || matching > 2) return false
  if (matching !== 0) return data.length === 2 * DIGESTS[matching]!.octets
  return fullValue({ usage, selector, matching, data }) !== null
}

/** RFC 7671 §9: of each usage and selector only the strongest digest counts; whole values always do. */
export function strongest(records: readonly TlsaRecord[]): readonly TlsaRecord[] {
  return records.filter(
    (record) =>
      record.matching !== 1 ||
      !records.some(
        (other) => other.matching === 2 && other.usage === record.usage && other.selector === record.selector,
      ),
  )
}

/**
 * @param records the usable ones
 * @param names any of which the certificate may bear under a trust anchor: the domain, the TLSA base domain, the host (RFC 7672 §3.2.2)
 * @param at epoch milliseconds
 */
export function checkDane(
  records: readonly TlsaRecord[],
  chain: PeerChain,
  { names, at }: { readonly names: readonly string[]; readonly at: number },
): DaneVerdict {
  const mismatch = (why: string, problem: Extract<DaneVerdict, { at: 'mismatch' }>['problem']): DaneVerdict => ({
    at: 'mismatch',
    why,
    problem,
  })
  const certificates: X509Certificate[] = []
  for (const der of chain.slice(0, CHAIN_MAX)) {
    try {
      certificates.push(new X509Certificate(der))
    } catch {
      break
    }
  }
  const [leaf] = certificates
  if (leaf === undefined) return mismatch('the server showed no certificate that can be read', 'validation-failure')
  const counted = strongest(records)
  // RFC 7672 §3.1.1: neither names nor dates matter with DANE-EE.
  const own = counted.find((record) => record.usage === DANE_EE && matches(record, leaf))
  if (own !== undefined) return { at: 'match', record: own }
  for (const record of counted) {
    if (record.usage !== DANE_TA) continue
    const path = pathTo(record, certificates)
    if (path === null) continue
    if (!path.every((each) => isInTime(each, at)))
      return mismatch('a certificate is out of date', 'certificate-expired')
    if (!names.some((name) => leaf.checkHost(name, { subject: 'default' }) !== undefined))
      return mismatch(`the certificate is not for ${names.join(' or ')}`, 'certificate-host-mismatch')
    return { at: 'match', record }
  }
  return mismatch('no TLSA record matches the certificates that the server shows', 'validation-failure')
}

/** Longer chains are not looked at further. */
const CHAIN_MAX = 10

/** The certificates from the server's own to the anchor, each signed by the next; null: they do not lead there (RFC 7671 §5.2). */
function pathTo(anchor: TlsaRecord, chain: readonly X509Certificate[]): readonly X509Certificate[] | null {
  const path: X509Certificate[] = []
  let current = chain[0]!
  for (;;) {
    path.push(current)
    // The leaf may be its own anchor (RFC 7671 §5.2.3); an anchor further up has to be a CA.
    if (matches(anchor, current) && (path.length === 1 || current.ca)) return path
    const whole = anchor.matching === 0 ? fullValue(anchor) : null
    // RFC 7671 §5.2.2, §5.2.4: an anchor given whole need not be in the chain.
    if (whole instanceof X509Certificate && whole.ca && issued(current, whole)) return [...path, whole]
    if (whole !== null && !(whole instanceof X509Certificate) && verifies(current, whole)) return path
    const next = chain.find((each) => !path.includes(each) && each.ca && issued(current, each))
    if (next === undefined) return null
    current = next
  }
}

const issued = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && verifies(certificate, issuer.publicKey)

function verifies(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.verify(key)
  } catch {
    return false // Of another kind than the signature.
  }
}

function isInTime({ validFromDate, validToDate }: X509Certificate, at: number): boolean {
  return validFromDate.getTime() <= at && at <= validToDate.getTime()
}

function matches({ selector, matching, data }: TlsaRecord, certificate: X509Certificate): boolean {
  const octets = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: 'spki', format: 'der' })
  const digest = DIGESTS[matching]
  const value = digest === undefined ? octets : createHash(digest.hash).update(octets).digest()
  return Buffer.from(data, 'hex').equals(value)
}

/** What a record without a digest holds; null: nothing that can be read. */
function fullValue({ selector, data }: TlsaRecord): X509Certificate | KeyObject | null {
  try {
    const der = Buffer.from(data, 'hex')
    return selector === 0 ? new X509Certificate(der) : createPublicKey({ key: der, type: 'spki', format: 'der' })
  } catch {
    return null
  }
}
