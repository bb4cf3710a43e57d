/** RFC 8737: what a CA finds on 443, by both versions of TLS, and what everybody else finds there. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { createTestRandom } from '../std/test-random.ts'
import { localCertificate } from './certificate-authority.ts'
import { alpnCertificate } from './certificate-requests.ts'
import { createCertificates } from './certificates.ts'
import { serverTlsSocket } from './tls.ts'

const NAME = 'mail.here.test'
const clock = { now: () => Date.now(), monotonic: () => performance.now(), timer: () => () => {} }
const random = createTestRandom()
const certificates = createCertificates()
const server = createServer((socket) => {
  serverTlsSocket(socket, certificates, 'http/1.1').on('error', () => {})
})
let directory = ''

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gavan-alpn-'))
  const own = await localCertificate({ directory, names: [NAME, 'other.here.test'], clock, random })
  assert.ok(certificates.replace([own]).ok)
  const challenge = await alpnCertificate({ name: NAME, keyAuthorization: 'token.thumbprint', clock, random })
  certificates.setChallenges([{ name: NAME, ...challenge }])
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(async () => {
  server.close()
  await rm(directory, { recursive: true })
})

async function dial(servername: string, ALPNProtocols: string[], version: 'TLSv1.2' | 'TLSv1.3'): Promise<TLSSocket> {
  const { port } = server.address() as AddressInfo
  const versions = { minVersion: version, maxVersion: version }
  const socket = connect({ host: '127.0.0.1', port, servername, ALPNProtocols, rejectUnauthorized: false, ...versions })
  await once(socket, 'secureConnect')
  return socket
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${version}: a CA gets the challenge, with the name alone and the digest in a critical extension`, async () => {
    const socket = await dial(NAME.toUpperCase(), ['acme-tls/1'], version)
    const certificate = socket.getPeerX509Certificate()
    assert.equal(socket.alpnProtocol, 'acme-tls/1')
    assert.equal(certificate?.subjectAltName, `DNS:${NAME}`)
    const digest = createHash('sha256').update('token.thumbprint').digest('hex')
    // 1.3.6.1.5.5.7.1.31, critical, an octet string in an octet string (RFC 8737 §3).
    assert.ok(certificate.raw.toString('hex').includes(`06082b0601050507011f0101ff04220420${digest}`))
    socket.destroy()
  })

  test(`${version}: nobody else does; a name without a challenge has none`, async () => {
    const browser = await dial(NAME, ['h2', 'http/1.1'], version)
    assert.equal(browser.alpnProtocol, 'http/1.1')
    assert.match(browser.getPeerX509Certificate()?.subjectAltName ?? '', /other\.here\.test/)
    browser.destroy()
    const plain = await dial(NAME, [], version)
    assert.match(plain.getPeerX509Certificate()?.subjectAltName ?? '', /other\.here\.test/)
    plain.destroy()
    for (const [name, protocols] of [
      ['other.here.test', ['acme-tls/1']],
      [NAME, ['h2']],
    ] as const) {
      await assert.rejects(dial(name, [...protocols], version), /no.application.protocol/i)
    }
  })
}
