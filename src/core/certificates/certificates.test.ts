import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { suite, test } from 'node:test'
import type {
  AcmeFailure,
  CertificateAuthority,
  CertificateRequest,
  ChallengeSolver,
  ChallengeType,
  IssuedCertificate,
} from '../../model/certificate.ts'
import { ACME_ORDERS_PER_RUN_MAX, ACME_RETRY_MAX_MS, ACME_RETRY_MS } from '../../model/limits.ts'
import { DAY, HOUR, MINUTE } from '../../std/clock.ts'
import { silentLog } from '../../std/log.ts'
import { noMetrics } from '../../std/metrics.ts'
import type { Random } from '../../std/random.ts'
import { err, ok, type Result } from '../../std/result.ts'
import { createTestClock, type TestClock } from '../../std/test-clock.ts'
import { checkCaa, type CaaRecord } from './caa.ts'
import type { CertificateState, KeeperParts } from './contract.ts'
import { createCertificateKeeper } from './keeper.ts'
import { certificateNames } from './names.ts'
import { preflight } from './preflight.ts'
import { retryAfterMs } from './schedule.ts'
import { tell } from './told.ts'
import { madeCertificate } from './test-certificate.ts'

const HOST = 'mail.here.test'
const half: Random = { bytes: (count) => new Uint8Array(count), float: () => 0.5 }
const failure = (kind: AcmeFailure['kind'], about: Partial<AcmeFailure> = {}): AcmeFailure => ({
  kind,
  name: null,
  detail: 'because',
  retryAfterMs: null,
  ...about,
})

type Answer = (request: CertificateRequest) => Result<IssuedCertificate, AcmeFailure>
type Window = Awaited<ReturnType<CertificateAuthority['renewalInfo']>>

type Bench = {
  readonly clock: TestClock
  readonly orders: CertificateRequest[]
  readonly stagingOrders: CertificateRequest[]
  readonly used: (IssuedCertificate | null)[]
  readonly kept: { pair: IssuedCertificate | null; state: CertificateState | null }
  wanted: string[]
  answer: Answer
  stagingAnswer: Answer
  window: Window
  asked: number
  nextKey: string | null
  keysMade: number
  keeper: ReturnType<typeof createCertificateKeeper>
  settle(): Promise<void>
}

const LIFE_MS = 90 * DAY

function openBench(
  options: {
    staging?: boolean
    kept?: Bench['kept']
    not?: Record<string, string>
    via?: ChallengeType[]
    keyPolicy?: 'keep' | 'new'
  } = {},
): Bench {
  const clock = createTestClock()
  const kept = options.kept ?? { pair: null, state: null }
  const issue: Answer = ({ names }) => ok(madeCertificate({ names, from: clock.now(), to: clock.now() + LIFE_MS }))
  const bench: Bench = {
    clock,
    orders: [],
    stagingOrders: [],
    used: [],
    kept,
    wanted: [HOST, 'mta-sts.here.test'],
    answer: issue,
    stagingAnswer: issue,
    window: ok(null),
    asked: 0,
    nextKey: null,
    keysMade: 0,
    keeper: undefined as never,
    async settle() {
      for (let turns = 0; turns < 30; turns++) await turn()
    },
  }
  const authority = (name: string, orders: CertificateRequest[], answer: () => Answer): CertificateAuthority => ({
    directoryUrl: `https://${name}.test/dir`,
    identity: async () => ok({ caaIdentities: [], accountUrl: '' }),
    async issue(request) {
      orders.push(request)
      return answer()(request)
    },
    async renewalInfo() {
      bench.asked++
      return bench.window
    },
    revoke: async () => ok(null),
  })
  const via = options.via ?? ['http-01', 'tls-alpn-01']
  const solvers = via.map((type): ChallengeSolver => ({ type, present: async () => {}, withdraw: async () => {} }))
  const parts: KeeperParts = {
    clock,
    random: half,
    log: silentLog,
    metrics: noMetrics,
    files: {
      load: async () => kept,
      keepPair: async (pair) => void (kept.pair = pair),
      keepState: async (state) => void (kept.state = state),
      nextKey: async () => bench.nextKey,
      keepNextKey: async (key) => void (bench.nextKey = key),
    },
    authority: authority('real', bench.orders, () => bench.answer),
    staging: options.staging === true ? authority('staging', bench.stagingOrders, () => bench.stagingAnswer) : null,
    wantedNames: async () => bench.wanted,
    preflight: async (names) => ({
      names: names.map((name) => {
        const why = options.not?.[name]
        const check = why === undefined ? ({ at: 'ready', addresses: [] } as const) : ({ at: 'not-ours', why } as const)
        return { name, check, caa: { at: 'permitted' } as const }
      }),
      port80: { at: 'reached' },
    }),
    solvers: () => solvers,
    notes: () => [],
    profile: null,
    keyPolicy: options.keyPolicy ?? 'keep',
    newKey: async () => `new key ${++bench.keysMade}`,
    use: async (pair) => void bench.used.push(pair),
  }
  bench.keeper = createCertificateKeeper(parts)
  return bench
}

