import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { suite, test } from 'node:test'
import { askAtOnce } from '../../mailauth/ask.ts'
import { printDkimRecord } from '../../mailauth/dkim/key-record.ts'
import { createLetterVerifier } from '../../mailauth/letter.ts'
import { cannedDns } from '../../mailauth/testing/canned-dns.ts'
import { DKIM_SIGNATURES_KEPT_MS } from '../../model/limits.ts'
import type { QueueEntry } from '../../model/queue.ts'
import { silentLog } from '../../std/log.ts'
import { createTestClock } from '../../std/test-clock.ts'
import type { OutgoingContent } from '../contract.ts'
import { createSigning } from './signing.ts'

const KEY = generateKeyPairSync('ed25519').privateKey
const DNS = cannedDns({ 'gv1._domainkey.a.test': [['TXT', printDkimRecord(KEY)]] })
const LETTER = 'From: ann@a.test\r\nTo: bert@b.test\r\nSubject: Words\r\n\r\nHello\r\n'

type Made = { readonly traceId?: string; readonly senderVerified?: boolean; readonly from?: string | null }

function entryOf({ traceId = 't1', senderVerified = true, from = 'ann' }: Made = {}): QueueEntry {
  const reversePath = from === null ? null : { localPart: from, domain: 'a.test' }
  return { queueId: 'q1', traceId, senderVerified, envelope: { reversePath } } as unknown as QueueEntry
}

function stage() {
  const clock = createTestClock()
  /** Octets of the body that were read. */
  let bodyReads = 0
  const signer = {
    keysFor: async (domain: string) => (domain === 'a.test' ? [{ domain, selector: 'gv1', key: KEY }] : []),
  }
  const signing = createSigning({ signer, clock, log: silentLog })
  const contentOf = (text: string): OutgoingContent => ({
    sizeOctets: text.length,
    async read(start, end) {
      if (start > 0) bodyReads++
      return Buffer.from(text.slice(start, end), 'latin1')
    },
  })
  /** @returns the results of the signatures that it left with */
  async function leave(text: string, entry = entryOf()): Promise<string[]> {
    const content = await signing.sign(entry, contentOf(text))
    const before = bodyReads
    const verifier = createLetterVerifier()
    verifier.push(await content.read(0, content.sizeOctets))
    bodyReads = before
    return verifier.finish(clock.now()).dkim.map((each) => {
      const { domain, result } = askAtOnce(each, DNS)
      return `${domain} ${result}`
    })
  }
  return { clock, leave, reads: () => bodyReads }
}

suite('letters are signed as they leave', () => {
  test('once for all destinations and tries of an hour', async () => {
    const { clock, leave, reads } = stage()
    assert.deepEqual(await leave(LETTER), ['a.test pass'])
    const once = reads()
    assert.ok(once > 0)
    assert.deepEqual(await leave(LETTER), ['a.test pass'])
    assert.equal(reads(), once)
    clock.advance(DKIM_SIGNATURES_KEPT_MS)
    assert.deepEqual(await leave(LETTER), ['a.test pass'])
    assert.ok(reads() > once)
  })

  test('what shares a traceId has signatures of its own: a notice, an edited copy', async () => {
    const { leave } = stage()
    const notice = 'From: Mail delivery <MAILER-DAEMON@mail.a.test>\r\nSubject: Not delivered\r\n\r\nSorry\r\n'
    for (const text of [LETTER, notice, LETTER.replace('Words', 'Weird')])
      assert.deepEqual(await leave(text, entryOf({ from: text === notice ? null : 'ann' })), ['a.test pass'], text)
  })

  const unsigned: Record<string, readonly [text: string, entry?: Made]> = {
    'from somebody who is not known': [LETTER, { senderVerified: false }],
    'sent on for a stranger': [LETTER, { from: 'SRS0=abcd=ab=c.test=eve' }],
    'of a domain without keys': [LETTER.replace('a.test', 'c.test')],
    'of a name that only ends alike': [LETTER.replace('a.test', 'aa.test')],
    'of a name that only begins alike': [LETTER.replace('a.test', 'a.test.c.test')],
    'with two From fields': [`From: eve@a.test\r\n${LETTER}`],
    'with authors of two domains': [LETTER.replace('ann@a.test', 'ann@a.test, eve@c.test')],
    'with no From': [LETTER.replace('From', 'X')],
  }
  for (const [name, [text, made]] of Object.entries(unsigned))
    test(`not: ${name}`, async () => assert.deepEqual(await stage().leave(text, entryOf(made)), []))
})
