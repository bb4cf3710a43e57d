import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { createTestResolver, type Zone } from '../../test/outbound/dns.ts'
import { DKIM_PUBLISHED_FOR_MS, DKIM_UNPUBLISHED_FOR_MS } from '../model/limits.ts'
import { keepingLog } from '../../test/mail-stage.ts'
import type { LogEvent } from '../std/log.ts'
import { createTestClock } from '../std/test-clock.ts'
import { ensureDkimKeys } from './dkim-keys.ts'
import { createDkimOperator } from './dkim-operator.ts'
import { createSigner } from './dkim-signer.ts'

suite('keys that sign mail: from one pair to the next', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gavan-dkim-'))
  const clock = createTestClock()
  const zone: Zone = {}
  const resolver = createTestResolver(zone)
  const events: LogEvent[] = []
  before(() => ensureDkimKeys(dataDir, 'a.test'))
  after(() => rm(dataDir, { recursive: true, force: true }))

  const operator = createDkimOperator({
    dataDir,
    clock,
    resolver: () => resolver,
    domains: async () => ['a.test', 'b.test'],
  })
  const publish = async (selector: string): Promise<void> => {
    const key = (await operator.list('a.test')).find((each) => each.selector === selector)!
    zone[key.name] = { TXT: [key.record] }
  }
  const states = async (): Promise<string[]> =>
    (await operator.list(null)).map(({ selector, state, published }) => `${selector} ${state} ${published}`)

  test('as a life goes', async () => {
    const signer = createSigner({ dataDir, clock, log: keepingLog(events), resolver })
    const signing = async (): Promise<string> =>
      (await signer.keysFor('a.test')).map(({ selector }) => selector).join(' ')

    assert.deepEqual(await states(), ['gv2 waits false', 'gv1 waits false'])
    assert.equal(await signing(), '', 'nobody could look at it')
    await publish('gv1')
    assert.equal(await signing(), '', 'looked for a moment ago')
    clock.advance(DKIM_UNPUBLISHED_FOR_MS)
    assert.equal(await signing(), 'gv1')
    await publish('gv2')
    clock.advance(DKIM_UNPUBLISHED_FOR_MS)
    assert.equal(await signing(), 'gv1 gv2')
    assert.deepEqual(await operator.retire('a.test', 'gv1'), { at: 'in-use' })

    const made = await operator.rotate('a.test')
    assert.deepEqual(
      made?.map(({ selector, kind, state }) => `${selector} ${kind} ${state}`),
      ['gv4 ed25519 waits', 'gv3 rsa waits'],
    )
    clock.advance(DKIM_PUBLISHED_FOR_MS)
    assert.equal(await signing(), 'gv1 gv2', 'until the new ones are to be seen')
    await publish('gv3')
    clock.advance(DKIM_UNPUBLISHED_FOR_MS)
    assert.equal(await signing(), 'gv3 gv2')
    await publish('gv4')
    clock.advance(DKIM_UNPUBLISHED_FOR_MS)
    assert.equal(await signing(), 'gv3 gv4')
    assert.deepEqual(await states(), ['gv4 signs true', 'gv3 signs true', 'gv2 old true', 'gv1 old true'])

    zone['gv3._domainkey.a.test'] = { TXT: 'failed' }
    clock.advance(DKIM_PUBLISHED_FOR_MS)
    assert.equal(await signing(), 'gv3 gv4', 'DNS that does not answer changes nothing')
    zone['gv3._domainkey.a.test'] = { TXT: ['v=DKIM1; k=rsa; p='] }
    clock.advance(DKIM_PUBLISHED_FOR_MS)
    assert.equal(await signing(), 'gv1 gv4', 'what was taken back signs no more')
    const { record } = (await operator.list('a.test')).find(({ selector }) => selector === 'gv3')!
    zone['gv3._domainkey.a.test'] = { TXT: [record] }

    const retired = await operator.retire('a.test', 'gv1')
    assert.equal(retired.at === 'done' && Math.round((retired.keepRecordUntil - clock.now()) / 86_400_000), 12)
    assert.deepEqual(await operator.retire('a.test', 'gv1'), { at: 'not-found' })
    assert.deepEqual((await readdir(join(dataDir, 'dkim', 'a.test'))).toSorted(), ['gv2.pem', 'gv3.pem', 'gv4.pem'])
    assert.deepEqual(events.at(0)?.['signsWith'], [])
  })

  test('two new pairs asked for at once have selectors of their own', async () => {
    const made = await Promise.all([operator.rotate('b.test'), operator.rotate('b.test')])
    const selectors = made.map((keys) => keys!.map(({ selector }) => selector).toSorted())
    assert.deepEqual(selectors, [
      ['gv1', 'gv2'],
      ['gv3', 'gv4'],
    ])
    const records = new Set(made.flatMap((keys) => keys!.map(({ record }) => record)))
    assert.deepEqual(new Set((await operator.list('b.test')).map(({ record }) => record)), records)
  })

  test('domains that are not ours, and names that are no domain', async () => {
    assert.equal(await operator.rotate('c.test'), null)
    assert.deepEqual(await operator.retire('../a.test', 'gv4'), { at: 'not-found' })
    assert.deepEqual(await operator.retire('a.test', '../a.test/gv4'), { at: 'not-found' })
    const signer = createSigner({ dataDir, clock, log: keepingLog([]), resolver })
    for (const domain of ['../a.test', '', '.', 'a.test/', 'a..test', 'A.test', 'a\0.test', 'b.test'])
      assert.deepEqual(await signer.keysFor(domain), [], domain)
  })
})
