/** S4: what a way's protection allows, against a real Postfix that requires, refuses or breaks TLS. */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSystemRandom, systemClock } from '../../src/app/machine.ts'
import type { TlsObservation } from '../../src/mailauth/contract.ts'
import { silentLog } from '../../src/std/log.ts'
import type { Resolver, TlsaRecord } from '../../src/model/dns.ts'
import { createDialler } from '../../src/net/dial.ts'
import { createPublicFetch } from '../../src/net/policy-fetch.ts'
import { attempt } from '../../src/outbound/delivery/attempt.ts'
import { createTlsMemory } from '../../src/outbound/delivery/walk.ts'
import type { KeptStsPolicy, StsPolicies } from '../../src/outbound/mta-sts/contract.ts'
import { createStsPolicies } from '../../src/outbound/mta-sts/policies.ts'
import { peerTest } from '../interop/peers.ts'
import { startPostfix } from '../interop/postfix.ts'
import { OURSELVES, recipients } from './attempt-kit.ts'
import { createTestResolver, type Zone } from './dns.ts'
import { createQueueStore } from './queue-store.ts'
import { createTestCa, tlsaOf } from './secure-host.ts'

const DOMAIN = 'away.example'
const HOST = 'mx.away.example'
const random = createSystemRandom()

type Way = {
  readonly port: number
  readonly sts?: StsPolicies
  readonly dns?: Resolver
  readonly content?: string
  readonly requireTls?: boolean
  readonly memory?: ReturnType<typeof createTlsMemory>
}

