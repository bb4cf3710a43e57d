/** openssl s_client on every port that speaks TLS: versions, chain, name. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { startGavan, type Gavan, type PortName } from './gavan.ts'
import { peerTest } from './peers.ts'
import { run, type Ran } from './run.ts'
import { temporaryFolder, type Folder } from './world.ts'

/** Port → what s_client must say first, or null where TLS comes first. */
const TLS_PORTS: Partial<Record<PortName, 'smtp' | 'imap' | 'pop3' | null>> = {
  mx: 'smtp',
  submission: 'smtp',
  imap: 'imap',
  pop3: 'pop3',
  imaps: null,
  pop3s: null,
  https: null,
}

let folder: Folder
let gavan: Gavan

before(async () => {
  folder = temporaryFolder('tls')
  gavan = await startGavan({ folder: folder.path })
})
after(async () => {
  await gavan?.[Symbol.asyncDispose]()
  folder?.[Symbol.dispose]()
})

const sClient = (port: number, starttls: string | null, args: readonly string[]): Promise<Ran> =>
  run('openssl', [
    ...['s_client', '-connect', `localhost:${port}`, '-servername', 'localhost', '-CAfile', gavan.caFile],
    ...['-verify_return_error', '-verify_hostname', 'localhost'],
    ...(starttls === null ? [] : ['-starttls', starttls]),
    ...args,
  ])

for (const [name, starttls] of Object.entries(TLS_PORTS) as [PortName, string | null][]) {
  for (const version of ['1.2', '1.3'])
    peerTest(['openssl'], `${name} speaks TLS ${version}, its certificate is right for localhost`, async () => {
      const ran = await sClient(gavan.ports[name], starttls, [`-tls${version.replace('.', '_')}`])
      assert.match(ran.all, /Verify return code: 0 \(ok\)/)
      assert.match(ran.all, new RegExp(`^New, TLSv${version.replace('.', '\\.')}, Cipher is \\S+(GCM|POLY1305)`, 'm'))
      assert.match(ran.all, /Verified peername: localhost/)
      assert.match(ran.all, /Secure Renegotiation IS|TLSv1\.3/)
    })

  peerTest(['openssl'], `${name} refuses TLS 1.1 and 1.0`, async () => {
    for (const version of ['-tls1_1', '-tls1']) {
      const ran = await sClient(gavan.ports[name], starttls, [version, '-cipher', 'DEFAULT:@SECLEVEL=0'])
      assert.match(ran.all, /alert protocol version/, 'the server says so, not our own openssl')
      assert.match(ran.all, /Cipher is \(NONE\)/)
    }
  })

  peerTest(['openssl'], `${name} refuses weak suites`, async () => {
    const weak = 'AES128-SHA:AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:3DES:RC4:NULL:@SECLEVEL=0'
    const ran = await sClient(gavan.ports[name], starttls, ['-tls1_2', '-cipher', weak])
    assert.match(ran.all, /alert handshake failure/)
  })
}

peerTest(['openssl'], 'an unknown server name gets the default certificate, not an error', async () => {
  const ran = await run('openssl', [
    's_client',
    '-connect',
    `localhost:${gavan.ports.imaps}`,
    '-servername',
    'unknown.test',
    '-CAfile',
    gavan.caFile,
  ])
  assert.match(ran.all, /Verify return code: 0 \(ok\)/)
})

peerTest(['openssl'], 'a session is resumed, on whichever thread it lands', async () => {
  const sessions = `${folder.path}/session`
  const first = await sClient(gavan.ports.imaps, null, ['-tls1_2', '-sess_out', sessions])
  assert.match(first.all, /^New, TLSv1\.2/m)
  for (let times = 0; times < 8; times++) {
    const again = await sClient(gavan.ports.imaps, null, ['-tls1_2', '-sess_in', sessions])
    assert.match(again.all, /^Reused, TLSv1\.2/m)
  }
})