suite('keys (RFC 7671 §8)', () => {
  const keysAsked = ({ orders }: Bench): (string | null)[] => orders.map(({ key }) => key)

  test('by default a renewal keeps the key; after a revocation it is a new one; the staging CA never sees it', async () => {
    const bench = openBench({ staging: true })
    await bench.keeper.renew()
    const key = bench.kept.pair!.key
    await bench.keeper.renew()
    assert.deepEqual(keysAsked(bench), [null, key])
    assert.deepEqual(
      bench.stagingOrders.map((order) => order.key),
      [null],
    )
    await bench.keeper.revoke(1)
    await bench.keeper.renew()
    assert.equal(keysAsked(bench).at(-1), null)
    assert.equal(bench.keysMade, 0)
  })

  test('`new`: the key after the one in use is made ahead, used by the next renewal, and followed by another', async () => {
    const bench = openBench({ keyPolicy: 'new' })
    bench.answer = ({ names, key }) =>
      ok({ ...madeCertificate({ names, from: 0, to: bench.clock.now() + DAY }), key: key ?? 'first' })
    await bench.keeper.renew()
    assert.equal(bench.nextKey, 'new key 1')
    await bench.keeper.renew()
    await bench.keeper.renew()
    assert.deepEqual(keysAsked(bench), [null, 'new key 1', 'new key 2'])
    assert.equal(bench.nextKey, 'new key 3')
  })

  test('`new`, after a crash between the certificate and the key that follows it: the one in use is not used again', async () => {
    const pair = madeCertificate({ names: [HOST, 'mta-sts.here.test'], from: 0, to: Date.UTC(2040, 0) })
    const bench = openBench({ keyPolicy: 'new', kept: { pair, state: null } })
    bench.nextKey = pair.key
    await bench.keeper.start()
    await bench.keeper.stop()
    assert.equal(bench.nextKey, 'new key 1')
  })
})

