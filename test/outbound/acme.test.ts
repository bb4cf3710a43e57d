/** The conversation with a CA, and what becomes of answers that Pebble never gives. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { madeCertificate } from '../../src/core/certificates/test-certificate.ts'
import type {
  AcmeFailure,
  CertificateAuthority,
  ChallengeTask,
  IssuedCertificate,
} from '../../src/model/certificate.ts'
import { SolverFailed } from '../../src/model/certificate.ts'
import { ACME_AUTHORIZATIONS_MAX, ACME_NONCE_TRIES, ACME_TOKEN_MAX_OCTETS } from '../../src/model/limits.ts'
import { createAuthority } from '../../src/outbound/acme/authority.ts'
import type { AccountOptions } from '../../src/outbound/acme/contract.ts'
import { certificateId } from '../../src/protocol/acme/certificate-id.ts'
import { readAuthorization, readOrder, readProblem, readRetryAfter } from '../../src/protocol/acme/messages.ts'
import { DAY, HOUR, type Clock } from '../../src/std/clock.ts'
import type { Result } from '../../src/std/result.ts'
import { createTestClock } from '../../src/std/test-clock.ts'
import { answer, BASE, createFakeDirectory, keyAsRequest, problem, type FakeDirectory } from './fake-directory.ts'

const accountKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
})
const NAMES = ['mail.here.test', 'mta-sts.here.test']

type Bench = {
  readonly fake: FakeDirectory
  readonly ca: CertificateAuthority
  readonly shown: string[]
  readonly accountUrls: string[]
  order(about?: { profile?: string | null; replaces?: string | null }): Promise<Result<IssuedCertificate, AcmeFailure>>
}

/** A clock whose waits are over at once. */
function hastyClock(): Clock {
  const clock = createTestClock()
  return {
    ...clock,
    timer(ms, fn) {
      queueMicrotask(() => {
        clock.advance(ms)
        fn()
      })
      return () => {}
    },
  }
}

function openBench(
  options: Partial<AccountOptions> & { url?: string; present?: (task: ChallengeTask) => void } = {},
): Bench {
  const clock = hastyClock()
  const fake = createFakeDirectory(clock)
  const shown: string[] = []
  const accountUrls: string[] = []
  const ca = createAuthority({
    directoryUrl: `${BASE}/dir`,
    fetch: (request) => fake.fetch(request),
    clock,
    signal: new AbortController().signal,
    userAgent: 'gavan/test',
    account: { key: accountKey, url: options.url ?? null },
    accountOptions: { contact: 'anna@here.test', binding: options.binding ?? null },
    keepAccountUrl: async (url) => void accountUrls.push(url),
    requestFor: keyAsRequest,
  })
  const solver = {
    type: 'http-01' as const,
    async present(task: ChallengeTask) {
      options.present?.(task)
      shown.push(task.name)
    },
    async withdraw({ name }: ChallengeTask) {
      const at = shown.indexOf(name)
      if (at !== -1) shown.splice(at, 1)
    },
  }
  return {
    fake,
    ca,
    shown,
    accountUrls,
    order: ({ profile = null, replaces = null }: { profile?: string | null; replaces?: string | null } = {}) =>
      ca.issue({ names: NAMES, solver, profile, replaces, key: null }),
  }
}

const failureOf = (result: Result<unknown, AcmeFailure>): AcmeFailure => {
  assert.ok(!result.ok)
  return result.error
}

test('an order, from a new account to a certificate; what was shown is gone again', async () => {
  const { fake, order, shown, accountUrls } = openBench()
  const result = await order()
  assert.ok(result.ok)
  assert.match(result.value.certificate, /^-----BEGIN CERTIFICATE-----/)
  assert.deepEqual(shown, [])
  assert.deepEqual(accountUrls, [`${BASE}/account/0`])
  assert.deepEqual(fake.calls[0]?.payload?.['contact'], ['mailto:anna@here.test'])
  assert.ok((await order()).ok)
  assert.equal(fake.accounts, 1, 'the account is known')
})

