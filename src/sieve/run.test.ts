/** What a run asks of its environment, and what comes of it when that fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from './compile.ts'
import type { Letter, Remembered } from './contract.ts'
import { SIEVE_EXTENSIONS } from './extensions.ts'
import { run } from './run.ts'
import { addressOf, environmentOf, LETTER, letterOf, programOf, runScript } from './sieve.test-kit.ts'

const unreadable = (): Letter => ({ ...letterOf(LETTER), read: () => Promise.reject(new Error('disk')) })

test('a body that cannot be read: the letter is kept, and the cause is there', async () => {
  const program = programOf('require ["body", "fileinto"]; fileinto "x"; if body :contains "x" { discard; }')
  assert.equal(program.readsBody, true)
  const { actions, implicitKeep, error } = await run(program, unreadable(), environmentOf())
  assert.deepEqual([actions, implicitKeep?.do, error?.line], [[], 'keep', 1])
  assert.match(String(error?.cause), /disk/)
})

test('what reads no body never asks for it', async () => {
  const program = programOf('require ["fileinto", "vacation"]; if size :over 1 { fileinto "x"; } vacation "y";')
  assert.equal(program.readsBody, false)
  assert.equal((await run(program, unreadable(), environmentOf())).error, null)
})

test('a body is read once', async () => {
  const letter = letterOf(LETTER)
  let reads = 0
  const read: Letter['read'] = (start, end) => (reads++, letter.read(start, end))
  const script = 'require "body"; if anyof (body :contains "x", body :contains "y", body :text "z") { discard; }'
  await run(programOf(script), { ...letter, read }, environmentOf())
  assert.equal(reads, 1)
})

test('an error of the script has no cause, and says where', async () => {
  const { error, trace, implicitKeep } = await runScript('require ["ihave", "fileinto"];\nfileinto "x";\n\nerror "no";')
  assert.deepEqual(error, { script: null, line: 4, message: 'no', cause: null })
  assert.deepEqual(implicitKeep, { do: 'keep', line: 0, header: 0, flags: [] })
  assert.match(trace[0]!.text, /filed into “x”/)
})

test('what is remembered: only when all went well, told by its own', async () => {
  const asked: Remembered[] = []
  const seen = (what: Remembered): Promise<boolean> => Promise.resolve(void asked.push(what)).then(() => false)
  const script = 'require ["duplicate", "vacation", "ihave"]; if duplicate { discard; } vacation "x"; '
  const { remember } = await runScript(script, { seen })
  assert.deepEqual(
    remember.map(({ what, key }) => ({ what, key })),
    asked,
  )
  assert.deepEqual(
    asked.map(({ what }) => what),
    ['duplicate', 'vacation'],
  )
  for (const { key } of asked) assert.match(key, /^[!-~]{1,80}$/)
  assert.deepEqual((await runScript(`${script} error "x";`, { seen })).remember, [])
})

test('keys: one for a thing, another for another', async () => {
  const keyOf = async (script: string, letter = LETTER): Promise<string> =>
    (await runScript(script, {}, letter)).remember[0]!.key
  const duplicate = (args: string): Promise<string> => keyOf(`require "duplicate"; if duplicate ${args} {}`)
  const [plain, header, unique, handle, other, split] = await Promise.all(
    [
      '',
      ':header "message-id"',
      ':uniqueid "<1@x>"',
      ':handle "h"',
      ':header "subject"',
      ':uniqueid "<1@" :handle "x>"',
    ].map(duplicate),
  )
  assert.equal(plain, header)
  assert.equal(plain, unique)
  assert.equal(new Set([plain, handle, other, split]).size, 4)

  const vacation = (args: string): Promise<string> =>
    keyOf(`require ["vacation", "variables"]; set "v" "1"; vacation ${args};`)
  const [a, b, same, named, namedToo] = await Promise.all([
    vacation('"a"'), vacation('"b"'), vacation(':days 3 "a"'), vacation(':handle "h" "a"'), vacation(':handle "h" "b"'),
  ]) // prettier-ignore
  assert.equal(a, same)
  assert.notEqual(a, b)
  assert.equal(named, namedToo)
  assert.notEqual(a, await vacation(':subject "a" ""'), 'the same text in another place')
  const varied = (value: string): Promise<string> =>
    keyOf(`require ["vacation", "variables"]; set "v" "${value}"; vacation :subject "x \${v}" "a";`)
  assert.equal(await varied('1'), await varied('2'), 'RFC 5230 §4.2: variables are not put in')
})

test('a seen duplicate is remembered anew only with :last (RFC 7352 §3.3)', async () => {
  const seen = (): Promise<boolean> => Promise.resolve(true)
  assert.deepEqual((await runScript('require "duplicate"; if duplicate {}', { seen })).remember, [])
  assert.equal((await runScript('require "duplicate"; if duplicate :last {}', { seen })).remember.length, 1)
})

test('questions are asked only when a test is reached', async () => {
  const mailboxExists = (): Promise<boolean> => Promise.reject(new Error('asked'))
  const script = 'require "mailbox"; if allof (false, mailboxexists "x") { discard; }'
  assert.equal((await runScript(script, { mailboxExists })).error, null)
  assert.match(String((await runScript(script.replace('false', 'true'), { mailboxExists })).error?.cause), /asked/)
})

test('a program runs for many letters, and keeps nothing of them', async () => {
  const program = programOf(
    'require ["variables", "fileinto", "include", "regex"]; set "a" "${a}x"; set "global.b" "${global.b}y"; if header :regex "subject" "(.*)" {} fileinto "${a}${global.b}${1}";',
  )
  for (const subject of ['one', 'two']) {
    const { actions } = await run(program, letterOf(`Subject: ${subject}\r\n\r\n`), environmentOf())
    assert.equal(actions[0]?.do === 'fileinto' && actions[0].mailbox, `xy${subject}`)
  }
})

test('the owner answers by the address that was written to, when it is his', async () => {
  const from = async (to: string, aliases: readonly string[]): Promise<string> => {
    const letter = letterOf(`To: ${to}\r\n\r\n`)
    const owner = { address: addressOf('owner@example.com'), aliases: aliases.map(addressOf), name: 'O' }
    const envelope = { ...letter.envelope, to: addressOf(to) }
    const { actions } = await run(
      programOf('require "vacation"; vacation "x";'),
      { ...letter, envelope },
      environmentOf({ owner }),
    )
    return actions[0]?.do === 'vacation' ? actions[0].from : ''
  }
  assert.equal(await from('sales@example.com', ['sales@example.com']), '"O" <sales@example.com>')
  assert.equal(await from('owner+tag@example.com', []), '"O" <owner@example.com>')
})

test('only what is allowed may be required, or had by ihave', async () => {
  const allowed = new Set(['fileinto', 'ihave'])
  const refused = compile('require ["fileinto", "vacation"];', { allowed })
  assert.ok(!refused.ok && /vacation/.test(refused.errors[0]!.message))
  const later = compile(
    'require ["ihave", "fileinto"]; if ihave "vacation" { vacation "x"; } else { fileinto "none"; }',
    { allowed },
  )
  assert.ok(later.ok)
  const { actions } = await run(later.program, letterOf(LETTER), environmentOf())
  assert.deepEqual(
    actions.map((action) => action.do),
    ['fileinto'],
  )
})

test('what a program tells of itself', () => {
  const program = programOf('require ["include", "fileinto"]; include "a"; include :global :optional "b"; include "a";')
  assert.deepEqual(program.requires, ['include', 'fileinto'])
  assert.deepEqual(program.includes, [
    { location: 'personal', name: 'a', optional: false },
    { location: 'global', name: 'b', optional: true },
  ])
})

test('the extensions of Pigeonhole’s default set are there', () => {
  const wanted =
    'fileinto reject envelope encoded-character vacation subaddress comparator-i;ascii-numeric relational regex imap4flags copy include variables body enotify environment mailbox date index ihave duplicate mime foreverypart extracttext'
  for (const name of [...wanted.split(' '), 'ereject', 'editheader', 'vacation-seconds', 'special-use', 'fcc'])
    assert.ok(SIEVE_EXTENSIONS.includes(name), name)
  assert.equal(new Set(SIEVE_EXTENSIONS).size, SIEVE_EXTENSIONS.length)
})
