import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { suite, test } from 'node:test'
import PostalMime from 'postal-mime'
import { buildDsn, type DsnOptions, type DsnRecipient } from './dsn.ts'

const NOW = Date.UTC(2026, 0, 5, 12)
const HOUR = 3_600_000
const bob = { localPart: 'bob', domain: 'away.example' }

const failed = (over: Partial<DsnRecipient> = {}): DsnRecipient => ({
  address: bob,
  originalRecipient: null,
  action: 'failed',
  answer: { code: 550, status: '5.1.1', text: 'No such user here', remote: 'mx1.away.example' },
  lastAttemptAt: NOW,
  ...over,
})

const dsn = (over: Partial<DsnOptions>): DsnOptions => ({
  hostname: 'mail.home.example',
  to: { localPart: 'alice', domain: 'home.example' },
  recipients: [failed()],
  arrivedAt: NOW - 5 * HOUR,
  now: NOW,
  retryUntil: NOW + 115 * HOUR,
  envelopeId: null,
  returnedHeader: Buffer.from('From: alice@home.example\r\nSubject: Hello\r\nMessage-ID: <1@home.example>\r\n'),
  originalMessageId: '<1@home.example>',
  messageId: '<abc@mail.home.example>',
  boundary: '=_boundary',
  utf8: false,
  ...over,
})

const CASES: Record<string, DsnOptions> = {
  failed: dsn({}),
  'failed-several': dsn({
    envelopeId: 'QQ314159',
    recipients: [
      failed({ originalRecipient: 'rfc822;Bob+old@away.example' }),
      failed({
        address: { localPart: 'a b', domain: 'away.example' },
        answer: {
          code: 452,
          status: '4.2.2',
          text: `Mailbox full. ${'Please read https://away.example/help about quota and storage. '.repeat(3)}`,
          remote: 'mx2.away.example',
        },
      }),
      failed({ answer: { code: 550, status: '5.1.2', text: 'The domain away.example does not exist', remote: null } }),
    ],
  }),
  expired: dsn({
    recipients: [
      failed({
        answer: {
          code: 550,
          status: '5.4.7',
          text: 'It could not be delivered within 5 days, and we have stopped trying. The last answer was: 451 4.4.1 No connection to mx1.away.example (198.51.100.1, port 25): ETIMEDOUT',
          remote: null,
        },
      }),
    ],
  }),
  delayed: dsn({
    recipients: [
      failed({
        action: 'delayed',
        answer: { code: 451, status: '4.7.1', text: 'Greylisted, try again', remote: 'mx1.away.example' },
      }),
    ],
  }),
  'relayed-and-failed': dsn({
    recipients: [
      failed(),
      failed({
        address: { localPart: 'eve', domain: 'away.example' },
        action: 'relayed',
        answer: { code: 250, status: '2.0.0', text: 'queued', remote: 'mx1.away.example' },
      }),
    ],
  }),
  'delivered-and-expanded': dsn({
    recipients: [
      failed({ action: 'delivered', answer: { code: 250, status: '2.0.0', text: 'Kept', remote: null } }),
      failed({
        address: { localPart: 'team', domain: 'home.example' },
        action: 'expanded',
        answer: { code: 250, status: '2.0.0', text: 'Kept', remote: null },
      }),
    ],
  }),
  utf8: dsn({
    utf8: true,
    to: { localPart: 'алиса', domain: 'почта.example' },
    recipients: [
      failed({
        address: { localPart: 'иван', domain: 'away.example' },
        originalRecipient: 'utf-8;иван@away.example',
        answer: { code: 550, status: '5.1.1', text: 'Нет такого', remote: 'mx1.away.example' },
      }),
    ],
    returnedHeader: Buffer.from('Subject: Привет\r\n'),
    originalMessageId: null,
  }),
  'hostile-answer': dsn({
    recipients: [
      failed({
        answer: {
          code: 550,
          status: '5.0.0',
          text: `é\r\nX-Injected: yes\0${'y'.repeat(300)}`,
          remote: 'mx1.away.example',
        },
      }),
    ],
    returnedHeader: Buffer.from('Subject: caf\xe9\r\n', 'latin1'),
  }),
}

suite('DSN', () => {
  for (const [name, options] of Object.entries(CASES)) {
    test(`${name}: golden file`, async () => {
      const built = buildDsn(options)
      const file = new URL(`golden/${name}.eml`, import.meta.url)
      if (process.env['GAVAN_UPDATE_GOLDEN'] === '1') await writeFile(file, built)
      assert.equal(built.toString('latin1'), (await readFile(file)).toString('latin1'))
    })

    test(`${name}: well-formed`, async () => {
      const built = buildDsn(options)
      const text = built.toString('latin1')
      assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(text), 'lines end with CRLF')
      assert.ok(!text.includes('\0'))
      assert.ok(text.split('\r\n').every((line) => line.length <= 998 && !line.endsWith('  ')))
      const parsed = await PostalMime.parse(built)
      assert.match(parsed.text ?? '', /This is the mail server mail\.home\.example/)
      assert.ok(!parsed.headers.some(({ key }) => key === 'x-injected'))
      if (!options.utf8) {
        const status = /Content-Type: message\/delivery-status\r\n[^]*?\r\n--=_boundary/.exec(text)![0]
        assert.ok(!/[^\0-\x7f]/.test(status), 'delivery-status is ASCII')
        assert.ok(!/^X-Injected/m.test(status))
        assert.ok(status.split('\r\n').every((line) => line.length <= 78))
      }
    })
  }
})
