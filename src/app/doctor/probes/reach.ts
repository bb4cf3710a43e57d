import { connect as connectTls } from 'node:tls'
import { DOCTOR_CONNECT_TIMEOUT_MS } from '../../../model/limits.ts'
import { ConnectFailed, type Dialler } from '../../../net/contract.ts'
import { certificateFacts } from '../../../net/certificates.ts'
import type { CertificateSeen, Reached } from '../contract.ts'

/** Whether anything comes back from there. */
export async function reach(dialler: Dialler, address: string, port: number): Promise<Reached> {
  try {
    const connection = await dialler.dial({ address, port, timeoutMs: DOCTOR_CONNECT_TIMEOUT_MS })
    connection.destroy()
    return 'open'
  } catch (error) {
    const code = error instanceof ConnectFailed ? error.code : ''
    if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return 'refused'
    return code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT' ? 'no-route' : 'timed-out'
  }
}

/** The certificate that an implicit-TLS port of this machine shows for a name, whoever issued it. */
export function certificateShown(address: string, port: number, servername: string): Promise<CertificateSeen | null> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: address, port, servername, rejectUnauthorized: false, minVersion: 'TLSv1.2' })
    socket.setTimeout(DOCTOR_CONNECT_TIMEOUT_MS, () => done(null))
    const done = (seen: CertificateSeen | null): void => {
      socket.removeAllListeners()
      socket.on('error', () => {})
      socket.destroy()
      resolve(seen)
    }
    socket.once('error', () => done(null))
    socket.once('secureConnect', () => {
      const leaf = socket.getPeerX509Certificate()
      if (leaf === undefined) return done(null)
      const { names, notAfter } = certificateFacts(leaf)
      const issuer = /^(?:O|CN)=(.*)$/m.exec(leaf.issuer)?.[1] ?? leaf.issuer
      done({ names, issuer, selfMade: /^CN=gavan /m.test(leaf.issuer) || leaf.checkIssued(leaf), notAfter })
    })
  })
}
