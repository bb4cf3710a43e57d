/**
 * `gavan doctor` and `gavan dns` as commands, before a real name server. What `dns --zone` prints is what a real zone
 * checker takes and what doctor finds in order; each fault planted in it is found. Nothing leaves loopback.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureDkimKeys } from '../../src/app/dkim-keys.ts'
import { MAIN } from '../../tools/program.ts'
import { openAcmeFolder } from '../../src/app/acme/files.ts'
import { createSystemRandom, systemClock } from '../../src/app/machine.ts'
import { localCertificate } from '../../src/net/certificate-authority.ts'
import { newEcKey } from '../../src/net/certificate-requests.ts'
import { startNameServer, zoneFile } from './name-server.ts'
import { peerTest } from './peers.ts'
import { freeOffset, freePort } from './ports.ts'
import { run, until, type Ran } from './run.ts'
import { temporaryFolder } from './world.ts'

const ZONE = 'doctor.test'
const HOST = `mail.${ZONE}`
/** Where the internet is said to meet the server: on loopback, so that doctor's look at it stays here. */
const PUBLIC = '127.0.0.10'

type Check = {
  readonly id: string
  readonly group: string
  readonly state: string
  readonly says: string
  readonly have: string | null
  readonly want: string | null
  readonly fix: readonly string[]
}
type Answer = { readonly schema: number; readonly exitCode: number; readonly checks: readonly Check[] }

type Stage = AsyncDisposable & {
  readonly folder: string
  readonly offset: number
  readonly dnsPort: number
  readonly gavan: (...args: string[]) => Promise<Ran>
  /** With every target on loopback. */
  readonly doctor: (...args: string[]) => Promise<Ran>
  readonly json: (...args: string[]) => Promise<Answer>
  /** What `gavan dns --zone` says. */
  readonly zone: () => Promise<string>
  readonly serveZones: (zones: Readonly<Record<string, string>>, signed?: readonly string[]) => Promise<AsyncDisposable>
  readonly serve: () => Promise<AsyncDisposable>
}

/** Besides loopback an address that nobody has: the plan is one of a server that faces outside, and nothing does. */
const NOWHERE = ['127.0.0.1', '192.0.2.99']

