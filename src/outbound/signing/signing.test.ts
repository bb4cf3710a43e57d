import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { askAtOnce } from '../../mailauth/ask.ts'
import { printDkimRecord } from '../../mailauth/dkim/key-record.ts'
import { createLetterVerifier } from '../../mailauth/letter.ts'
import { cannedDns } from '../../mailauth/testing/canned-dns.ts'
import type { Address } from '../../model/address.ts'
import type { QueueId, TraceId } from '../../model/ids.ts'
import { READ_AT_ONCE_MAX_OCTETS } from '../../model/limits.ts'
import type { QueueEntry } from '../../model/queue.ts'
import { silentLog } from '../../std/log.ts'
import { createTestClock } from '../../std/test-clock.ts'
import type { OutgoingContent } from '../contract.ts'
import { createSigning } from './signing.ts'

const KEY = generateKeyPairSync('ed25519').privateKey
const LETTER = 'From: Ann <ann@a.test>\r\nSubject: x\r\n\r\nHello\r\n'
const clock = createTestClock()

function entry(more: Partial<QueueEntry> & { from?: Address | null } = {}): QueueEntry {
  const { from = { localPart: 'ann', domain: 'a.test' }, ...rest } = more
  return {
    queueId: 1 as QueueId,
    traceId: 'one' as TraceId,
    destination: 'b.test',
    envelope: { reversePath: from, body: '7BIT', smtputf8: false, requireTls: false },
    recipients: [],
    sizeOctets: 0,
    acceptedAt: 0,
    expiresAt: 0,
    attempts: 0,
    nextAttemptAt: 0,
    delayNoticeAt: null,
    senderVerified: true,
    held: false,
    ...rest,
  }
}

function contentOf(text: string): OutgoingContent & { reads: number } {
  const octets = Buffer.from(text, 'latin1')
  return {
    reads: 0,
    sizeOctets: octets.length,
    async read(start, end) {
      this.reads++
      return octets.subarray(start, end)
    },
  }
}

const signing = () =>
  createSigning({
    clock,
    log: silentLog,
    signer: { keysFor: async (domain) => (domain === 'a.test' ? [{ domain, selector: 's', key: KEY }] : []) },
  })

async function whole(content: OutgoingContent): Promise<string> {
  return Buffer.from(await content.read(0, content.sizeOctets)).toString('latin1')
}

suite('letters are signed as they leave', () => {
  test('what is sent is what is signed, large ones too', async () => {
    for (const text of [LETTER, `${LETTER}${'word \r\n'.repeat(READ_AT_ONCE_MAX_OCTETS / 3)}`]) {
      const signed = await whole(await signing().sign(entry(), contentOf(text)))
      assert.ok(signed.startsWith('DKIM-Signature: ') && signed.endsWith(text))
      const verifier = createLetterVerifier()
      verifier.push(Buffer.from(signed, 'latin1'))
      const dns = cannedDns({ 's._domainkey.a.test': [['TXT', printDkimRecord(KEY)]] })
      assert.deepEqual(
        verifier.finish(clock.now()).dkim.map((each) => askAtOnce(each, dns).result),
        ['pass'],
      )
    }
  })

  test('not what is not ours to vouch for', async () => {
    const cases: Record<string, readonly [QueueEntry, string]> = {
      'of nobody who signed in': [entry({ senderVerified: false }), LETTER],
      'sent on for a stranger whose path is proven': [
        entry({ from: { localPart: 'SRS0=abcd=XY=evil.test=eve', domain: 'a.test' } }),
        LETTER,
      ],
      'sent on twice': [
        entry({ from: { localPart: 'SRS1=abcd=c.test==abcd=XY=evil.test=eve', domain: 'a.test' } }),
        LETTER,
      ],
      'of another domain': [entry(), LETTER.replace('a.test', 'b.test')],
      'of two authors': [entry(), LETTER.replace('\r\n', '\r\nFrom: eve@a.test\r\n')],
      'of authors in two domains': [entry(), LETTER.replace('>', '>, eve@b.test')],
      'without an author': [entry(), LETTER.replace(/^.*\r\n/, '')],
      'without a header': [entry(), '\r\nHello\r\n'],
    }
    for (const [name, [of, text]] of Object.entries(cases))
      assert.equal(await whole(await signing().sign(of, contentOf(text))), text, name)
  })

  test('a notice of our own, which has no sender', async () => {
    assert.match(await whole(await signing().sign(entry({ from: null }), contentOf(LETTER))), /^DKIM-Signature: /)
  })

  test('once for all destinations', async () => {
    const sign = signing()
    const first = await whole(await sign.sign(entry(), contentOf(LETTER)))
    const again = contentOf(LETTER)
    const second = await sign.sign(entry({ queueId: 2 as QueueId }), again)
    assert.equal(again.reads, 1, 'to see whether it is the same letter')
    assert.equal(await whole(second), first)
  })

  test('any part of it can be read', async () => {
    const signed = await signing().sign(entry(), contentOf(LETTER))
    const all = await whole(signed)
    await fc.assert(
      fc.asyncProperty(fc.nat(all.length), fc.nat(all.length), async (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a]
        assert.equal(Buffer.from(await signed.read(start, end)).toString('latin1'), all.slice(start, end))
      }),
    )
  })
})
