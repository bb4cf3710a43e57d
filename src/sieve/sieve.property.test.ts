/** Random scripts on random letters: nothing throws, all ends within its budget, and what comes out can be done. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { scan } from '../format/message/testing.ts'
import { compile } from './compile.ts'
import type { Environment, Letter, Outcome } from './contract.ts'
import { describeOutcome } from './describe.ts'
import { SIEVE_EXTENSIONS } from './extensions.ts'
import { editHeader } from './message/edited-header.ts'
import { renderNotification, renderVacation } from './render.ts'
import { run } from './run.ts'

const OWNER = { localPart: 'owner', domain: 'example.com' }

const quote = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\r', '')}"`
const word = fc.constantFrom(
  'a', '*', '?a*', '*a*b*', '(a|b)*c', '[[:alpha:]]+', '(.*)(.*)', '${1}', '${a}', '${a}${a}', 'x${0}y', 'привет', '', '"', '\\',
  'from', 'to', 'subject', 'Content-Type', 'X-A', 'Received', 'INBOX', 'Spam', 'owner@example.com', 'a@b.org', 'text/plain', 'text',
  'mailto:a@b.org?subject=${a}', 'mailto:a@b.org', '2026-11-24', '10', '\\Seen', 'keyword \\Flagged', 'A\r\nB', '${hex:41}', 'ge',
  'i;octet', 'i;ascii-numeric', 'i;ascii-casemap', 'i;unicode-casemap', 'hour', 'iso8601', '+0200', 'one', 'filename',
) // prettier-ignore
const string = fc
  .oneof({ weight: 6, arbitrary: word }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) })
  .map(quote)
const strings = fc.oneof(
  string,
  fc.array(string, { maxLength: 3 }).map((list) => `[${list.join(', ')}]`),
)
const number = fc.constantFrom('0', '1', '2', '7', '100', '1K', '3G')
const tag = fc.constantFrom(
  ':is', ':contains', ':matches', ':regex', ':count "ge"', ':value "lt"', ':comparator "i;octet"', ':comparator "i;ascii-numeric"',
  ':comparator "i;unicode-casemap"', ':all', ':localpart', ':domain', ':user', ':detail', ':mime', ':anychild', ':type', ':param "name"',
  ':index 1', ':last', ':copy', ':create', ':flags "\\\\Seen"', ':specialuse "\\\\Junk"', ':over 10', ':under 10K', ':raw', ':text',
  ':content "text"', ':zone "+0100"', ':originalzone', ':handle "h"', ':seconds 10', ':days 2', ':subject "${1}"', ':from "owner@example.com"',
  ':addresses "a@b.org"', ':fcc "Sent"', ':message "${a}"', ':importance "1"', ':lower', ':upperfirst', ':length', ':quotewildcard',
  ':encodeurl', ':once', ':optional', ':personal', ':name "one"', ':first 3', ':header "subject"', ':uniqueid "u"',
) // prettier-ignore
const tags = fc.array(tag, { maxLength: 3 }).map((list) => list.join(' '))
const args = fc
  .array(fc.oneof({ weight: 4, arbitrary: strings }, number), { maxLength: 3 })
  .map((list) => list.join(' '))

const TEST_SHAPES = [
  'header %t %l %l', 'address %t %h %l', 'envelope %t %e %l', 'exists %l', 'size :over %n', 'body %t %l', 'string %t %l %l', 'hasflag %t %l',
  'date %t %s "hour" %l', 'currentdate %t "weekday" %l', 'mailboxexists %l', 'specialuse_exists "\\\\Junk"', 'duplicate %t', 'true', 'false',
  'ihave %l', 'environment %t %s %l', 'valid_notify_method %l', 'notify_method_capability %s "online" %l', 'header :matches "subject" "*"',
  'header :regex "subject" %s', 'header :mime :anychild :matches "content-type" "*"', 'body :matches "*a*b*"',
] // prettier-ignore
const COMMAND_SHAPES = [
  'keep %t;', 'discard;', 'stop;', 'return;', 'redirect %t %s;', 'redirect "a@b.org";', 'fileinto %t %s;', 'fileinto "Spam";', 'reject %s;',
  'ereject %s;', 'vacation %t %s;', 'vacation "gone ${a}";', 'set %t "a" %s;', 'set "a" "${a}${a}${1}x";', 'setflag %l;', 'addflag "a" %l;',
  'removeflag %l;', 'addheader %t "X-A" %s;', 'deleteheader %t %s;', 'deleteheader "X-A" %l;', 'notify %t %s;', 'notify "mailto:a@b.org";',
  'include %t %s;', 'include "a";', 'global "g";', 'error %s;', 'break;', 'extracttext %t "a";',
] // prettier-ignore

const POOLS: Record<string, fc.Arbitrary<string>> = {
  '%t': tags,
  '%l': strings,
  '%s': string,
  '%n': number,
  '%h': fc.constantFrom('"from"', '["to", "cc"]'),
  '%e': fc.constantFrom('"from"', '["from", "to"]'),
}
const fill = (shape: string): fc.Arbitrary<string> =>
  fc
    .tuple(...shape.split(/(%[tlsnhe])/).map((piece) => POOLS[piece] ?? fc.constant(piece)))
    .map((pieces) => pieces.join(''))

const { script } = fc.letrec<{ test: string; command: string; block: string; script: string }>((tie) => ({
  test: fc.oneof(
    { maxDepth: 4 },
    { weight: 6, arbitrary: fc.constantFrom(...TEST_SHAPES).chain(fill) },
    { weight: 1, arbitrary: tie('test').map((inner) => `not ${inner}`) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom('anyof', 'allof'), fc.array(tie('test'), { minLength: 1, maxLength: 3 }))
        .map(([name, inner]) => `${name} (${inner.join(', ')})`),
    },
  ),
  command: fc.oneof(
    { maxDepth: 4 },
    { weight: 6, arbitrary: fc.constantFrom(...COMMAND_SHAPES).chain(fill) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom('frob', 'keep', 'set'), tags, args).map((parts) => `${parts.join(' ')};`),
    },
    { weight: 3, arbitrary: fc.tuple(tie('test'), tie('block')).map(([inner, block]) => `if ${inner} { ${block} }`) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie('test'), tie('block'), tie('block'))
        .map(([inner, block, other]) => `if ${inner} { ${block} } elsif true { ${other} } else { keep; }`),
    },
    { weight: 1, arbitrary: tie('block').map((block) => `foreverypart { ${block} }`) },
  ),
  block: fc.array(tie('command'), { maxLength: 3 }).map((list) => list.join('\n')),
  script: fc.array(tie('command'), { maxLength: 6 }).map((list) => list.join('\n')),
}))

const REQUIRE = `require [${SIEVE_EXTENSIONS.map((name) => `"${name}"`).join(', ')}];\n`
const WITHOUT_IHAVE = REQUIRE.replace(', "ihave"', '')

const line = fc.constantFrom(
  'Subject: aabbc привет', 'From: A <a@b.org>', 'To: owner@example.com, x+y@z', 'Content-Type: multipart/mixed; boundary=b', '--b', '--b--', '',
  'Content-Type: text/html; charset=koi8-r', 'Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64', 'QUJD', 'aab', 'X-A: 1', ' folded',
  'Message-ID: <a@b>', 'Date: Tue, 24 Nov 2026 10:00:00 +0200', 'Received: x; Tue, 24 Nov 2026 10:00:00 +0200', 'Content-Disposition: attachment; name=a',
) // prettier-ignore
const letters = fc.array(fc.oneof({ weight: 8, arbitrary: line }, fc.string({ unit: 'binary', maxLength: 20 })), {
  maxLength: 25,
})

const STEPS = 200_000

function letterFrom(octets: Buffer): Letter {
  const { summary } = scan(octets)
  return {
    header: octets.subarray(0, summary.root.bodyStart),
    sizeOctets: octets.length,
    root: summary.root,
    envelope: { from: { localPart: 'a', domain: 'b.org' }, to: OWNER },
    read: (start, end) => Promise.resolve(octets.subarray(start, end)),
  }
}

const environment: Environment = {
  now: () => Date.UTC(2026, 10, 24),
  owner: { address: OWNER, aliases: [] },
  host: { name: 'mail.example.com', domain: 'example.com', version: '1' },
  include: ({ name }) => {
    const made = compile(name === 'a' ? 'require "include"; include "b"; keep;' : 'require "include"; include "a";')
    return Promise.resolve(made.ok ? made.program : null)
  },
  mailboxExists: () => Promise.resolve(true),
  limits: { steps: STEPS },
}

function checkOutcome(outcome: Outcome, letter: Letter): void {
  const { actions, implicitKeep, headers, error, remember, steps } = outcome
  if (error !== null) {
    assert.equal(error.cause, null, String((error.cause as Error | null)?.stack))
    assert.deepEqual([actions, remember], [[], []])
    assert.ok(implicitKeep !== null && implicitKeep.header === 0)
  } else assert.ok(steps <= STEPS)
  const targets = actions.flatMap((one) =>
    one.do === 'fileinto' ? [`${one.specialUse} ${one.mailbox}`] : one.do === 'keep' ? ['INBOX'] : [],
  )
  assert.equal(new Set(targets).size, targets.length, 'no mailbox twice')
  for (const action of actions) {
    assert.ok(headers[action.header] !== undefined)
    if (action.do === 'vacation') checkSent(renderVacation(action, { now: 0, messageId: '<x@y>' }))
    if (action.do === 'notify') checkSent(renderNotification(action, OWNER, { now: 0, messageId: '<x@y>' }))
  }
  for (const version of headers) editHeader(letter.header, letter.root.bodyStart, version)
  for (const described of describeOutcome(outcome)) assert.doesNotMatch(described, /[\0-\x1f]/)
  for (const { text } of outcome.trace) assert.doesNotMatch(text, /[\0-\x1f]/)
}

/** What is sent has one header, with no field that came in by a line break. */
function checkSent(octets: Buffer): void {
  const header = octets.toString('utf8').split('\r\n\r\n', 1)[0]!
  for (const one of header.split(/\r\n(?![ \t])/))
    assert.match(
      one,
      /^(?:From|To|Cc|Subject|Date|Message-ID|References|In-Reply-To|Auto-Submitted|X-Auto-Response-Suppress|MIME-Version|Content-[A-Za-z-]+|Importance|X-Priority):/,
    )
  assert.doesNotMatch(header.replaceAll('\r\n', ''), /[\r\n\0]/)
}