async function openStage(more = '', listen = NOWHERE): Promise<Stage> {
  const folder = temporaryFolder('doctor')
  const config = join(folder.path, 'gavan.toml')
  const offset = await freeOffset()
  const dnsPort = await freePort()
  const dataDir = join(folder.path, 'data')
  writeFileSync(
    config,
    `hostname = "${HOST}"
domains = ["${ZONE}"]
data_dir = "data"
listen = ${JSON.stringify(listen)}
nat.public = ["${PUBLIC}"]
resolver.servers = ["127.0.0.1:${dnsPort}"]
log.level = "error"
workers = 1
metrics.listen = "off"
ports.offset = ${offset}
${more}
`,
  )
  await ensureDkimKeys(dataDir, ZONE)
  const mailServer = createServer((socket) => socket.on('error', () => {}).end('220 mx.targets.test\r\n')).listen(
    0,
    '127.0.0.1',
  )
  await once(mailServer, 'listening')
  const time = await timeServer()
  const targets = [
    ['--outgoing', `mx.targets.test:${portOf(mailServer)}`],
    ['--blocklist', 'list.test'],
    ['--blocklist', 'refuses.test'],
    ['--time', `127.0.0.1:${time.address().port}`],
    ['--dns-port', String(dnsPort)],
  ].flat()
  const gavan = (...args: string[]): Promise<Ran> => run(process.execPath, [MAIN, '--config', config, ...args])
  const doctor = (...args: string[]): Promise<Ran> => gavan('doctor', ...targets, ...args)
  return {
    folder: folder.path,
    offset,
    dnsPort,
    gavan,
    doctor,
    async json(...args) {
      const { stdout, stderr, code } = await doctor('--json', ...args)
      assert.match(stdout, /^\{/, stderr)
      const answer = JSON.parse(stdout) as Answer
      assert.equal(code, answer.exitCode)
      return answer
    },
    async zone() {
      const { code, stdout, stderr } = await gavan('dns', '--zone')
      assert.equal(code, 0, stderr)
      return stdout
    },
    serveZones: (zones, signed = []) => {
      const own = join(folder.path, 'knot')
      mkdirSync(own, { recursive: true })
      return startNameServer({ folder: own, port: dnsPort, zones: { ...OTHERS, ...zones }, signed })
    },
    async serve() {
      const server = spawn(process.execPath, [MAIN, '--config', config, 'serve'], {
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      await until('the server to answer', async () => ((await gavan('healthz')).code === 0 ? true : null))
      return {
        async [Symbol.asyncDispose]() {
          server.kill('SIGTERM')
          await once(server, 'exit')
        },
      }
    },
    async [Symbol.asyncDispose]() {
      mailServer.close()
      time.close()
      folder[Symbol.dispose]()
    },
  }
}

/** Zones of others, that doctor asks about. */
const OTHERS = {
  'targets.test': 'mx A 127.0.0.1',
  'list.test': '',
  'refuses.test': '* A 127.255.255.254',
  '127.in-addr.arpa': `10.0.0 PTR ${HOST}.`,
}

const portOf = (server: Server): number => {
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

/** Tells the time of this machine (RFC 4330). */
async function timeServer(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.on('message', (_request, { address, port }) => {
    const reply = Buffer.alloc(48)
    reply.writeUInt8(0x24, 0)
    reply.writeUInt8(2, 1)
    const now = Date.now() + 2_208_988_800_000
    for (const at of [32, 40]) {
      reply.writeUInt32BE(Math.floor(now / 1000), at)
      reply.writeUInt32BE(Math.floor(((now % 1000) / 1000) * 2 ** 32), at + 4)
    }
    socket.send(reply, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** What this machine is like is not for the test to judge, nor is what it lacks on purpose. */
const OF_THE_MACHINE = /^(?:disk|inodes|memory|clock|address:.*)$/
const trouble = ({ checks }: Answer): string[] =>
  checks
    .filter(({ id, state }) => !OF_THE_MACHINE.test(id) && (state === 'problem' || state === 'warning'))
    .map(({ id, state }) => `${state} ${id}`)
    .toSorted()

const found = ({ checks }: Answer, id: string): Check => {
  const check = checks.find((each) => each.id === id)
  assert.ok(check, `no check ${id} among ${checks.map((each) => each.id).join(' ')}`)
  return check
}

peerTest(['named-checkzone'], 'what dns --zone prints, BIND takes', async () => {
  await using stage = await openStage('tls.acme = "letsencrypt"\nports.submissions = "on"\nports.sieve = "on"')
  const zone = await stage.zone()
  const file = join(stage.folder, 'zone')
  writeFileSync(file, zoneFile(ZONE, zone))
  const { code, all } = await run('named-checkzone', ['-k', 'fail', '-i', 'local', '-D', '-o', '-', ZONE, file])
  assert.equal(code, 0, all)
  // As BIND understood it, and prints it again.
  for (const record of [
    /^mail\.doctor\.test\.\s+\d+\s+IN\s+A\s+127\.0\.0\.10$/m,
    /^doctor\.test\.\s+\d+\s+IN\s+MX\s+10 mail\.doctor\.test\.$/m,
    /^doctor\.test\.\s+\d+\s+IN\s+TXT\s+"v=spf1 mx -all"$/m,
    /^gv1\._domainkey\.doctor\.test\.\s+\d+\s+IN\s+TXT\s+"v=DKIM1;[^"]{240,}" "[^"]+"$/m,
    /^mail\.doctor\.test\.\s+\d+\s+IN\s+CAA\s+0 issue "letsencrypt\.org"$/m,
    /^mta-sts\.doctor\.test\.\s+\d+\s+IN\s+CNAME\s+mail\.doctor\.test\.$/m,
    /^_autodiscover\._tcp\.doctor\.test\.\s+\d+\s+IN\s+SRV\s+0 1 \d+ mail\.doctor\.test\.$/m,
  ])
    assert.match(all, record)
})

peerTest(['knotd'], 'a zone as printed: all in order; spoilt, each fault is found; changes are told once', async () => {
  await using stage = await openStage()
  const zone = await stage.zone()
  {
    await using _names = await stage.serveZones({ [ZONE]: zone })
    const answer = await stage.json()
    assert.equal(answer.schema, 1)
    // Nobody serves here: that, and nothing else.
    assert.deepEqual(trouble(answer), ['problem server'])
    assert.equal(answer.exitCode, 2)
    assert.ok(answer.checks.filter(({ group, state }) => group === 'names' && state === 'ok').length >= 10)
    assert.equal(found(answer, 'outgoing:4').state, 'ok')
    assert.equal(found(answer, `blocklist:refuses.test:${PUBLIC}`).state, 'not-checked')
    assert.equal(found(answer, 'address:192.0.2.99').state, 'warning')
    assert.match(found(answer, 'clock').says, /^0\.\d\d s off$/)
    assert.equal((await stage.doctor('--changes')).stdout.includes('gavan does not run'), true)
    assert.equal((await stage.doctor('--changes')).stdout, '')
  }
  const spoilt = spoil(zone)
  const held = createServer((socket) => socket.on('error', () => {}).destroy()).listen(25 + stage.offset, '127.0.0.1')
  await once(held, 'listening')
  try {
    await using _names = await stage.serveZones({
      [ZONE]: spoilt,
      '127.in-addr.arpa': '10.0.0 PTR host-10.isp.test.',
      'list.test': '10.0.0.127 A 127.0.0.2',
    })
    const answer = await stage.json()
    assert.equal(answer.exitCode, 2)
    assert.deepEqual(
      trouble(answer),
      [
        `problem blocklist:list.test:${PUBLIC}`,
        `problem dns:address:a:${HOST}`,
        `problem dns:dkim:txt:gv1._domainkey.${ZONE}`,
        `problem dns:dmarc:txt:_dmarc.${ZONE}`,
        `problem dns:mx:mx:${ZONE}`,
        'problem dns:ptr:ptr:10.0.0.127.in-addr.arpa',
        `problem dns:spf:txt:${ZONE}`,
        'problem port:mx',
        'problem server',
        `warning dns:mta-sts:txt:_mta-sts.${ZONE}`,
        `warning dns:tls-rpt:txt:_smtp._tls.${ZONE}`,
      ].toSorted(),
    )
    assert.match(found(answer, `dns:mx:mx:${ZONE}`).says, /mx\.oldhost\.test: mail still goes there/)
    const spf = found(answer, `dns:spf:txt:${ZONE}`)
    assert.deepEqual([spf.have, spf.want], ['v=spf1 include:oldhost.test -all', 'v=spf1 mx include:oldhost.test -all'])
    assert.match(found(answer, `dns:dmarc:txt:_dmarc.${ZONE}`).says, /two of them/)
    assert.match(found(answer, `dns:dkim:txt:gv1._domainkey.${ZONE}`).says, /cut on the way/)
    assert.match(found(answer, 'port:mx').says, /^held by \S+ \(pid \d+/)
    assert.match(found(answer, 'port:mx').fix.join(' '), /ports\.mx = "off"/)

    // DNS stumbles, so it is told when it is so twice; a held port at once.
    const first = await stage.doctor('--changes')
    assert.equal(first.code, 2)
    assert.match(first.stdout, /port \d+/)
    assert.doesNotMatch(first.stdout, /SPF/)
    const second = await stage.doctor('--changes', '--lang', 'ru')
    assert.match(second.stdout, /✗ SPF doctor\.test/)
    assert.match(second.stdout, /что делать/)
    assert.equal((await stage.doctor('--changes')).stdout, '', 'told once')
  } finally {
    held.close()
  }
  {
    await using _names = await stage.serveZones({ [ZONE]: zone })
    const mended = await stage.doctor('--changes')
    assert.match(mended.stdout, /✓ SPF doctor\.test/)
    const news = JSON.parse((await stage.doctor('--changes', '--json')).stdout) as { changes: unknown[] }
    assert.deepEqual(news.changes, [])
  }
})

/** As people and panels spoil it. */
function spoil(zone: string): string {
  const line = (pattern: RegExp, by: string): void => {
    assert.match(zone, pattern)
    zone = zone.replace(pattern, by)
  }
  line(/^(mail\.\S+ \d+ IN A) .*$/m, '$1 127.0.0.99')
  line(/^(\S+ \d+ IN MX) .*$/m, '$1 5 mx.oldhost.test.')
  line(/"v=spf1 mx -all"/, '"v=spf1 include:oldhost.test -all"')
  line(/^(gv1\._domainkey.* "[^"]*") "[^"]*"$/m, '$1')
  line(/^(_dmarc\S+)( .*)$/m, '$1$2\n$1 60 IN TXT "v=DMARC1; p=reject"')
  line(/"v=STSv1; id=\w+"/, '"v=STSv1; id=old"')
  line(/^_smtp\._tls.*\n/m, '')
  return zone
}

peerTest(
  ['knotd', 'openssl'],
  'exit codes of a running server: 0 all well, 1 warnings, 3 nobody could be asked',
  async () => {
    // By a CA that is none of ours.
    await using stage = await openStage('tls.cert = "cert.pem"\ntls.key = "key.pem"', ['0.0.0.0'])
    await certificate(stage.folder)
    await using _server = await stage.serve()
    const zone = await stage.zone()
    {
      await using _names = await stage.serveZones({ [ZONE]: zone })
      const answer = await stage.json()
      assert.deepEqual(trouble(answer), [])
      assert.match(found(answer, 'certificate').says, /Somebody else: mail\.doctor\.test/)
      assert.equal(answer.exitCode, expectedCode(answer))
      const screen = await stage.doctor('--lang', 'en')
      assert.match(screen.stdout, /^gavan doctor · mail\.doctor\.test · \d+ checks in/)
      assert.match(screen.stdout, /✓ MX doctor\.test +as it should be/)
    }
    {
      await using _names = await stage.serveZones({ [ZONE]: zone.replace(/^_smtp\._tls.*\n/m, '') })
      const answer = await stage.json()
      assert.deepEqual(trouble(answer), [`warning dns:tls-rpt:txt:_smtp._tls.${ZONE}`])
      assert.equal(answer.exitCode, Math.max(1, expectedCode(answer)))
    }
    const alone = await stage.json()
    assert.deepEqual(trouble(alone), [])
    assert.equal(alone.exitCode, expectedCode(alone) === 0 ? 3 : expectedCode(alone))
  },
)

/** By the states of what the machine is like, which the test does not choose. */
function expectedCode({ checks }: Answer): number {
  const states = checks.filter(({ id }) => OF_THE_MACHINE.test(id)).map(({ state }) => state)
  return states.includes('problem') ? 2 : states.includes('warning') ? 1 : 0
}

async function certificate(folder: string): Promise<void> {
  const path = (name: string): string => join(folder, name)
  const made = await run(
    'openssl',
    [
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '90'],
      ['-keyout', path('ca.key'), '-out', path('ca.pem'), '-subj', '/O=Somebody else/CN=CA'],
    ].flat(),
  )
  assert.equal(made.code, 0, made.all)
  const leaf = await run(
    'openssl',
    [
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '90'],
      ['-keyout', path('key.pem'), '-out', path('cert.pem'), '-subj', `/CN=${HOST}`],
      ['-addext', `subjectAltName=DNS:${HOST}`, '-CA', path('ca.pem'), '-CAkey', path('ca.key')],
    ].flat(),
  )
  assert.equal(leaf.code, 0, leaf.all)
}

peerTest(
  ['knotd', 'keymgr', 'openssl'],
  'TLSA: of a signed zone alone, for the key in use and the next one',
  async () => {
    await using stage = await openStage('tls.acme = "https://127.0.0.1:1/dir"\ntls.acme_key = "new"\n')
    const acme = openAcmeFolder(join(stage.folder, 'data'), 'https://127.0.0.1:1/dir')
    const { clock, random } = { clock: systemClock, random: createSystemRandom() }
    const pair = await localCertificate({ directory: join(stage.folder, 'ca'), names: [HOST], clock, random })
    await acme.keepPair(pair)
    await acme.keepNextKey(await newEcKey())
    const digestOf = async (pem: string): Promise<string> => {
      const der = ['pkey', '-pubout', '-outform', 'DER']
      const script = `openssl ${der.join(' ')} | openssl dgst -sha256 -r`
      return (await run('sh', ['-c', script], { input: pem })).stdout.split(' ', 1)[0]!
    }
    const now = await digestOf(pair.key)
    const next = await digestOf((await acme.nextKey())!)
    const tlsaLines = (text: string): string[] => text.split('\n').filter((line) => line.includes(' TLSA '))
    const tlsaChecks = async (): Promise<Check[]> =>
      (await stage.json()).checks.filter(({ id }) => id.startsWith('dns:tlsa'))
    const lines = [now, next].map((digest) => `_25._tcp.${HOST}. 3600 IN TLSA 3 1 1 ${digest}`)

    const asked = await stage.gavan('dns', '--zone', '--tlsa')
    assert.deepEqual(tlsaLines(asked.stdout), lines, 'asked for, they are printed without looking')
    const plain = await stage.zone()
    assert.deepEqual(tlsaLines(plain), [])

    {
      await using _dns = await stage.serveZones({ [ZONE]: plain, test: '' })
      assert.deepEqual(tlsaLines(await stage.zone()), [], 'nobody believes them without DNSSEC')
      assert.deepEqual(await tlsaChecks(), [])
    }
    {
      await using _dns = await stage.serveZones({ [ZONE]: plain, test: '' }, [ZONE])
      assert.deepEqual(tlsaLines(await stage.zone()), lines)
      const [none] = await tlsaChecks()
      assert.deepEqual([none?.state, none?.have], ['info', null])
    }
    for (const [published, state, says] of [
      [[now, next], 'ok', /as it should be/],
      [[now, next, 'ab'.repeat(32)], 'ok', /as it should be/],
      [[now], 'warning', /key after this one is missing/],
      [[next], 'problem', /another key is named/],
      [['cd'.repeat(32)], 'problem', /another key is named/],
    ] as const) {
      const records = published.map((digest) => `_25._tcp.${HOST}. IN TLSA 3 1 1 ${digest}`).join('\n')
      await using _dns = await stage.serveZones({ [ZONE]: `${plain}\n${records}\n`, test: '' }, [ZONE])
      const [seen] = await tlsaChecks()
      assert.equal(seen?.state, state, published.join())
      assert.match(seen?.says ?? '', says)
    }
  },
)

test('letters to the provider name the server and its address, in both languages', async () => {
  await using stage = await openStage()
  for (const [args, says] of [
    [['doctor', 'letter', 'port25'], /^Subject: Please open outgoing TCP port 25 for 127\.0\.0\.10/],
    [['doctor', 'letter', 'ptr', '--lang', 'ru'], /^Тема: .*127\.0\.0\.10[^]*mail\.doctor\.test/],
    [['dns', 'ptr-letter'], /^Subject: Please set reverse DNS of 127\.0\.0\.10 to mail\.doctor\.test/],
  ] as const) {
    const { code, stdout } = await stage.gavan(...args)
    assert.equal(code, 0)
    assert.match(stdout, says)
  }
  assert.equal((await stage.gavan('doctor', 'letter', 'love')).code, 64)
  const phone = await stage.gavan('doctor', '--phone')
  assert.match(phone.stdout, /https:\/\/mail\.doctor\.test\/\n/)
})
