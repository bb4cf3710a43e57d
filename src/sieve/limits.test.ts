/** One over each limit of scripts (model/limits.ts); those of expressions are tested in match/regex.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as limits from '../model/limits.ts'
import { DAY, MINUTE } from '../std/clock.ts'
import { compile } from './compile.ts'
import { LETTER, problemsOf, programOf, runScript } from './sieve.test-kit.ts'

const compiles = (script: string): boolean => compile(script).ok
const failure = async (...args: Parameters<typeof runScript>): Promise<string | null> =>
  (await runScript(...args)).error?.message ?? null

test('octets of a script', () => {
  const script = (octets: number): string => `keep; #${'x'.repeat(octets - 8)}\n`
  assert.ok(compiles(script(limits.SIEVE_SCRIPT_MAX_OCTETS)))
  assert.deepEqual(problemsOf(script(limits.SIEVE_SCRIPT_MAX_OCTETS + 1)), [
    `1:1: the script is larger than ${limits.SIEVE_SCRIPT_MAX_OCTETS} octets`,
  ])
})

test('nesting of blocks and tests', () => {
  const blocks = (depth: number): string => 'if true {'.repeat(depth) + '}'.repeat(depth)
  assert.ok(compiles(blocks(limits.SIEVE_NESTING_MAX)))
  assert.match(problemsOf(blocks(limits.SIEVE_NESTING_MAX + 1))[0]!, /blocks within blocks/)
  const tests = (depth: number): string => `if ${'not '.repeat(depth - 1)} true {}`
  assert.ok(compiles(tests(limits.SIEVE_NESTING_MAX)))
  assert.match(problemsOf(tests(limits.SIEVE_NESTING_MAX + 1))[0]!, /tests within tests/)
  assert.match(problemsOf(`if ${'anyof ('.repeat(100_000)}`)[0]!, /tests within tests/)
})

test('commands and strings', () => {
  assert.ok(compiles('keep;'.repeat(limits.SIEVE_COMMANDS_MAX)))
  assert.match(problemsOf('keep;'.repeat(limits.SIEVE_COMMANDS_MAX + 1))[0]!, /more than 20000 commands/)
  const list = (strings: number): string => `if exists [${'"",'.repeat(strings - 1)}""] {}`
  assert.ok(compiles(list(limits.SIEVE_STRINGS_MAX)))
  assert.match(problemsOf(list(limits.SIEVE_STRINGS_MAX + 1))[0]!, /more than 50000 strings/)
})

test('problems that are told', () => {
  assert.equal(problemsOf('frob;'.repeat(100)).length, limits.SIEVE_PROBLEMS_MAX)
})

test('steps of a run, and of one test', async () => {
  const script = 'require "variables"; set "a" "x"; ' + 'if string "${a}" "y" { keep; }'.repeat(1000)
  assert.equal(await failure(script), null)
  assert.match((await failure(script, { limits: { steps: 1000 } }))!, /takes too long/)
  const key = `${'a?'.repeat(50)}b*`
  const once = 'require ["variables", "include", "body"]; if body :raw :matches "*' + key + '" { keep; }'
  const body = `Subject: x\r\n\r\n${'a'.repeat(200_000)}`
  const failed = await runScript(once, {}, body)
  assert.match(failed.error?.message ?? '', /takes too long/)
  assert.ok(failed.steps < limits.SIEVE_STEPS_PER_TEST_MAX + 100_000)
})

test('other work has its turn', async () => {
  let pauses = 0
  const script = `require "body"; ${'if body :raw :contains "zz" { keep; }'.repeat(100)}`
  const pause = (): Promise<void> => Promise.resolve(void pauses++)
  const { steps, error } = await runScript(script, { pause }, `Subject: x\r\n\r\n${'a'.repeat(500_000)}`)
  assert.equal(error, null)
  assert.ok(pauses > 1 && pauses <= steps / limits.SIEVE_STEPS_PER_TURN_MAX, `${pauses} in ${steps}`)
})

test('actions and redirects', async () => {
  const files = (count: number): string =>
    `require "fileinto"; ${Array.from({ length: count }, (_, i) => `fileinto "${i}";`).join('')}`
  assert.equal(await failure(files(limits.SIEVE_ACTIONS_MAX)), null)
  assert.match((await failure(files(limits.SIEVE_ACTIONS_MAX + 1)))!, /more than 32 actions/)
  const redirects = (count: number): string =>
    Array.from({ length: count }, (_, i) => `redirect "${i}@a.org";`).join('')
  assert.equal(await failure(redirects(limits.SIEVE_REDIRECTS_MAX)), null)
  const failed = await runScript(redirects(limits.SIEVE_REDIRECTS_MAX + 1))
  assert.match(failed.error!.message, /more than 4 redirects/)
  assert.deepEqual([failed.actions, failed.implicitKeep?.do], [[], 'keep'], 'nothing of it is done')
  assert.match((await failure(redirects(2), { limits: { redirects: 1 } }))!, /more than 1 redirects/)
})

test('variables: how many, how long, names, match variables, what grows', async () => {
  const many = (count: number): string =>
    `require "variables"; ${Array.from({ length: count }, (_, i) => `set "v${i}" "x";`).join('')}`
  assert.equal(await failure(many(limits.SIEVE_VARIABLES_MAX)), null)
  assert.match((await failure(many(limits.SIEVE_VARIABLES_MAX + 1)))!, /more than 255 variables/)

  const length =
    'require ["variables", "fileinto"]; set "a" "' + '€'.repeat(limits.SIEVE_VARIABLE_MAX_CHARACTERS + 1) + '"; '
  const cut = await runScript(`${length} set :length "l" "\${a}"; fileinto "\${l}";`)
  assert.equal(cut.actions[0]?.do === 'fileinto' && cut.actions[0].mailbox, '4000', 'cut, no error (RFC 5229 §6)')

  const name = (characters: number): string => `require "variables"; set "${'n'.repeat(characters)}" "x";`
  assert.ok(compiles(name(limits.SIEVE_VARIABLE_NAME_MAX_CHARACTERS)))
  assert.ok(!compiles(name(limits.SIEVE_VARIABLE_NAME_MAX_CHARACTERS + 1)))
  assert.ok(
    !compiles(`require "variables"; redirect "\${${'n'.repeat(limits.SIEVE_VARIABLE_NAME_MAX_CHARACTERS + 1)}}";`),
  )

  const match = (index: number): string => `require "variables"; set "a" "\${${index}}";`
  assert.ok(compiles(match(limits.SIEVE_MATCH_VARIABLES_MAX)))
  assert.ok(!compiles(match(limits.SIEVE_MATCH_VARIABLES_MAX + 1)))

  const grown = `require "variables"; set "a" "${'x'.repeat(4000)}"; if string "${'${a}'.repeat(66)}" "x" { keep; }`
  assert.ok(66 * 4000 > limits.SIEVE_EXPANDED_MAX_CHARACTERS)
  assert.match((await failure(grown))!, /grew longer/)
})

test('includes: how deep, how many', async () => {
  const include = (await import('./compile.ts')).compile
  const chain = (depth: number): Promise<string | null> =>
    failure('require "include"; include "1";', {
      include: ({ name }) => {
        const made = include(Number(name) < depth ? `require "include"; include "${Number(name) + 1}";` : 'keep;')
        return Promise.resolve(made.ok ? made.program : null)
      },
    })
  assert.equal(await chain(limits.SIEVE_INCLUDE_DEPTH_MAX), null)
  assert.match((await chain(limits.SIEVE_INCLUDE_DEPTH_MAX + 1))!, /deeper than 10/)
  const empty = programOf('')
  const many = (count: number): Promise<string | null> =>
    failure(`require "include"; ${'include "a";'.repeat(count)}`, { include: () => Promise.resolve(empty) })
  assert.equal(await many(limits.SIEVE_INCLUDES_MAX), null)
  assert.match((await many(limits.SIEVE_INCLUDES_MAX + 1))!, /more than 255 includes/)
})

test('periods of vacation and duplicate are kept within limits', async () => {
  const forMs = async (script: string): Promise<number> => (await runScript(script)).remember[0]!.forMs
  const vacation = (period: string): Promise<number> => forMs(`require "vacation-seconds"; vacation ${period} "x";`)
  assert.equal(await vacation(''), limits.SIEVE_VACATION_DEFAULT_MS)
  assert.equal(await vacation(':days 3'), 3 * DAY)
  assert.equal(await vacation(':days 100000'), limits.SIEVE_VACATION_MAX_MS)
  assert.equal(await vacation(':seconds 1800'), 30 * MINUTE)
  assert.equal(await vacation(':seconds 0'), limits.SIEVE_VACATION_MIN_MS)
  const all = await runScript('require "vacation-seconds"; vacation :seconds 0 "x";', { limits: { vacationMinMs: 0 } })
  assert.deepEqual([all.remember, all.actions.length], [[], 1], 'RFC 6131 §2: every letter is answered')
  const duplicate = (period: string): Promise<number> => forMs(`require "duplicate"; if duplicate ${period} { keep; }`)
  assert.equal(await duplicate(''), limits.SIEVE_DUPLICATE_DEFAULT_MS)
  assert.equal(await duplicate(':seconds 2147483647'), limits.SIEVE_DUPLICATE_MAX_MS)
})

test('headers that are added: how long, how many', async () => {
  const add = (value: string): string => `require "editheader"; addheader "X" "${value}";`
  assert.equal(await failure(add('x'.repeat(limits.SIEVE_HEADER_FIELD_MAX_OCTETS - 5))), null)
  assert.match((await failure(add('x'.repeat(limits.SIEVE_HEADER_FIELD_MAX_OCTETS - 4))))!, /longer than 2048/)
  const many = (count: number): string => `require "editheader"; ${'addheader "X" "y";'.repeat(count)}`
  assert.equal(await failure(many(limits.SIEVE_HEADERS_ADDED_MAX)), null)
  assert.match((await failure(many(limits.SIEVE_HEADERS_ADDED_MAX + 1)))!, /more than 100 headers/)
})

test('bodies: octets of a part, and of all', async () => {
  const find = (word: string): string => `require ["body", "fileinto"]; if body :raw :contains "${word}" { discard; }`
  const finds = async (word: string, letter: string): Promise<boolean> =>
    (await runScript(find(word), {}, letter)).implicitKeep === null
  const before = (octets: number): string => `Subject: x\r\n\r\n${'a'.repeat(octets - 4)}mark`
  assert.equal(await finds('mark', before(limits.SIEVE_PART_MAX_OCTETS)), true)
  assert.equal(await finds('mark', before(limits.SIEVE_PART_MAX_OCTETS + 1)), false, 'Choice: not looked at')
  const part = `--b\r\n\r\n${'a'.repeat(limits.SIEVE_PART_MAX_OCTETS)}\r\n`
  const parts = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${part.repeat(limits.SIEVE_BODY_MAX_OCTETS / limits.SIEVE_PART_MAX_OCTETS)}`
  let read = 0
  const { run } = await import('./run.ts')
  const kit = await import('./sieve.test-kit.ts')
  const letter = kit.letterOf(`${parts}--b\r\n\r\nmark\r\n--b--\r\n`)
  const counted = { ...letter, read: (start: number, end: number) => ((read += end - start), letter.read(start, end)) }
  const script = kit.programOf('require "body"; if body :content "text" :contains "mark" { discard; }')
  const outcome = await run(script, counted, kit.environmentOf())
  assert.equal(outcome.implicitKeep?.do, 'keep')
  assert.equal(read, limits.SIEVE_BODY_MAX_OCTETS)
})

test('recipients of a notification', () => {
  const notify = (count: number): string =>
    `require "enotify"; notify "mailto:${Array.from({ length: count }, (_, i) => `${i}@a.org`).join(',')}";`
  assert.ok(compiles(notify(limits.SIEVE_NOTIFY_RECIPIENTS_MAX)))
  assert.match(problemsOf(notify(limits.SIEVE_NOTIFY_RECIPIENTS_MAX + 1))[0]!, /more than 8 recipients/)
})

test('references: the first and the last', async () => {
  const ids = Array.from({ length: limits.SIEVE_REFERENCES_MAX + 5 }, (_, i) => `<${i}@y>`)
  const letter = `References: ${ids.join('\r\n ')}\r\n${LETTER}`
  const { actions } = await runScript('require "vacation"; vacation "x";', {}, letter)
  const [action] = actions
  assert.ok(action?.do === 'vacation')
  assert.equal(action.references.length, limits.SIEVE_REFERENCES_MAX)
  assert.deepEqual([action.references[0], action.references.at(-1)], ['<0@y>', '<1@x>'])
})