suite('the keeper', () => {
  test('asks the staging CA first while nothing was ever issued, and never again', async () => {
    const bench = openBench({ staging: true })
    bench.stagingAnswer = () => err(failure('challenge', { name: HOST }))
    assert.equal((await bench.keeper.renew()).at, 'failed')
    assert.equal(bench.orders.length, 0, 'the real CA does not hear of a mistake')
    bench.stagingAnswer = ({ names }) => ok(madeCertificate({ names, from: 0, to: bench.clock.now() + DAY }))
    assert.equal((await bench.keeper.renew()).at, 'issued')
    const before = bench.stagingOrders.length
    assert.equal((await bench.keeper.renew()).at, 'issued')
    assert.deepEqual([bench.orders.length, bench.stagingOrders.length], [2, before])
    assert.equal(bench.orders[1]?.replaces, bench.used[0]?.certificate, 'a renewal names what it replaces')
  })

  test('a name that is not ours is left out; without the hostname nothing is asked for', async () => {
    const bench = openBench({ not: { 'mta-sts.here.test': 'it has no A or AAAA record' } })
    await bench.keeper.renew()
    assert.deepEqual(bench.orders[0]?.names, [HOST])
    const hopeless = openBench({ not: { [HOST]: 'it has no A or AAAA record' } })
    const outcome = await hopeless.keeper.renew()
    assert.ok(outcome.at === 'failed' && outcome.failure.kind === 'no-address')
    assert.match(outcome.failure.what, /mail\.here\.test cannot be proven: it has no A or AAAA record/)
    assert.equal(hopeless.orders.length, 0)
  })

  test('the next challenge after one that failed; then a name that fails is left out for a day', async () => {
    const bench = openBench()
    bench.answer = ({ names }) =>
      names.includes('mta-sts.here.test')
        ? err(failure('challenge', { name: 'mta-sts.here.test' }))
        : ok(madeCertificate({ names, from: bench.clock.now(), to: bench.clock.now() + LIFE_MS }))
    assert.equal((await bench.keeper.renew()).at, 'issued')
    const tried = bench.orders.map(({ names, solver }) => `${names.length} ${solver.type}`)
    assert.deepEqual(tried, ['2 http-01', '2 tls-alpn-01', '1 tls-alpn-01'])
    const { state } = await bench.keeper.status()
    assert.deepEqual(
      state.leftOut.map(({ name }) => name),
      ['mta-sts.here.test'],
    )
    assert.equal(state.challenge, 'tls-alpn-01')
    assert.match(state.notes.join(), /http-01 did not work/)
    await bench.keeper.start()
    await bench.settle()
    bench.clock.advance(23 * HOUR)
    await bench.settle()
    assert.equal(bench.orders.length, 3, 'not before a day is over')
    bench.answer = ({ names }) =>
      ok(madeCertificate({ names, from: bench.clock.now(), to: bench.clock.now() + LIFE_MS }))
    for (let hours = 0; hours < 3; hours++) {
      bench.clock.advance(HOUR)
      await bench.settle()
    }
    assert.deepEqual(bench.orders.at(-1)?.names, bench.wanted)
    await bench.keeper.stop()
  })

  test('one run orders no more than ACME_ORDERS_PER_RUN_MAX times', async () => {
    const bench = openBench({ via: ['tls-alpn-01'] })
    bench.wanted = [HOST, ...Array.from({ length: 10 }, (_, index) => `n${index}.here.test`)]
    bench.answer = ({ names }) => err(failure('challenge', { name: names.at(-1) ?? null }))
    assert.equal((await bench.keeper.renew()).at, 'failed')
    assert.equal(bench.orders.length, ACME_ORDERS_PER_RUN_MAX)
  })

  test('failures are followed by longer and longer rests, kept over a restart; the CA may ask for more', async () => {
    const bench = openBench({ via: ['http-01'] })
    bench.answer = () => err(failure('unreachable'))
    await bench.keeper.start()
    await bench.settle()
    const waits: number[] = []
    for (let tries = 1; tries <= 7; tries++) {
      assert.equal(bench.orders.length, tries)
      const until = bench.kept.state?.nextTryAt ?? 0
      waits.push((until - bench.clock.now()) / HOUR)
      while (bench.clock.now() < until) {
        assert.equal(bench.orders.length, tries, 'not before its time')
        bench.clock.advance(Math.min(HOUR, until - bench.clock.now()))
        await bench.settle()
      }
    }
    await bench.keeper.stop()
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 24, 24])
    const again = openBench({ kept: bench.kept })
    again.clock.advance(bench.clock.now() - again.clock.now())
    await again.keeper.start()
    await again.settle()
    assert.equal(again.orders.length, 0)
    await again.keeper.stop()

    assert.equal(retryAfterMs(1, half, 3 * DAY), 3 * DAY, 'Retry-After (RFC 8555 §6.6)')
    for (const float of [0, 0.999]) {
      const random = { ...half, float: () => float }
      assert.ok(Math.abs(retryAfterMs(1, random, null) - ACME_RETRY_MS) <= 0.1 * ACME_RETRY_MS + 1)
      assert.ok(Math.abs(retryAfterMs(1000, random, null) - ACME_RETRY_MAX_MS) <= 0.1 * ACME_RETRY_MAX_MS + 1)
    }
  })

  test('RFC 9773 §4.2: renews in the middle of the window named, drawn once; at once when it is past', async () => {
    const bench = openBench()
    const start = bench.clock.now() + 10 * DAY
    bench.window = ok({ window: { start, end: start + 2 * DAY, explanationUrl: null }, askAgainMs: 6 * HOUR })
    await bench.keeper.start()
    await bench.settle()
    assert.equal(bench.kept.state?.renewAt, start + DAY)
    assert.equal(bench.orders.length, 1)
    const before = bench.asked
    bench.clock.advance(6 * HOUR)
    await bench.settle()
    bench.clock.advance(2 * MINUTE)
    await bench.settle()
    assert.equal(bench.asked, before + 1, 'asked again when the CA wished')
    const past = bench.clock.now() - 3 * DAY
    bench.window = ok({ window: { start: past, end: past + DAY, explanationUrl: null }, askAgainMs: null })
    for (let hours = 0; hours < 7; hours++) {
      bench.clock.advance(HOUR)
      await bench.settle()
    }
    assert.ok(bench.orders.length >= 2, 'a window that is past: revoked, say')
    await bench.keeper.stop()
  })

  test('without ARI it renews at two thirds of the life, also when the clock jumps', async () => {
    for (const window of [ok(null), err(failure('unreachable'))]) {
      const bench = openBench()
      bench.window = window
      await bench.keeper.start()
      await bench.settle()
      assert.equal(bench.kept.state?.renewAt, bench.clock.now() + 60 * DAY)
      bench.clock.jump(59 * DAY)
      bench.clock.advance(HOUR)
      await bench.settle()
      assert.equal(bench.orders.length, 1)
      bench.clock.jump(1 * DAY)
      bench.clock.advance(HOUR)
      await bench.settle()
      assert.equal(bench.orders.length, 2)
      await bench.keeper.stop()
    }
  })

  test('a new domain gets its names; a disk that fails is told and changes nothing', async () => {
    const bench = openBench()
    await bench.keeper.start()
    await bench.settle()
    bench.wanted = [...bench.wanted, 'mta-sts.new.test']
    bench.clock.advance(HOUR)
    await bench.settle()
    assert.deepEqual(bench.orders.at(-1)?.names, bench.wanted)
    await bench.keeper.stop()

    const broken = openBench()
    broken.answer = () => {
      throw new Error('ENOSPC')
    }
    const outcome = await broken.keeper.renew()
    assert.ok(outcome.at === 'failed' && outcome.failure.kind === 'storage')
    assert.match(outcome.failure.fix, /data_dir\/acme/)
    assert.equal(broken.used.length, 0)
  })

  test('what was hung up by our own stop is no failure', async () => {
    const bench = openBench({ via: ['http-01'] })
    await bench.keeper.stop()
    bench.answer = () => err(failure('unreachable'))
    await bench.keeper.renew()
    assert.equal(bench.kept.state?.failures ?? 0, 0)
  })
})

