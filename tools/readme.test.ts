import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { read, ROOT } from './tree.ts'

/** The two commands that the README opens with, comments left out. */
function openingCommands(name: string): string[] {
  const [block] = /(?:^ {4}.*\n)+/m.exec(read(ROOT, name)) ?? ['']
  return block
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
}

suite('README', () => {
  const commands = openingCommands('README.md')

  test('opens with two commands that do their whole set-up', () => {
    assert.deepEqual(commands, ['npm ci && npm run -s gavan -- try', 'npm ci && npm test'])
  })

  test('says the same in Russian', () => assert.deepEqual(openingCommands('README.ru.md'), commands))

  test('its test command is what CI runs', () => assert.ok(read(ROOT, '.ci/run').includes(`bash -c '${commands[1]}'`)))

  for (const name of [
    'README.md',
    'README.ru.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'docs/adr/README.md',
  ])
    test(`${name}: links lead somewhere`, () => {
      const folder = name.includes('/') ? name.slice(0, name.lastIndexOf('/') + 1) : ''
      for (const [, target] of read(ROOT, name).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g))
        assert.doesNotThrow(() => statSync(join(ROOT, folder + target!)), `${name} → ${target}`)
    })
})
