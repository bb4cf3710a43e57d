import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { suite, test } from 'node:test'
import { createScanner } from '../../format/message/scan.ts'
import { cannedDns, type Zone } from '../../mailauth/testing/canned-dns.ts'
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from '../../model/dns.ts'
import { SCREENING_ALIGNMENT_TIMEOUT_MS, SCREENING_QUESTIONS_MAX, SCREENING_TIMEOUT_MS } from '../../model/limits.ts'
import { silentLog } from '../../std/log.ts'
import { createTestClock } from '../../std/test-clock.ts'
import type { TraceId } from '../../model/ids.ts'
import type { SeenMessage } from '../contract.ts'
import type { Verdict } from './contract.ts'
import type { DmarcMode } from './findings.ts'
import { openQuestions } from './questions.ts'
import { createScreening } from './screening.ts'

/** From a table; names that end in `.slow` are never answered. */
function resolverOf(zone: Zone): Resolver {
  const dns = cannedDns(zone)
  return {
    query<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
      if (name.endsWith('.slow')) return new Promise(() => {})
      return Promise.resolve(dns({ name, type }) as DnsAnswer<DnsRecords[T]>)
    },
  }
}

function seen(content: string): SeenMessage {
  const scanner = createScanner()
  scanner.push(Buffer.from(content))
  const { summary, receivedCount, fromCount } = scanner.finish()
  return { summary, receivedCount, fromCount }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

type Visit = { from: string; dmarc?: DmarcMode; fields?: string; dripsMs?: number; sender?: string }

/** One letter, while time passes as long as something waits for it. */
async function screen(zone: Zone, visit: Visit): Promise<{ verdict: Verdict; tookMs: number; pending: number }> {
  const { from, dmarc = 'reject', fields = '', dripsMs = 0, sender = 'evil.test' } = visit
  const clock = createTestClock()
  const screening = createScreening({
    hostname: 'mx.gavan.test',
    resolver: resolverOf(zone),
    clock,
    log: silentLog,
    dmarc,
    dnsbl: [],
    exempt: () => false,
  })
  const content = `${fields}From: ${from}\r\n\r\nHello\r\n`
  const letter = screening.begin({
    remoteAddress: '192.0.2.66',
    helo: 'mail.evil.test',
    envelope: {
      reversePath: { localPart: 'eve', domain: sender },
      recipients: [],
      body: '7BIT',
      smtputf8: false,
      requireTls: false,
    },
    traceId: 'test' as TraceId,
  })
  assert.ok(letter !== null)
  await turn()
  clock.advance(dripsMs)
  letter.push(Buffer.from(content))
  const start = clock.monotonic()
  const found: Verdict[] = []
  const end = letter.finish(seen(content)).then(({ verdict }) => found.push(verdict))
  for (let turns = 0; found.length === 0 && turns < 100; turns++) {
    await turn()
    if (found.length === 0 && clock.nextDueMs !== null) clock.advance(clock.nextDueMs)
  }
  const [verdict] = found
  assert.ok(verdict !== undefined, 'something waits for ever')
  await end
  return { verdict, tookMs: clock.monotonic() - start, pending: clock.pending }
}

const BANK: Zone = { '_dmarc.bank.test': [['TXT', 'v=DMARC1; p=reject; np=reject']] }
const slowSignature = (selector: string): string =>
  `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=evil.slow; s=${selector}; h=from:to;\r\n` +
  ` bh=${createHash('sha256').update('Hello\r\n').digest('base64')}; b=AAAA\r\n`

suite('whoever brings a forged letter cannot keep the domain from being heard', () => {
  test('by being slow', async () => {
    const { verdict } = await screen(BANK, { from: 'boss@bank.test', dripsMs: 10 * SCREENING_TIMEOUT_MS })
    assert.equal(verdict.refused?.status, '5.7.26')
  })

  test('by names that do not answer: of keys, and of the sender', async () => {
    const fields = slowSignature('a') + slowSignature('b')
    for (const from of ['boss@bank.test', 'boss@not-there.bank.test']) {
      const { verdict, tookMs, pending } = await screen(BANK, { from, fields, sender: 'evil.slow' })
      assert.equal(verdict.authentication.dmarc.result, 'fail')
      assert.equal(verdict.refused?.status, '5.7.26')
      assert.deepEqual([tookMs, pending], [SCREENING_TIMEOUT_MS, 0])
    }
  })

  test('by a second author', async () => {
    const zone: Zone = { ...BANK, 'evil.test': [['TXT', 'v=spf1 ip4:192.0.2.66 -all']] }
    const { verdict } = await screen(zone, { from: 'eve@evil.test, boss@bank.test' })
    assert.equal(verdict.refused?.status, '5.7.26')
  })
})

suite('R18: DNS that fails refuses nobody', () => {
  test('nothing answers', async () => {
    const { verdict, tookMs, pending } = await screen({}, { from: 'ann@a.slow', sender: 'a.slow' })
    const { spf, dmarc } = verdict.authentication
    assert.deepEqual([spf.result, dmarc.result, verdict.refused, verdict.junk], ['temperror', 'temperror', null, false])
    assert.ok(tookMs <= SCREENING_TIMEOUT_MS + SCREENING_ALIGNMENT_TIMEOUT_MS)
    assert.equal(pending, 0)
  })

  test('the domain is heard, and its key is not: taken, with a word against it', async () => {
    const zone: Zone = { ...BANK, 's._domainkey.bank.test': [['TIMEOUT', null]] }
    const fields = slowSignature('s').replace('evil.slow', 'bank.test')
    const { verdict } = await screen(zone, { from: 'boss@bank.test', fields })
    assert.equal(verdict.authentication.dkim[0]?.result, 'temperror')
    assert.deepEqual([verdict.authentication.dmarc.result, verdict.refused, verdict.junk], ['temperror', null, false])
    assert.ok(verdict.findings.some(({ by, points }) => by === 'dmarc' && points > 0))
  })
})

suite('what is done with what a domain asks for', () => {
  const quarantine: Zone = { '_dmarc.bank.test': [['TXT', 'v=DMARC1; p=quarantine']] }
  const cases: readonly [mode: DmarcMode, zone: Zone, to: string][] = [
    ['reject', BANK, 'refused'],
    ['junk', BANK, 'junk'],
    ['note', BANK, 'taken'],
    ['reject', quarantine, 'junk'],
    ['junk', quarantine, 'junk'],
    ['note', quarantine, 'taken'],
  ]
  for (const [mode, zone, to] of cases) {
    test(`${mode}: ${zone === BANK ? 'reject' : 'quarantine'}`, async () => {
      const { verdict } = await screen(zone, { from: 'boss@bank.test', dmarc: mode })
      assert.equal(verdict.refused !== null ? 'refused' : verdict.junk ? 'junk' : 'taken', to)
    })
  }
})

test('so many questions, and no more', async () => {
  const questions = openQuestions({ resolver: resolverOf({}), clock: createTestClock() })
  const ask = (): Promise<{ at: string }> => questions.answer({ name: 'a.test', type: 'A' })
  for (let n = 0; n < SCREENING_QUESTIONS_MAX; n++) assert.equal((await ask()).at, 'no-such-domain')
  assert.deepEqual(await ask(), { at: 'failed', why: 'refused' })
  questions.close()
  assert.deepEqual(await ask(), { at: 'failed', why: 'timeout' })
})