test('random scripts on random letters', async () => {
  let ran = 0
  let failed = 0
  await fc.assert(
    fc.asyncProperty(script, letters, fc.boolean(), async (text, lines, ihave) => {
      const compiled = compile((ihave ? REQUIRE : WITHOUT_IHAVE) + text)
      if (!compiled.ok) {
        assert.ok(compiled.errors.length > 0)
        for (const { line: at, column, message } of compiled.errors) assert.ok(at >= 1 && column >= 1 && message !== '')
        return
      }
      ran++
      const letter = letterFrom(Buffer.from(lines.join('\r\n')))
      const outcome = await run(compiled.program, letter, environment)
      if (outcome.error !== null) failed++
      checkOutcome(outcome, letter)
    }),
    { numRuns: 1500 },
  )
  assert.ok(ran > 300 && failed < ran, `${ran} of them ran, ${failed} failed`)
})

test('any text is a script, or told why not', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          string,
          tag,
          fc.constantFrom('{', '}', '(', ')', '[', ']', ',', ';', '#', '/*', 'text:\n', '\n', 'if', 'require', 'keep'),
          fc.string({ unit: 'binary', maxLength: 5 }),
        ),
      ),
      (pieces) => {
        const compiled = compile(pieces.join(' '))
        assert.equal(compiled.ok || compiled.errors.length > 0, true)
      },
    ),
    { numRuns: 1000 },
  )
})
