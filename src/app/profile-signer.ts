/** Signs what devices install, by the certificate that this host shows on 443. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { printSignedData } from '../format/cms/signed-data.ts'
import type { CertificatePair } from '../net/certificates.ts'
import type { Clock } from '../std/clock.ts'
import type { TlsMaterial } from './tls-material.ts'

type Signer = { readonly certificates: readonly [Uint8Array, ...Uint8Array[]]; readonly key: KeyObject }

/** @returns what signs a content, or says null where no signature would be believed: with a certificate of our own making */
export function createProfileSigner(options: {
  material: () => Pick<TlsMaterial, 'certificates' | 'trusted'>
  hostname: () => string
  clock: Pick<Clock, 'now'>
}): (content: Uint8Array) => Uint8Array | null {
  const { material, hostname, clock } = options
  let last: { readonly of: readonly CertificatePair[]; readonly host: string; readonly signer: Signer | null } | null =
    null
  const signerNow = (): Signer | null => {
    const { certificates, trusted } = material()
    if (!trusted) return null
    const host = hostname()
    if (last?.of !== certificates || last.host !== host)
      last = { of: certificates, host, signer: signerOf(certificates, host) }
    return last.signer
  }
  return (content) => {
    const signer = signerNow()
    return signer === null ? null : printSignedData({ content, ...signer, signedAt: clock.now() })
  }
}

function signerOf(pairs: readonly CertificatePair[], hostname: string): Signer | null {
  for (const { certificate, key } of pairs) {
    const chain = certificate.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
    const [own, ...above] = chain.map((pem) => new X509Certificate(pem))
    if (own === undefined || own.checkHost(hostname) === undefined || own.checkIssued(own)) continue
    return { certificates: [own.raw, ...above.map(({ raw }) => raw)], key: createPrivateKey(key) }
  }
  return null
}
