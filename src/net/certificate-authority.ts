import { createPrivateKey, KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { DAY } from '../std/clock.ts'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/random.ts'
import type { CertificatePair } from './certificates.ts'

const CA_LIFETIME_MS = 3650 * DAY
/** What browsers still take (CA/Browser Forum, 398 days). */
const LEAF_LIFETIME_MS = 397 * DAY
const RENEW_BEFORE_MS = 30 * DAY
/** A clock that is a little slow must not call the certificate "not yet valid". */
const BACKDATE_MS = 1 * DAY

export type LocalCertificate = CertificatePair & {
  /** PEM of the CA, for clients that should trust it. */
  readonly ca: string
  readonly caFile: string
  /** SHA-256 of the leaf and of the CA, upper-case hex with colons. */
  readonly fingerprint: string
  readonly caFingerprint: string
  /** Epoch milliseconds. */
  readonly notAfter: number
}

type Kept = { readonly certificate: string; readonly key: string }

/**
 * A certificate of our own CA for the names given, kept in a directory (`ca.pem`, `ca-key.pem`, `leaf.pem`,
 * `leaf-key.pem`, keys readable by us alone). Made anew when it is near its end, lacks a name, or is damaged.
 * @param names host names, `*.` wildcards and addresses
 * @throws when the directory cannot be written
 */
export async function localCertificate(options: {
  directory: string
  names: readonly string[]
  clock: Clock
  random: Random
}): Promise<LocalCertificate> {
  const { directory, clock, random } = options
  const names = [...new Set(options.names.map((name) => name.toLowerCase()))]
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const caFile = join(directory, 'ca.pem')

  let ca = await keptPair(directory, 'ca')
  const caUsable = ca !== null && isUsable(ca, clock.now())
  if (ca === null || !caUsable) {
    ca = await makeCa(clock.now(), random)
    await keepPair(directory, 'ca', ca)
  }
  let leaf = await keptPair(directory, 'leaf')
  if (leaf === null || !caUsable || !isUsable(leaf, clock.now()) || !fits(leaf, ca, names)) {
    leaf = await makeLeaf(ca, names, clock.now(), random)
    await keepPair(directory, 'leaf', leaf)
  }
  const leafFacts = new X509Certificate(leaf.certificate)
  return {
    ...leaf,
    certificate: leaf.certificate + ca.certificate,
    ca: ca.certificate,
    caFile,
    fingerprint: leafFacts.fingerprint256,
    caFingerprint: new X509Certificate(ca.certificate).fingerprint256,
    notAfter: Date.parse(leafFacts.validTo),
  }
}

function isUsable(pair: Kept, now: number): boolean {
  const facts = new X509Certificate(pair.certificate)
  return Date.parse(facts.validFrom) <= now && Date.parse(facts.validTo) - RENEW_BEFORE_MS > now
}

function fits(leaf: Kept, ca: Kept, names: readonly string[]): boolean {
  const facts = new X509Certificate(leaf.certificate)
  const issuer = new X509Certificate(ca.certificate)
  if (!facts.checkIssued(issuer) || !facts.verify(issuer.publicKey)) return false
  const has = (facts.subjectAltName ?? '')
    .split(', ')
    .map((part) => part.replace(/^(DNS|IP Address):/, '').toLowerCase())
  return names.every((name) => (isIP(name) === 6 ? facts.checkIP(name) !== undefined : has.includes(name)))
}

// Files ----------------------------------------------------------------------------------------------------------------

async function keptPair(directory: string, name: string): Promise<Kept | null> {
  try {
    const certificate = await readFile(join(directory, `${name}.pem`), 'utf8')
    const key = await readFile(join(directory, `${name}-key.pem`), 'utf8')
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)) ? { certificate, key } : null
  } catch {
    return null // Missing or damaged: a new one is made.
  }
}

async function keepPair(directory: string, name: string, pair: Kept): Promise<void> {
  await writeWhole(join(directory, `${name}-key.pem`), pair.key, 0o600)
  await writeWhole(join(directory, `${name}.pem`), pair.certificate, 0o644)
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', mode)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await chmod(temporary, mode) // A file left over by a crash keeps its old mode.
  await rename(temporary, path)
}

// X.509 ----------------------------------------------------------------------------------------------------------------

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
type X509Module = typeof import('@peculiar/x509')

/** Loaded when first needed: it is slow to load, and a server with certificates of its own never does. */
export async function x509(): Promise<X509Module> {
  await import('reflect-metadata')
  const module = await import('@peculiar/x509')
  module.cryptoProvider.set(webcrypto)
  return module
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets. */
export function serialNumber(random: Random): string {
  const bytes = Buffer.from(random.bytes(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify'])
}

function keyPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' })
}

async function makeCa(now: number, random: Random): Promise<Kept> {
  const {
    X509CertificateGenerator,
    BasicConstraintsExtension,
    KeyUsagesExtension,
    KeyUsageFlags,
    SubjectKeyIdentifierExtension,
  } = await x509()
  const keys = await newKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(random),
    name: `CN=gavan local CA ${Buffer.from(random.bytes(4)).toString('hex')}`,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + CA_LIFETIME_MS),
    signingAlgorithm: ECDSA_P256,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: keyPem(keys.privateKey) }
}

async function makeLeaf(ca: Kept, names: readonly string[], now: number, random: Random): Promise<Kept> {
  const module = await x509()
  const issuer = new module.X509Certificate(ca.certificate)
  const keys = await newKeys()
  const caKey = createPrivateKey(ca.key).toCryptoKey(ECDSA_P256, false, ['sign'])
  const certificate = await module.X509CertificateGenerator.create({
    serialNumber: serialNumber(random),
    subject: `CN=${names.find((name) => isIP(name) === 0 && name.length <= 64) ?? 'gavan'}`,
    issuer: issuer.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(Math.min(now + LEAF_LIFETIME_MS - BACKDATE_MS, issuer.notAfter.getTime())),
    signingAlgorithm: ECDSA_P256,
    publicKey: keys.publicKey,
    signingKey: caKey,
    extensions: [
      new module.BasicConstraintsExtension(false, undefined, true),
      new module.KeyUsagesExtension(module.KeyUsageFlags.digitalSignature, true),
      new module.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']), // serverAuth
      new module.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const), value: name })),
      ),
      await module.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await module.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: keyPem(keys.privateKey) }
}