test('names: the hostname first, three of each domain, more by hand, none twice', () => {
  const names = certificateNames({
    hostname: HOST,
    domains: ['here.test', 'пример.test'],
    more: ['imap.here.test', HOST],
  })
  assert.deepEqual(names, [
    HOST,
    'imap.here.test',
    'autoconfig.here.test',
    'mta-sts.here.test',
    'autodiscover.here.test',
  ])
})

suite('CAA (RFC 8659, RFC 8657)', () => {
  const issue = (value: string): CaaRecord => ({ flags: 0, tag: 'issue', value })
  const cases: readonly [
    string,
    Record<string, CaaRecord[] | null>,
    'permitted' | 'forbidden' | 'not-checked',
    RegExp?,
  ][] = [
    [HOST, {}, 'permitted'],
    [HOST, { 'here.test': [issue('ca.test')] }, 'permitted'],
    [HOST, { 'here.test': [issue('CA.test ; x=1')] }, 'permitted'],
    [HOST, { 'here.test': [issue('other.test')] }, 'forbidden', /here\.test allows other\.test, not ca\.test/],
    [HOST, { 'here.test': [issue(';')] }, 'forbidden', /allows nobody/],
    [HOST, { [HOST]: [issue('ca.test')], 'here.test': [issue(';')] }, 'permitted'],
    [HOST, { 'here.test': [{ flags: 0, tag: 'iodef', value: 'mailto:a@here.test' }] }, 'permitted'],
    [HOST, { 'here.test': [{ flags: 128, tag: 'strange', value: 'x' }] }, 'forbidden', /critical/],
    [HOST, { 'here.test': [{ flags: 0, tag: 'issuewild', value: ';' }] }, 'permitted'],
    ['*.here.test', { 'here.test': [issue('ca.test'), { flags: 0, tag: 'issuewild', value: ';' }] }, 'forbidden'],
    ['*.here.test', { 'here.test': [issue('ca.test')] }, 'permitted'],
    [HOST, { [HOST]: null }, 'not-checked'],
    [HOST, { 'here.test': [issue('ca.test; accounturi=https://ca.test/acct/1')] }, 'permitted'],
    [HOST, { 'here.test': [issue('ca.test; accounturi=https://ca.test/acct/2')] }, 'forbidden', /acct\/2 alone/],
    [HOST, { 'here.test': [issue('ca.test; validationmethods=dns-01')] }, 'forbidden', /dns-01 alone/],
    [HOST, { 'here.test': [issue('ca.test; validationmethods=dns-01,http-01')] }, 'permitted'],
  ]
  for (const [name, records, at, why] of cases)
    test(`${name} with ${JSON.stringify(records)}: ${at}`, async () => {
      const options = { name, identities: ['ca.test'], accountUrl: 'https://ca.test/acct/1', via: ['http-01'] as const }
      const found = await checkCaa(options, async (owner) => records[owner] ?? (records[owner] === null ? null : []))
      assert.equal(found.at, at)
      if (why !== undefined) assert.match('why' in found ? found.why : '', why)
    })
})

