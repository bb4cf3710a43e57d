/** Completion as a real shell does it. */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { before, test } from 'node:test'
import { MAIN } from '../../../tools/program.ts'

const BASH = ['/bin/bash', '/usr/bin/bash'].find(existsSync)

function gavan(...words: string[]): Promise<{ code: number; out: string }> {
  return new Promise((resolve) =>
    execFile(process.execPath, [MAIN, ...words], (error, out) =>
      resolve({ code: error === null ? 0 : Number(error.code), out }),
    ),
  )
}

let script = ''
before(async () => {
  const { code, out } = await gavan('completion', 'bash')
  assert.equal(code, 0)
  script = out
})

/** What bash offers for a line with the cursor at its end. */
function offered(line: string): string[] {
  const words = line.split(' ')
  const list = words.map((word) => `'${word}'`).join(' ')
  const asked = `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _gavan; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync(BASH ?? 'bash', ['--norc', '-c', `${script}\n${asked}`], { encoding: 'utf8' })
    .split('\n')
    .filter((each) => each !== '')
}

const CASES: readonly (readonly [line: string, offers: readonly string[]])[] = [
  ['gavan po', ['ports']],
  ['gavan pr', ['probe']],
  ['gavan ports --w', ['--watch']],
  ['gavan ports --lang ', ['en', 'ru']],
  ['gavan --config /etc/gavan/gavan.toml doctor --ch', ['--changes']],
  ['gavan doctor letter ', ['port25', 'ptr']],
  ['gavan completion ', ['bash', 'fish', 'zsh']],
  ['gavan dns ptr', ['ptr-letter']],
  ['gavan nothing-like-it', []],
]
for (const [line, offers] of CASES)
  test(`bash: ${line}`, { skip: BASH === undefined ? 'peer missing: bash' : false }, () => {
    const got = offered(line)
    if (line.endsWith(' ')) for (const each of offers) assert.ok(got.includes(each), got.join(' '))
    else assert.deepEqual(got, offers)
  })

test('every command is offered in each shell, and others are refused', async () => {
  const fish = (await gavan('completion', 'fish')).out
  const zsh = (await gavan('completion', 'zsh')).out
  for (const name of ['ports', 'doctor', 'serve', 'user', 'ban']) {
    assert.match(script, new RegExp(`^ {4}'${name}'\\) words=`, 'm'))
    assert.match(fish, new RegExp(`-a '${name}' -d '`))
  }
  assert.match(zsh, /^autoload -U \+X bashcompinit && bashcompinit$/m)
  assert.equal((await gavan('completion', 'cmd')).code, 64)
})