test('RFC 8555 §6.5: a refused nonce is tried again; not for ever', async () => {
  const { fake, order } = openBench()
  fake.badNonces = ACME_NONCE_TRIES - 1
  assert.ok((await order()).ok)
  const stubborn = openBench()
  stubborn.fake.badNonces = Infinity
  assert.equal(failureOf(await stubborn.order()).kind, 'refused')
})

test('an account that the CA forgot is made anew', async () => {
  const { fake, order, accountUrls } = openBench({ url: `${BASE}/account/99` })
  assert.ok((await order()).ok)
  fake.forgetAccounts()
  assert.ok((await order()).ok)
  assert.equal(accountUrls.length, 2)
})

test('RFC 8555 §7.3.4: an external account binding, signed with the key that the CA gave', async () => {
  const macKey = Buffer.from('the key that the CA gave').toString('base64url')
  const { fake, order } = openBench({ binding: { keyId: 'kid-1', macKey } })
  fake.meta = { externalAccountRequired: true }
  fake.bindings.set('kid-1', macKey)
  assert.ok((await order()).ok)
  const wrong = openBench({ binding: { keyId: 'kid-1', macKey: 'AAAA' } })
  wrong.fake.bindings.set('kid-1', macKey)
  assert.match(failureOf(await wrong.order()).detail, /wrong binding/)
  const without = openBench()
  without.fake.meta = { externalAccountRequired: true }
  assert.equal(failureOf(await without.order()).kind, 'account')
})

