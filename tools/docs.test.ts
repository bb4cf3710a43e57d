import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { choices } from './docs/choices.ts'
import { imapRefusals, pop3Refusals, smtpRefusals } from './docs/errors.ts'
import { events } from './docs/events.ts'
import { limitsPage } from './docs/limits.ts'
import { citations } from './docs/rfc.ts'

const at = (path: string, text: string): { path: string; text: string }[] => [{ path, text }]

suite('pages made from the code', () => {
  test('citations by RFC and section', () => {
    const text =
      "// RFC 5321 §4.1.4, §2.3 and RFC 9051 §6.4.8\nconst x = { rfc: 'RFC 6851 §3.2' }\n// RFC 1870: SIZE; RFC 5321 §4.5.3.2.1–6\n"
    const found = [...citations(at('src/a.ts', text))].map(([rfc, sections]) => [
      rfc,
      [...sections].map(([section, places]) => [section, places.map((place) => place.line)]),
    ])
    assert.deepEqual(found, [
      [
        5321,
        [
          ['4.1.4', [1]],
          ['2.3', [1]],
          ['4.5.3.2.1–6', [3]],
        ],
      ],
      [9051, [['6.4.8', [1]]]],
      [6851, [['3.2', [2]]]],
      [1870, [['', [3]]]],
    ])
  })

  test('a choice goes on over the lines of its comment', () => {
    const text = [
      '// Why.',
      '// Choice: 252 to every VRFY:',
      '// a true answer lists users.',
      'f() // Interop: old clients.',
      '/**',
      ' * Does it.',
      ' * Deviation: none',
      ' * @param x',
      ' */',
      "const s = 'Choice: not a comment'",
    ].join('\n')
    assert.deepEqual(
      choices(at('src/a.ts', text)).map(({ tag, text: words, line }) => [tag, words, line]),
      [
        ['Choice', '252 to every VRFY: a true answer lists users.', 2],
        ['Interop', 'old clients.', 4],
        ['Deviation', 'none', 7],
      ],
    )
  })

  test('events with level and facts', () => {
    const text =
      "log.info({ event: 'smtp.rcpt.refused', sessionId, code: reply.code, why: f({ deep: 1 }), ...rest })\n// event: 'no.such'\n"
    assert.deepEqual(events(at('src/a.ts', text)), [
      {
        name: 'smtp.rcpt.refused',
        level: 'info',
        facts: ['sessionId', 'code', 'why', 'rest'],
        path: 'src/a.ts',
        line: 1,
      },
    ])
  })

  test('refusals of each protocol', () => {
    const said = (refusals: readonly { code: string; text: string }[]): string[] =>
      refusals.map(({ code, text }) => `${code} ${text}`)
    const source = (text: string): { path: string; text: string } => ({ path: 'src/a.ts', text })
    assert.deepEqual(
      said(
        smtpRefusals(
          source("a(reply(250, '2.0.0', 'Ok'), reply(550, '5.1.1', `No ${name} here`))\n// reply(451, null, 'x')"),
        ),
      ),
      ['550 5.1.1 No … here'],
    )
    assert.deepEqual(said(imapRefusals(source("return no('It\\'s too big', 'TOOBIG')\nreturn bad('What?')"))), [
      "NO [TOOBIG] It's too big",
      'BAD What?',
    ])
    assert.deepEqual(said(pop3Refusals(source("say('-ERR [SYS/TEMP] Later\\r\\n')\nreturn error('[IN-USE] Busy')"))), [
      '-ERR [SYS/TEMP] Later',
      '-ERR [IN-USE] Busy',
    ])
  })

  test('limits with value, source and users', async () => {
    const limits =
      '// SMTP ---\n\n/** RFC 5321 §4.5.3.1.8: at least 100. */\nexport const RECIPIENTS_MAX = 1000\nexport const MESSAGE_MAX_OCTETS = 50 * MIB\n'
    const text = await limitsPage([
      { path: 'src/model/limits.ts', text: limits },
      { path: 'src/roles/a.ts', text: 'if (n > RECIPIENTS_MAX) no()' },
    ])
    assert.ok(
      text.includes(
        '| `RECIPIENTS_MAX` | 1 000 | RFC 5321 §4.5.3.1.8: at least 100. | [roles/a.ts](../src/roles/a.ts) |',
      ),
    )
    assert.ok(text.includes('| `MESSAGE_MAX_OCTETS` | 50 MiB |  |  |'))
  })
})
