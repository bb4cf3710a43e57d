/** RFC 8461: when a policy is fetched, and how long it holds. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from '../../model/dns.ts'
import { MTA_STS_REFETCH_AFTER_MS, MTA_STS_REFRESH_AFTER_MS } from '../../model/limits.ts'
import { silentLog } from '../../std/log.ts'
import { createTestClock } from '../../std/test-clock.ts'
import type { KeptStsPolicy } from './contract.ts'
import { createStsPolicies, isCertificateCode } from './policies.ts'

const DOMAIN = 'away.example'
const MAX_AGE_MS = 7 * 86_400_000

/** One domain, its record, its server, and the store; all can be changed on the way. */
function world() {
  const clock = createTestClock()
  const stored = new Map<string, KeptStsPolicy>()
  const now = {
    record: 'v=STSv1; id=1;' as string | null,
    mode: 'enforce',
    server: 'good' as 'good' | 'gone' | 'untrusted',
    fetches: 0,
  }
  const resolver: Resolver = {
    async query<T extends DnsType>(name: string): Promise<DnsAnswer<DnsRecords[T]>> {
      assert.equal(name, `_mta-sts.${DOMAIN}`)
      if (now.record === null) return { at: 'no-such-domain' }
      if (now.record === 'fails') return { at: 'failed', why: 'timeout' }
      return { at: 'found', records: [now.record] as never, ttlSeconds: 60, authenticated: false }
    },
  }
  const open = () =>
    createStsPolicies({
      resolver,
      clock,
      log: silentLog,
      store: {
        read: async (domain) => stored.get(domain) ?? null,
        keep: async (policy) => void stored.set(policy.domain, policy),
        forget: async (domain) => void stored.delete(domain),
      },
      async fetch({ host, path }) {
        assert.deepEqual([host, path], [`mta-sts.${DOMAIN}`, '/.well-known/mta-sts.txt'])
        now.fetches++
        if (now.server === 'gone') throw new Error('no answer')
        if (now.server === 'untrusted') throw Object.assign(new Error('bad'), { code: 'CERT_HAS_EXPIRED' })
        const body = `version: STSv1\nmode: ${now.mode}\nmx: mx.${DOMAIN}\nmax_age: ${MAX_AGE_MS / 1000}\n`
        return { status: 200, header: () => 'text/plain; charset=utf-8', body }
      },
    })
  return { clock, stored, now, open }
}

/** What was begun and nobody waits for. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

suite('MTA-STS policies', () => {
  test('fetched once, also for many letters at once; kept over a restart', async () => {
    const { now, open, stored } = world()
    const policies = open()
    const found = await Promise.all([policies.find(DOMAIN), policies.find(DOMAIN), policies.find(DOMAIN)])
    assert.deepEqual(
      found.map(({ policy, from }) => [policy?.mode, from]),
      [
        ['enforce', 'fetched'],
        ['enforce', 'fetched'],
        ['enforce', 'fetched'],
      ],
    )
    assert.equal(now.fetches, 1)
    assert.equal(stored.get(DOMAIN)?.id, '1')
    now.record = null
    now.server = 'gone'
    const after = await open().find(DOMAIN)
    assert.deepEqual([after.policy?.mode, after.from, after.failure, now.fetches], ['enforce', 'kept', null, 1])
  })

  test('it holds to its end without DNS, and no longer', async () => {
    const { now, open, clock, stored } = world()
    const policies = open()
    await policies.find(DOMAIN)
    now.record = 'fails'
    clock.advance(MAX_AGE_MS - 1)
    assert.equal((await policies.find(DOMAIN)).policy?.mode, 'enforce')
    clock.advance(1)
    assert.equal((await policies.find(DOMAIN)).policy, null)
    assert.equal(stored.size, 0)
  })

  test('a day later it is fetched again, behind the letter; its age begins anew', async () => {
    const { now, open, clock, stored } = world()
    const policies = open()
    await policies.find(DOMAIN)
    clock.advance(MTA_STS_REFRESH_AFTER_MS - 1)
    await policies.find(DOMAIN)
    await settle()
    assert.equal(now.fetches, 1)
    clock.advance(1)
    assert.equal((await policies.find(DOMAIN)).from, 'kept')
    await settle()
    assert.equal(now.fetches, 2)
    assert.equal(stored.get(DOMAIN)?.fetchedAt, clock.now())
  })

  test('another id: fetched at once; while that fails the old one holds and its server is left alone', async () => {
    const { now, open, clock } = world()
    const policies = open()
    await policies.find(DOMAIN)
    now.record = 'v=STSv1; id=2;'
    now.server = 'untrusted'
    for (let i = 0; i < 3; i++) {
      const { policy, failure } = await policies.find(DOMAIN)
      assert.deepEqual([policy?.id, failure?.failure], ['1', 'sts-webpki-invalid'])
    }
    assert.equal(now.fetches, 2)
    clock.advance(MTA_STS_REFETCH_AFTER_MS)
    now.server = 'good'
    now.mode = 'testing'
    const { policy } = await policies.find(DOMAIN)
    assert.deepEqual([policy?.id, policy?.mode], ['2', 'testing'])
  })

  test('mode none takes it away', async () => {
    const { now, open, stored } = world()
    const policies = open()
    await policies.find(DOMAIN)
    now.record = 'v=STSv1; id=2;'
    now.mode = 'none'
    assert.equal((await policies.find(DOMAIN)).policy, null)
    assert.equal(stored.size, 0)
  })

  test('no record, no question to its web server', async () => {
    const { now, open } = world()
    now.record = null
    assert.deepEqual(await open().find(DOMAIN), { policy: null, from: 'nowhere', failure: null })
    assert.equal(now.fetches, 0)
  })

  test('a store that cannot be read is no "none"', async () => {
    const { clock } = world()
    const policies = createStsPolicies({
      clock,
      log: silentLog,
      resolver: { query: async () => ({ at: 'no-data' }) },
      fetch: () => Promise.reject(new Error('not asked')),
      store: { read: () => Promise.reject(new Error('busy')), keep: async () => {}, forget: async () => {} },
    })
    await assert.rejects(policies.find(DOMAIN), /busy/)
  })

  test('which errors are the certificate’s', () => {
    for (const code of ['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'DEPTH_ZERO_SELF_SIGNED_CERT'])
      assert.equal(isCertificateCode(code), true, code)
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'ABORT_ERR', undefined, 7])
      assert.equal(isCertificateCode(code), false, String(code))
  })
})
