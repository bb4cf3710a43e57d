/** A content with its signature and the certificates that prove it (CMS SignedData, RFC 5652), as Apple's profiles are signed. */
import { createHash, sign, type KeyObject } from 'node:crypto'
import { der, elementsOf, oid, setOf, TAG, time } from './der.ts'

// RFC 5652 §4, §5.1, §11; RFC 5754 §2, §3.
const DATA = oid('1.2.840.113549.1.7.1')
const SIGNED_DATA = oid('1.2.840.113549.1.7.2')
const CONTENT_TYPE = oid('1.2.840.113549.1.9.3')
const MESSAGE_DIGEST = oid('1.2.840.113549.1.9.4')
const SIGNING_TIME = oid('1.2.840.113549.1.9.5')
const SHA256 = der(TAG.sequence, oid('2.16.840.1.101.3.4.2.1'))
/** RFC 5754 §3.2: for RSA the digest stands with the digest. */
const RSA = der(TAG.sequence, oid('1.2.840.113549.1.1.1'), der(TAG.null))
const ECDSA_SHA256 = der(TAG.sequence, oid('1.2.840.10045.4.3.2'))

const SIGNATURES: Readonly<Record<string, Uint8Array>> = { rsa: RSA, ec: ECDSA_SHA256 }

const version1 = der(TAG.integer, Uint8Array.of(1))
const attribute = (type: Uint8Array, value: Uint8Array): Uint8Array => der(TAG.sequence, type, der(TAG.set, value))

/**
 * @param options.certificates DER, the signer's first, then those above it
 * @param options.signedAt epoch milliseconds
 * @returns DER of a ContentInfo; null when the key is neither RSA nor elliptic, or the certificate cannot be read
 */
export function printSignedData(options: {
  readonly content: Uint8Array
  readonly certificates: readonly [Uint8Array, ...Uint8Array[]]
  readonly key: KeyObject
  readonly signedAt: number
}): Uint8Array | null {
  const { content, certificates, key, signedAt } = options
  const algorithm = SIGNATURES[key.asymmetricKeyType ?? '']
  const signer = issuerAndSerial(certificates[0])
  if (algorithm === undefined || signer === null) return null
  const attributes = [
    attribute(CONTENT_TYPE, DATA),
    attribute(MESSAGE_DIGEST, der(TAG.octetString, createHash('sha256').update(content).digest())),
    attribute(SIGNING_TIME, time(signedAt)),
  ]
  const signature = sign('sha256', setOf(TAG.set, attributes), key) // RFC 5652 §5.4: over a SET OF, not over [0].
  const signerInfo = der(
    TAG.sequence,
    version1,
    signer,
    SHA256,
    setOf(TAG.context0, attributes),
    algorithm,
    der(TAG.octetString, signature),
  )
  const signedData = der(
    TAG.sequence,
    version1,
    der(TAG.set, SHA256),
    der(TAG.sequence, DATA, der(TAG.context0, der(TAG.octetString, content))),
    setOf(TAG.context0, certificates),
    der(TAG.set, signerInfo),
  )
  return der(TAG.sequence, SIGNED_DATA, der(TAG.context0, signedData))
}

/** RFC 5652 §10.2.4, out of a certificate (RFC 5280 §4.1). */
function issuerAndSerial(certificate: Uint8Array): Uint8Array | null {
  const within = (bytes: Uint8Array | undefined): ReturnType<typeof elementsOf> =>
    bytes === undefined ? null : elementsOf(bytes)
  const tbs = within(within(elementsOf(certificate)?.[0]?.content)?.[0]?.content)
  if (tbs === null) return null
  const [serial, , issuer] = tbs[0]?.tag === TAG.context0 ? tbs.slice(1) : tbs // The version may be left out.
  if (serial?.tag !== TAG.integer || issuer?.tag !== TAG.sequence) return null
  return der(TAG.sequence, issuer.whole, serial.whole)
}