test('RFC 9773 §4.1: how a certificate is named (the example of its appendix A)', () => {
  const example = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`
  assert.equal(certificateId(example), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
})

test('RFC 9773: the window is asked for by the certificate’s name; what cannot be is no window', async () => {
  const { fake, ca } = openBench()
  const { certificate } = madeCertificate({ names: NAMES, from: Date.UTC(2026, 0), to: Date.UTC(2026, 3) })
  assert.deepEqual(await ca.renewalInfo(certificate), { ok: true, value: null }, 'a CA without it')
  const other = openBench()
  const window = { start: '2026-02-01T00:00:00Z', end: '2026-02-03T00:00:00Z' }
  other.fake.renewalInfo = answer(
    200,
    { suggestedWindow: window, explanationURL: 'https://ca.test/why' },
    { 'retry-after': '21600' },
  )
  const found = await other.ca.renewalInfo(certificate)
  assert.ok(found.ok && found.value !== null)
  assert.deepEqual(found.value.window, {
    start: Date.UTC(2026, 1, 1),
    end: Date.UTC(2026, 1, 3),
    explanationUrl: 'https://ca.test/why',
  })
  assert.equal(found.value.askAgainMs, 6 * HOUR)
  assert.equal(other.fake.calls[0]?.path, `/renewal-info/${certificateId(certificate)}`)
  for (const bad of [{ suggestedWindow: { start: window.end, end: window.start } }, {}, 'no JSON']) {
    other.fake.renewalInfo = answer(200, bad)
    assert.equal((await other.ca.renewalInfo(certificate)).ok, false)
  }
  assert.equal(fake.calls.length, 0)
})

test('RFC 9773 §5: a renewal says what it replaces; when the CA minds, it is ordered without', async () => {
  const { fake, order } = openBench()
  fake.renewalInfo = problem(404, 'malformed')
  const { certificate } = madeCertificate({ names: NAMES, from: 0, to: Date.UTC(2030, 0) })
  assert.ok((await order({ replaces: certificate })).ok)
  const replaced = (): unknown[] =>
    fake.calls.filter(({ path }) => path === '/new-order').map(({ payload }) => payload?.['replaces'])
  assert.deepEqual(replaced(), [certificateId(certificate)])
  fake.before = ({ path, payload }) =>
    path === '/new-order' && payload?.['replaces'] !== undefined ? problem(409, 'alreadyReplaced') : undefined
  assert.ok((await order({ replaces: certificate })).ok)
  assert.deepEqual(replaced().slice(1), [certificateId(certificate), undefined])
})

test('a profile is asked for when the CA has it; else it says which it has', async () => {
  const { fake, order } = openBench()
  fake.meta = { profiles: { classic: 'x', shortlived: 'y' } }
  assert.ok((await order({ profile: 'shortlived' })).ok)
  assert.equal(fake.calls.find(({ path }) => path === '/new-order')?.payload?.['profile'], 'shortlived')
  assert.match(failureOf(await order({ profile: 'fast' })).detail, /no profile "fast": it has classic, shortlived/)
})

test('a failed challenge names its name, and the other authorizations are given up (RFC 8555 §7.5.2)', async () => {
  const { fake, order, shown } = openBench()
  fake.failing.add(NAMES[0]!)
  const failure = failureOf(await order())
  assert.deepEqual([failure.kind, failure.name, failure.detail], ['challenge', NAMES[0], 'wrong answer'])
  assert.deepEqual(shown, [])
  const stuck = openBench({
    present({ name }) {
      if (name === NAMES[1]) throw new SolverFailed('REFUSED')
    },
  })
  const dns = failureOf(await stuck.order())
  assert.deepEqual([dns.kind, dns.name], ['dns-update', NAMES[1]])
  assert.deepEqual(
    stuck.fake.authorizations.map(({ status }) => status),
    ['deactivated', 'deactivated'],
  )
  assert.deepEqual(stuck.shown, [])
})

test('what a CA can say against an order, and what becomes of it', async () => {
  const rows: readonly [path: string, ReturnType<typeof answer>, Partial<AcmeFailure>][] = [
    [
      '/new-order',
      problem(429, 'rateLimited', 'too many', { 'retry-after': '86400' }),
      { kind: 'rate-limited', retryAfterMs: DAY },
    ],
    [
      '/new-order',
      problem(503, 'serverInternal', 'busy', { 'retry-after': '60' }),
      { kind: 'rate-limited', retryAfterMs: 60_000 },
    ],
    ['/new-order', problem(403, 'caa', 'CAA forbids'), { kind: 'caa' }],
    ['/new-order', problem(400, 'rejectedIdentifier', 'not that'), { kind: 'name' }],
    [
      '/new-order',
      answer(500, '<html>', { 'content-type': 'text/html' }),
      { kind: 'unreachable', detail: 'HTTP status 500' },
    ],
    ['/new-order', answer(201, 'no JSON', { location: `${BASE}/order/0` }), { kind: 'unreachable' }],
    ['/new-order', answer(201, {}, {}), { kind: 'unreachable', detail: 'the CA does not say where our order is' }],
    [
      '/order/0',
      answer(200, {
        status: 'invalid',
        authorizations: [],
        finalize: `${BASE}/f`,
        error: { type: 'urn:ietf:params:acme:error:serverInternal', detail: 'we\nfailed' },
      }),
      { kind: 'refused', detail: 'we failed' },
    ],
    [
      '/order/0',
      answer(200, { status: 'pending', authorizations: [], finalize: `${BASE}/f` }),
      { kind: 'unreachable', detail: 'the CA has not finished in time' },
    ],
    ['/finalize/0', problem(403, 'badCSR', 'weak key'), { kind: 'refused', detail: 'weak key' }],
    ['/certificate/0', answer(200, 'no PEM'), { kind: 'bad-certificate' }],
    [
      '/certificate/0',
      answer(200, madeCertificate({ names: NAMES, from: 0, to: Date.UTC(2030, 0) }).certificate),
      { kind: 'bad-certificate', detail: 'the certificate is for another key' },
    ],
  ]
  for (const [path, said, wanted] of rows) {
    const { fake, order, shown } = openBench()
    fake.before = (call) => (call.path === path ? said : undefined)
    const failure = failureOf(await order())
    assert.deepEqual({ ...failure, ...wanted }, failure, `${path}: ${said.body.slice(0, 80)}`)
    assert.deepEqual(shown, [])
  }
})

test('a subproblem says which name is meant (RFC 8555 §6.7.1)', async () => {
  const { fake, order } = openBench()
  const body = {
    type: 'urn:ietf:params:acme:error:compound',
    detail: 'Some names.',
    subproblems: [
      {
        type: 'urn:ietf:params:acme:error:rejectedIdentifier',
        detail: 'No.',
        identifier: { type: 'dns', value: NAMES[1] },
      },
    ],
  }
  fake.before = ({ path }) => (path === '/new-order' ? answer(403, body) : undefined)
  const { kind, name, detail } = failureOf(await order())
  assert.deepEqual([kind, name, detail], ['name', NAMES[1], 'Some names. No.'])
})

test('an answer never sends us to another host', async () => {
  const { fake, order } = openBench()
  const finalize = 'https://169.254.169.254/latest'
  fake.before = ({ path }) =>
    path === '/new-order'
      ? answer(201, { status: 'ready', authorizations: [finalize], finalize }, { location: `${BASE}/order/0` })
      : undefined
  assert.match(failureOf(await order()).detail, /another host: https:\/\/169\.254\.169\.254/)
})

test('a CA that cannot be reached is a failure like any other', async () => {
  const down = createAuthority({
    directoryUrl: `${BASE}/dir`,
    fetch: async () => {
      throw new Error('ECONNREFUSED')
    },
    clock: hastyClock(),
    signal: new AbortController().signal,
    userAgent: 'gavan/test',
    account: { key: accountKey, url: null },
    accountOptions: { contact: null, binding: null },
    keepAccountUrl: async () => {},
    requestFor: keyAsRequest,
  })
  const failure = failureOf(await down.identity())
  assert.deepEqual([failure.kind, failure.detail], ['unreachable', 'ca.test does not answer: ECONNREFUSED'])
})

test('a revocation; one that was done already is no failure', async () => {
  const { fake, ca } = openBench()
  const pair = madeCertificate({ names: NAMES, from: 0, to: Date.UTC(2030, 0) })
  assert.ok((await ca.revoke(pair, 1)).ok)
  assert.equal(fake.calls.at(-1)?.payload?.['reason'], 1)
  fake.before = ({ path }) => (path === '/revoke' ? problem(400, 'alreadyRevoked') : undefined)
  assert.ok((await ca.revoke(pair, 1)).ok)
  fake.before = ({ path }) => (path === '/revoke' ? problem(403, 'unauthorized', 'not yours') : undefined)
  assert.equal(failureOf(await ca.revoke(pair, 1)).detail, 'not yours')
})

test('texts of strangers are read within limits', () => {
  const urls = (count: number): string[] => Array.from({ length: count }, (_, index) => `${BASE}/authz/${index}`)
  const order = (count: number): string =>
    JSON.stringify({ status: 'pending', finalize: `${BASE}/f`, authorizations: urls(count) })
  assert.ok(readOrder(order(ACME_AUTHORIZATIONS_MAX)).ok)
  assert.ok(!readOrder(order(ACME_AUTHORIZATIONS_MAX + 1)).ok)
  const tokens: readonly [string, number][] = [
    ['good_token-1', 1],
    ['../../etc/passwd', 0],
    ['', 0],
    ['x'.repeat(ACME_TOKEN_MAX_OCTETS), 1],
    ['x'.repeat(ACME_TOKEN_MAX_OCTETS + 1), 0],
  ]
  for (const [token, count] of tokens) {
    const challenges = [{ type: 'http-01', url: `${BASE}/c`, status: 'pending', token }]
    const read = readAuthorization(
      JSON.stringify({ status: 'pending', identifier: { type: 'dns', value: 'A.test' }, challenges }),
    )
    assert.ok(read.ok)
    assert.deepEqual([read.value.challenges.length, read.value.name], [count, 'a.test'])
  }
  const { detail } = readProblem({ detail: `\u001b[31m${'x'.repeat(10_000)}` })
  assert.ok(detail.length <= 500 && !detail.includes('\u001b'))
  assert.deepEqual(
    [readRetryAfter('120', 0), readRetryAfter('never', 0), readRetryAfter(null, 0)],
    [120_000, null, null],
  )
  assert.equal(readRetryAfter('Thu, 01 Jan 1970 00:01:00 GMT', 0), 60_000)
})
