/** `gavan sieve check` and `gavan sieve test`, as people and scripts use them. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MAIN } from '../../tools/program.ts'
import { run, type Ran } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'

const LETTER =
  'From: Anna <anna@example.org>\r\nTo: owner@example.com\r\nSubject: =?utf-8?B?0KHRh9GR0YI=?=\r\nMessage-ID: <1@x>\r\n\r\ntext\r\n'

const sieve = (folder: string, ...args: string[]): Promise<Ran> =>
  run(process.execPath, [MAIN, 'sieve', ...args], { cwd: folder })

test('check: what is right, what is not and where; by exit code too', async () => {
  using folder = temporaryFolder('sieve')
  writeFileSync(
    join(folder.path, 'good.sieve'),
    'require ["fileinto", "include"];\ninclude "more";\nfileinto "Счета";\n',
  )
  writeFileSync(join(folder.path, 'bad.sieve'), 'keep;\nfileinto "x";\nif header "subject" {}\n')
  const good = await sieve(folder.path, 'check', 'good.sieve')
  assert.deepEqual([good.code, good.stdout], [0, 'good.sieve: right; it needs fileinto, include, the script “more”\n'])
  const both = await sieve(folder.path, 'check', 'good.sieve', 'bad.sieve')
  assert.equal(both.code, 1)
  assert.match(
    both.stdout,
    /^good\.sieve: right.*\nbad\.sieve:2:1: “fileinto” wants: require "fileinto";\nbad\.sieve:3:4: “header” lacks the keys\n$/,
  )
  const json = await sieve(folder.path, 'check', '--json', 'bad.sieve')
  const { scripts } = JSON.parse(json.stdout) as { scripts: { ok: boolean; errors: { line: number }[] }[] }
  assert.deepEqual(
    scripts.map(({ ok, errors }) => [ok, errors.map(({ line }) => line)]),
    [[false, [2, 3]]],
  )
  const missing = await sieve(folder.path, 'check', 'none.sieve')
  assert.equal(missing.code, 64)
  assert.match(missing.stderr, /none\.sieve cannot be read/)
})

test('test: what would be done, and why', async () => {
  using folder = temporaryFolder('sieve')
  mkdirSync(join(folder.path, 'scripts'))
  writeFileSync(join(folder.path, 'letter.eml'), LETTER)
  writeFileSync(join(folder.path, 'scripts', 'more.sieve'), 'require "vacation";\nvacation "Away";\n')
  writeFileSync(
    join(folder.path, 'filter.sieve'),
    'require ["fileinto", "include", "mailbox", "duplicate"];\nif allof (header :contains "subject" "счёт", mailboxexists "Bills") {\n  fileinto "Bills";\n}\nif header :contains "subject" "Счёт" { fileinto "Other"; }\ninclude "more";\nif duplicate { discard; }\n',
  )
  const told = await sieve(
    folder.path,
    'test',
    '--include',
    'scripts',
    '--mailbox',
    'Bills',
    'filter.sieve',
    'letter.eml',
  )
  assert.equal(told.code, 0, told.all)
  assert.equal(
    told.stdout,
    `What would be done:
  fileinto "Other"
  vacation to anna@example.org from owner@example.com: subject "Auto: Счёт", text "Away", references <1@x>
Why:
  line 5: filed into “Other” (the test in line 5 was true)
  line 2 of “more”: answered anna@example.org
`,
  )
  const bounce = await sieve(
    folder.path,
    'test',
    '--json',
    '--from',
    '',
    '--include',
    'scripts',
    'filter.sieve',
    'letter.eml',
  )
  const { outcome } = JSON.parse(bounce.stdout) as { outcome: { actions: { do: string }[]; error: null } }
  assert.deepEqual(
    outcome.actions.map((action) => action.do),
    ['fileinto'],
  )
  const failed = await sieve(folder.path, 'test', 'filter.sieve', 'letter.eml')
  assert.equal(failed.code, 1)
  assert.match(failed.stdout, /implicit keep\n {2}error in line 6: there is no personal script “more” to include/)
  const wrong = await sieve(folder.path, 'test', '--to', 'nobody', 'filter.sieve', 'letter.eml')
  assert.equal(wrong.code, 64)
})
