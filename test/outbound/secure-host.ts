/** Certificates for tests of transport security: a CA of our own, and leaves that are good, expired, or of another name. */
import { createHash, webcrypto } from 'node:crypto'
import { x509 as loadX509 } from '../../src/net/certificate-authority.ts'

export type Leaf = { readonly certificate: string; readonly key: string; readonly der: Buffer; readonly spki: Buffer }
export type TestCa = {
  readonly pem: string
  readonly der: Buffer
  readonly spki: Buffer
  leaf(name: string, options?: { expired?: boolean }): Promise<Leaf>
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const HOUR = 3_600_000

const pairOfKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
const spkiOf = async (key: webcrypto.CryptoKey) => Buffer.from(await webcrypto.subtle.exportKey('spki', key))

export async function createTestCa(): Promise<TestCa> {
  const x509 = await loadX509()
  const keys = await pairOfKeys()
  const now = Date.now()
  const common = { signingAlgorithm: ALGORITHM, serialNumber: '01' }
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    name: 'CN=Test CA',
    keys: keys as never,
    notBefore: new Date(now - 48 * HOUR),
    notAfter: new Date(now + 48 * HOUR),
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  })
  let serial = 1
  return {
    pem: ca.toString('pem'),
    der: Buffer.from(ca.rawData),
    spki: await spkiOf(keys.publicKey),
    async leaf(name, { expired = false } = {}) {
      const own = await pairOfKeys()
      const leaf = await x509.X509CertificateGenerator.create({
        ...common,
        serialNumber: (++serial).toString(16).padStart(2, '0'),
        subject: `CN=${name}`,
        issuer: ca.subject,
        publicKey: own.publicKey as never,
        signingKey: keys.privateKey,
        notBefore: new Date(now - 24 * HOUR),
        notAfter: new Date(now + (expired ? -1 : 24) * HOUR),
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
      })
      const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)).toString('base64')
      const lines = pkcs8.match(/.{1,64}/g) ?? []
      return {
        certificate: `${leaf.toString('pem')}\n${ca.toString('pem')}\n`,
        key: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`,
        der: Buffer.from(leaf.rawData),
        spki: await spkiOf(own.publicKey),
      }
    },
  }
}

const HASHES = [null, 'sha256', 'sha512'] as const
export function tlsaOf(usage: number, selector: 0 | 1, matching: 0 | 1 | 2, from: { der: Buffer; spki: Buffer }) {
  const octets = selector === 0 ? from.der : from.spki
  const hash = HASHES[matching]
  const data = (hash === null ? octets : createHash(hash).update(octets).digest()).toString('hex')
  return { usage, selector, matching, data }
}