peerTest(['postfix', 'root'], 'S4: ways out, none of them downgraded', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gavan-downgrade-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755) // Postfix's own user goes in.
  const ca = await createTestCa()
  const leaves = {
    good: await ca.leaf(HOST),
    expired: await ca.leaf(HOST, { expired: true }),
    wrongName: await ca.leaf('other.example'),
    policy: await ca.leaf(`mta-sts.${DOMAIN}`),
  }
  const tls = async (name: 'good' | 'expired' | 'wrongName') => {
    await writeFile(join(folder, `${name}.crt`), leaves[name].certificate)
    await writeFile(join(folder, `${name}.key`), leaves[name].key)
    return {
      smtpd_tls_cert_file: join(folder, `${name}.crt`),
      smtpd_tls_key_file: join(folder, `${name}.key`),
    }
  }
  const good = await tls('good')
  await using postfix = await startPostfix({
    folder: join(folder, 'postfix'),
    domain: DOMAIN,
    routes: {},
    others: [
      good,
      await tls('expired'),
      await tls('wrongName'),
      { smtpd_tls_security_level: 'none' },
      { ...good, smtpd_tls_security_level: 'encrypt' },
      { ...good, smtpd_tls_protocols: '<=TLSv1' }, // We speak 1.2 and newer: the handshake breaks off.
    ],
  })
  const [GOOD, EXPIRED, WRONG_NAME, PLAIN, DEMANDS, BREAKS] = postfix.otherPorts as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const SELF_SIGNED = postfix.port

  // Policies come over real HTTPS.
  let answer: { status: number; body: string; type?: string; location?: string } = { status: 404, body: '' }
  const web = createServer({ cert: leaves.policy.certificate, key: leaves.policy.key }, (_request, response) => {
    const { status, body, type = 'text/plain', location } = answer
    response.writeHead(status, { 'content-type': type, ...(location === undefined ? {} : { location }) }).end(body)
  }).listen(0, '127.0.0.1')
  t.after(() => web.close())
  await once(web, 'listening')
  const policyText = (mode: string, mx = HOST): string => `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: 86400\n`

  const zone = (more: Zone = {}): Zone => ({
    [DOMAIN]: { MX: [{ preference: 10, exchange: HOST }] },
    [HOST]: { A: ['127.0.0.1'] },
    [`mta-sts.${DOMAIN}`]: { A: ['127.0.0.1'] },
    [`_mta-sts.${DOMAIN}`]: { TXT: ['v=STSv1; id=1;'] },
    ...more,
  })
  const secure = (more: Zone): Resolver => createTestResolver({ ...zone(), ...more }, { authenticated: true })
  const tlsa = (port: number, records: readonly TlsaRecord[] | 'failed'): Zone => ({
    [`_${port}._tcp.${HOST}`]: { TLSA: records },
  })

  /** A memory of policies as it is after a restart: with what the store has. */
  const policies = (dns: Resolver = createTestResolver(zone()), kept: KeptStsPolicy | null = null): StsPolicies =>
    createStsPolicies({
      resolver: dns,
      clock: systemClock,
      log: silentLog,
      store: { read: async () => kept, keep: async () => {}, forget: async () => {} },
      fetch: createPublicFetch({
        resolver: createTestResolver(zone()),
        timeoutMs: 10_000,
        answerMaxOctets: 64 * 1024,
        ca: ca.pem,
        port: (web.address() as AddressInfo).port,
        mayDial: (address) => address === '127.0.0.1',
      }),
    })
  const kept = (mode: 'enforce' | 'testing'): KeptStsPolicy => ({
    domain: DOMAIN,
    id: '1',
    mode,
    mx: [HOST],
    maxAgeSeconds: 86_400,
    fetchedAt: Date.now(),
  })
  const under = (mode: string, mx?: string): StsPolicies => {
    answer = { status: 200, body: policyText(mode, mx) }
    return policies()
  }

  const told: TlsObservation[] = []
  async function send(way: Way) {
    told.length = 0
    const store = createQueueStore(systemClock)
    const content = way.content ?? 'Subject: S4\r\n\r\nHello\r\n'
    store.add({ destination: DOMAIN, recipients: recipients(`bob@${DOMAIN}`) }, content)
    const [stored] = store.entries
    const entry = { ...stored!, envelope: { ...stored!.envelope, requireTls: way.requireTls === true } }
    const outcome = await attempt(entry, {
      dialler: createDialler({ clock: systemClock, random }),
      resolver: way.dns ?? createTestResolver(zone()),
      clock: systemClock,
      random,
      log: silentLog,
      ourselves: { ...OURSELVES, loopbackIsForeign: true },
      hostname: OURSELVES.hostname,
      route: { kind: 'mx' },
      mxPort: way.port,
      tlsMemory: way.memory ?? createTlsMemory(systemClock),
      signal: new AbortController().signal,
      kept: null,
      content: { sizeOctets: entry.sizeOctets, read: (start, end) => store.queue.read(entry.queueId, start, end) },
      ca: ca.pem,
      noteTls: (observation) => void told.push(observation),
      ...(way.sts === undefined ? {} : { sts: way.sts }),
    })
    await outcome.remote?.close()
    assert.equal(outcome.error, null)
    const [result] = outcome.results
    return {
      to: result!.to,
      status: result!.to === 'delivered' ? null : result!.answer.status,
      tls: outcome.via === null ? null : outcome.via.tls !== null,
      told: told.map(({ policy, failure }) => `${policy.type} ${failure ?? 'ok'}`),
    }
  }
  const encrypted = (...said: string[]) => ({ to: 'delivered' as const, status: null, tls: true, told: said })
  const clear = (...said: string[]) => ({ to: 'delivered' as const, status: null, tls: false, told: said })
  const waits = (status: string, ...said: string[]) => ({ to: 'waiting' as const, status, tls: null, told: said })

  const CASES: readonly (readonly [what: string, way: () => Way, expected: Awaited<ReturnType<typeof send>>])[] = [
    ['enforce, all in order', () => ({ port: GOOD, sts: under('enforce') }), encrypted('sts ok')],
    [
      'enforce, no trust',
      () => ({ port: SELF_SIGNED, sts: under('enforce') }),
      waits('4.7.5', 'sts certificate-not-trusted'),
    ],
    ['enforce, expired', () => ({ port: EXPIRED, sts: under('enforce') }), waits('4.7.5', 'sts certificate-expired')],
    [
      'enforce, wrong name',
      () => ({ port: WRONG_NAME, sts: under('enforce') }),
      waits('4.7.5', 'sts certificate-host-mismatch'),
    ],
    [
      'enforce, no STARTTLS',
      () => ({ port: PLAIN, sts: under('enforce') }),
      waits('4.7.10', 'sts starttls-not-supported'),
    ],
    ['enforce, TLS breaks', () => ({ port: BREAKS, sts: under('enforce') }), waits('4.7.5', 'sts validation-failure')],
    [
      'enforce, MX not in the policy',
      () => ({ port: GOOD, sts: under('enforce', '*.other.example') }),
      waits('4.7.10', 'sts validation-failure'),
    ],
    [
      'enforce kept, DNS says nothing any more',
      () => ({ port: WRONG_NAME, sts: policies(createTestResolver({}), kept('enforce')) }),
      waits('4.7.5', 'sts certificate-host-mismatch'),
    ],
    [
      'enforce kept, a new id whose policy cannot be fetched',
      () => {
        answer = { status: 500, body: '' }
        return { port: PLAIN, sts: policies(createTestResolver(zone()), { ...kept('enforce'), id: '0' }) }
      },
      waits('4.7.10', 'sts sts-policy-fetch-error', 'sts starttls-not-supported'),
    ],
    [
      'enforce kept, a new id with a policy that only counts',
      () => {
        answer = { status: 200, body: policyText('testing') }
        return { port: WRONG_NAME, sts: policies(createTestResolver(zone()), { ...kept('enforce'), id: '0' }) }
      },
      encrypted('sts certificate-host-mismatch'),
    ],
    [
      'a policy behind a redirect is none',
      () => {
        answer = { status: 302, body: policyText('enforce'), location: 'https://elsewhere.example/' }
        return { port: PLAIN, sts: policies() }
      },
      clear('no-policy-found sts-policy-fetch-error', 'no-policy-found starttls-not-supported'),
    ],
    [
      'a policy that is a web page is none',
      () => {
        answer = { status: 200, body: policyText('enforce'), type: 'text/html' }
        return { port: GOOD, sts: policies() }
      },
      encrypted('no-policy-found sts-policy-invalid', 'no-policy-found ok'),
    ],
    [
      'testing, wrong name',
      () => ({ port: WRONG_NAME, sts: under('testing') }),
      encrypted('sts certificate-host-mismatch'),
    ],
    ['testing, no STARTTLS', () => ({ port: PLAIN, sts: under('testing') }), clear('sts starttls-not-supported')],
    ['mode none', () => ({ port: PLAIN, sts: under('none') }), clear('no-policy-found starttls-not-supported')],
    [
      'DANE, match; the certificate itself is bad',
      () => ({ port: WRONG_NAME, dns: secure(tlsa(WRONG_NAME, [tlsaOf(3, 1, 1, leaves.wrongName)])) }),
      encrypted('tlsa ok'),
    ],
    [
      'DANE, trust anchor',
      () => ({ port: GOOD, dns: secure(tlsa(GOOD, [tlsaOf(2, 0, 1, ca)])) }),
      encrypted('tlsa ok'),
    ],
    [
      'DANE, mismatch, though MTA-STS would do',
      () => ({ port: GOOD, sts: under('enforce'), dns: secure(tlsa(GOOD, [tlsaOf(3, 1, 1, leaves.expired)])) }),
      waits('4.7.5', 'tlsa validation-failure'),
    ],
    [
      'DANE, TLSA bogus',
      () => ({ port: GOOD, dns: secure(tlsa(GOOD, 'failed')) }),
      waits('4.7.5', 'tlsa dnssec-invalid'),
    ],
    [
      'DANE, all unusable: encrypted by whoever',
      () => ({ port: SELF_SIGNED, dns: secure(tlsa(SELF_SIGNED, [tlsaOf(1, 1, 1, leaves.good)])) }),
      encrypted('tlsa ok'),
    ],
    [
      'DANE, all unusable, no STARTTLS',
      () => ({ port: PLAIN, dns: secure(tlsa(PLAIN, [tlsaOf(1, 1, 1, leaves.good)])) }),
      waits('4.7.10', 'tlsa starttls-not-supported'),
    ],
    [
      'TLSA records that nobody signed count for nothing',
      () => ({ port: PLAIN, dns: createTestResolver(zone(tlsa(PLAIN, [tlsaOf(3, 1, 1, leaves.good)]))) }),
      clear('no-policy-found starttls-not-supported'),
    ],
    ['no policy, self-signed', () => ({ port: SELF_SIGNED }), encrypted('no-policy-found ok')],
    ['no policy, the server demands TLS', () => ({ port: DEMANDS }), encrypted('no-policy-found ok')],
    [
      'no policy, TLS breaks: in the clear on a new connection',
      () => ({ port: BREAKS }),
      clear('no-policy-found validation-failure'),
    ],
    [
      'TLS-Required: No goes on in spite of the policy',
      () => ({ port: WRONG_NAME, sts: under('enforce'), content: 'Subject: x\r\nTLS-Required: No\r\n\r\nHello\r\n' }),
      encrypted('sts certificate-host-mismatch', 'sts ok'),
    ],
    [
      'TLS-Required: No in the body is text',
      () => ({ port: WRONG_NAME, sts: under('enforce'), content: 'Subject: x\r\n\r\nTLS-Required: No\r\n' }),
      waits('4.7.5', 'sts certificate-host-mismatch'),
    ],
  ]
  for (const [what, way, expected] of CASES)
    await t.test(what, async () => assert.deepEqual(await send(way()), expected))

  await t.test('what broke is remembered: the next letter begins in the clear', async () => {
    const memory = createTlsMemory(systemClock)
    await send({ port: BREAKS, memory })
    assert.deepEqual(await send({ port: BREAKS, memory }), clear())
    assert.deepEqual(
      await send({ port: BREAKS, memory, sts: under('enforce') }),
      waits('4.7.5', 'sts validation-failure'),
    )
  })

  await t.test('REQUIRETLS never falls back', async () => {
    const refused = async (way: Way) => {
      const { to, status } = await send({ ...way, requireTls: true })
      return [to, status]
    }
    assert.deepEqual(await refused({ port: GOOD }), ['failed', '5.7.10']) // Nobody vouches for the MX.
    assert.deepEqual(await refused({ port: PLAIN, sts: under('enforce') }), ['failed', '5.7.10'])
    assert.deepEqual(await refused({ port: WRONG_NAME, dns: secure({}) }), ['failed', '5.7.10'])
    const header = 'TLS-Required: No\r\n\r\nx\r\n'
    assert.deepEqual(await refused({ port: PLAIN, sts: under('enforce'), content: header }), ['failed', '5.7.10'])
    // Verified, and then it is the server's word that counts: Postfix before 3.11 does not know it.
    const offered = await refused({ port: GOOD, sts: under('enforce') })
    assert.ok(offered[1] === '5.7.30' || offered[0] === 'delivered', String(offered))
  })
})