suite('the preflight', () => {
  const zone: Record<string, readonly string[]> = {
    [`A ${HOST}`]: ['192.0.2.1'],
    [`AAAA ${HOST}`]: ['2001:db8::1'],
    'A mta-sts.here.test': ['192.0.2.1'],
    'A autoconfig.here.test': ['192.0.2.1'],
    'AAAA autoconfig.here.test': ['2001:db8::bad'],
    'A inside.here.test': ['10.0.0.5'],
  }
  const fetched: string[] = []
  const look = (
    answer: (address: string) => string | null,
    via: ChallengeType[] = ['http-01'],
  ): ReturnType<typeof preflight> =>
    preflight(
      {
        lookUp: {
          async query(name: string, type: string) {
            if (name === 'dark.here.test') return { at: 'failed', why: 'timeout' } as const
            const records = zone[`${type} ${name}`]
            return records === undefined ? ({ at: 'no-data' } as const) : ({ at: 'found', records } as never)
          },
        },
        ownAddresses: () => ['10.0.0.5'],
        identity: async () => null,
        async fetchOwnToken(_name, address) {
          fetched.push(address)
          return answer(address)
        },
      },
      [
        HOST,
        'mta-sts.here.test',
        'autoconfig.here.test',
        'inside.here.test',
        'none.here.test',
        'dark.here.test',
        '*.here.test',
      ],
      via,
    )

  test('a name is ours when all its addresses, A and AAAA, are the hostname’s or this machine’s', async () => {
    const { names, port80 } = await look(() => null)
    const told = names.map(({ check }) => (check.at === 'not-ours' ? check.why : check.at))
    assert.deepEqual(told, [
      'ready',
      'ready',
      'it leads to 2001:db8::bad, which is not this server',
      'ready',
      'it has no A or AAAA record',
      'not-checked',
      'a wildcard needs DNS-01 (tls.acme_dns)',
    ])
    assert.deepEqual(fetched, ['192.0.2.1', '2001:db8::1'], 'both families')
    assert.equal(port80.at, 'reached')
  })

  test('port 80 that cannot be reached from here is not checked, and forbids nothing', async () => {
    const { names, port80 } = await look((address) => (address.includes(':') ? 'ECONNREFUSED' : null))
    assert.ok(port80.at === 'not-checked' && port80.why.startsWith('2001:db8::1: ECONNREFUSED'))
    assert.equal(names[0]?.check.at, 'ready')
  })

  test('with DNS-01 no address matters', async () => {
    const { names } = await look(() => null, ['dns-01'])
    assert.ok(names.every(({ check }) => check.at === 'ready'))
  })
})

test('every kind of failure says what happened and what to do', () => {
  const kinds = [
    'unreachable',
    'challenge',
    'caa',
    'rate-limited',
    'name',
    'account',
    'dns-update',
    'no-address',
    'no-way',
    'refused',
    'bad-certificate',
    'storage',
  ] as const
  for (const kind of kinds) {
    const { what, fix } = tell(failure(kind, { name: HOST }), 'http-01', 0)
    assert.match(what, /because/, kind)
    assert.ok(fix.length > 10, kind)
  }
})
