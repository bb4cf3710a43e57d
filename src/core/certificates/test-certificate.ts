/** Certificates for tests: small DER by hand, signed by their own key. */
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { IssuedCertificate } from '../../model/certificate.ts'

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const length = content.length
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), content])
}
const SEQUENCE = 0x30
/** 1.2.840.10045.4.3.2, ecdsa-with-SHA256. */
const ECDSA_SHA256 = der(SEQUENCE, der(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
const time = (at: number): Buffer =>
  der(
    0x18,
    Buffer.from(
      `${new Date(at)
        .toISOString()
        .replace(/\.\d+Z$/, '')
        .replace(/[-T:]/g, '')}Z`,
    ),
  )
const commonName = (name: string): Buffer =>
  der(SEQUENCE, der(0x31, der(SEQUENCE, der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from(name)))))
const extension = (oid: string, value: Uint8Array): Buffer =>
  der(SEQUENCE, der(0x06, Buffer.from(oid, 'hex')), der(0x04, value))

let serial = 0

/**
 * @param options.publicKey DER (SPKI) of a key that is not ours; else one is made
 * @param options.from, options.to epoch milliseconds
 */
export function madeCertificate(options: {
  names: readonly string[]
  from: number
  to: number
  publicKey?: Uint8Array
}): IssuedCertificate {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = Buffer.from(
    options.publicKey ?? createPublicKey(keys.privateKey).export({ type: 'spki', format: 'der' }),
  )
  const names = options.names.map((name) => der(0x82, Buffer.from(name)))
  const keyId = createHash('sha1').update('issuer').digest()
  serial++
  const body = der(
    SEQUENCE,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([0x7f, serial >> 8, serial & 0xff])),
    ECDSA_SHA256,
    commonName('Test CA'),
    der(SEQUENCE, time(options.from), time(options.to)),
    commonName(options.names[0] ?? 'nobody'),
    spki,
    der(
      0xa3,
      der(SEQUENCE, extension('551d11', der(SEQUENCE, ...names)), extension('551d23', der(SEQUENCE, der(0x80, keyId)))),
    ),
  )
  const signature = sign('sha256', body, keys.privateKey)
  const whole = der(SEQUENCE, body, ECDSA_SHA256, der(0x03, Buffer.from([0]), signature))
  const lines = whole.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }
}
