/** Keys and requests for certificates, and the certificate that answers TLS-ALPN-01. */
import { createHash, createPrivateKey, createPublicKey, KeyObject, webcrypto } from 'node:crypto'
import { DAY } from '../std/clock.ts'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/random.ts'
import type { CertificatePair } from './certificates.ts'
import { serialNumber, x509 } from './certificate-authority.ts'

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** 1.3.6.1.5.5.7.1.31, RFC 8737 §6.1. */
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31'

async function newKeys(): Promise<{ keys: webcrypto.CryptoKeyPair; pem: string }> {
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify'])
  return { keys, pem: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) }
}

/** PEM, P-256: of an ACME account or a certificate. */
export const newEcKey = async (): Promise<string> => (await newKeys()).pem

/** @param pem P-256, as `newKeys` makes it */
async function keysOf(pem: string): Promise<{ keys: webcrypto.CryptoKeyPair; pem: string }> {
  const { subtle } = webcrypto
  const privateDer = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
  const publicDer = createPublicKey(pem).export({ type: 'spki', format: 'der' })
  const [privateKey, publicKey] = await Promise.all([
    subtle.importKey('pkcs8', privateDer, ECDSA_P256, true, ['sign']),
    subtle.importKey('spki', publicDer, ECDSA_P256, true, ['verify']),
  ])
  return { keys: { privateKey, publicKey }, pem }
}

/**
 * A P-256 key, and a PKCS #10 request (RFC 2986) for it and the names, DER.
 * @param key PEM; null: a new one
 */
export async function certificateRequest(
  names: readonly string[],
  key: string | null = null,
): Promise<{ readonly key: string; readonly csr: Uint8Array }> {
  const module = await x509()
  const { keys, pem } = key === null ? await newKeys() : await keysOf(key)
  const request = await module.Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: ECDSA_P256,
    extensions: [new module.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))],
  })
  return { key: pem, csr: new Uint8Array(request.rawData) }
}

/** RFC 8737 §3: the name alone, and a critical extension with the digest of the key authorization. */
export async function alpnCertificate(options: {
  name: string
  keyAuthorization: string
  clock: Clock
  random: Random
}): Promise<CertificatePair> {
  const { name, keyAuthorization, clock, random } = options
  const module = await x509()
  const { keys, pem } = await newKeys()
  const digest = createHash('sha256').update(keyAuthorization).digest()
  const octetString = Buffer.concat([Buffer.from([0x04, digest.length]), digest])
  const certificate = await module.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(random),
    name: 'CN=ACME challenge',
    notBefore: new Date(clock.now() - DAY),
    notAfter: new Date(clock.now() + DAY),
    signingAlgorithm: ECDSA_P256,
    keys,
    extensions: [
      new module.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      new module.Extension(ACME_IDENTIFIER, true, octetString),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: pem }
}
