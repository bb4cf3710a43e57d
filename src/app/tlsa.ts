/** What TLSA records are made from: the keys that 25 shows and will show, and whether the host's zone is signed. */
import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import type { KeyDigest } from '../exposure/dns/contract.ts'
import type { Resolver } from '../model/dns.ts'
import { readNextKey, readPair } from './acme/files.ts'
import { readCertificates } from './config/certificates.ts'
import type { Config } from './config/config.ts'
import { zoneOf } from './doctor/probes/authority.ts'

/** RFC 7672 §3.1.1, RFC 6698 §2.1: SHA-256 of the SubjectPublicKeyInfo. */
export function keyDigest(pem: string): string {
  const key = pem.includes('BEGIN CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem)
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

/**
 * None with our own CA's certificate, which makes way for another. Of several certificates for the host all count:
 * the peer chooses by kind.
 * @throws when the files may not be read by this user, or hold no certificate
 */
export async function keyDigests(config: Config): Promise<readonly KeyDigest[]> {
  const { acme, dataDir, hostname } = config
  const now = (pem: string): KeyDigest => ({ digest: keyDigest(pem), use: 'now' })
  if (config.certificates.length > 0) {
    const files = await readCertificates(config)
    if (!files.ok) throw new Error(files.error[0]?.cause ?? 'certificates cannot be read')
    const all = files.value.map(({ certificate }) => certificate)
    const ofHost = all.filter((pem) => new X509Certificate(pem).checkHost(hostname) !== undefined)
    return unique((ofHost.length > 0 ? ofHost : all.slice(0, 1)).map(now))
  }
  if (acme === null) return []
  const pair = await readPair(dataDir, acme.directory)
  if (pair === null) return []
  const next = acme.key === 'new' ? await readNextKey(dataDir, acme.directory) : null
  return unique([now(pair.certificate), ...(next === null ? [] : [{ digest: keyDigest(next), use: 'next' } as const])])
}

const unique = (list: readonly KeyDigest[]): KeyDigest[] =>
  list.filter(({ digest }, index) => list.findIndex((other) => other.digest === digest) === index)

export type Signed = 'signed' | 'unsigned' | 'not-known'

/** Its parent vouches for the zone's keys (RFC 4035 §5.2): only then TLSA records in it are believed (RFC 7672 §2.2). */
export async function isZoneSigned(name: string, resolver: Resolver): Promise<Signed> {
  const zone = await zoneOf(name, resolver)
  if (zone === null) return 'not-known'
  const answer = await resolver.query(zone, 'DS')
  if (answer.at === 'failed') return 'not-known'
  return answer.at === 'found' ? 'signed' : 'unsigned'
}
