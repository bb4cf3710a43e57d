/** Every regular expression of the program takes linear time, whatever it is given (S25). */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { pumpsOf, regexLiterals, superLinear } from './regex.ts'
import { lineOf, scan } from './scan.ts'
import { filesBelow, isTest, read, ROOT } from './tree.ts'

suite('the check itself', () => {
  test('finds the ones that are known to be slow', () => {
    for (const slow of [
      '^(a+)+$',
      '^(?:a|a)*$',
      '\\s+$',
      '(?:[a-z]+\\.?)+!',
      '^[ \\t]*[ \\t]*[ \\t]*x',

      '([^/\\n]+\\.service)',
    ])
      assert.notEqual(superLinear(slow, ''), null, slow)
  })

  test('lets the fast ones be', () => {
    for (const fast of [
      '^[a-z0-9-]+(?:\\.[a-z0-9-]+)*$',
      '^\\d{1,15}$',
      '\\s+',
      '^(?:[ab]|\\+[0-9A-F]{2})*$',
      '["\\\\]',
    ])
      assert.equal(superLinear(fast, fast === '\\s+' ? 'g' : ''), null, fast)
  })

  test('takes an expression apart', () => {
    assert.deepEqual(
      pumpsOf('^x(?:\\.[a]+)*', '').map(({ prefix, pump }) => `${prefix}|${pump}`),
      ['x|.a', 'x.|a'],
    )
  })
})

test('all regular expressions of src/', () => {
  const slow: string[] = []
  let seen = 0
  for (const path of filesBelow(ROOT, 'src')) {
    if (!path.endsWith('.ts') || isTest(path)) continue
    const text = read(ROOT, path)
    for (const { at, source, flags } of regexLiterals(text, scan(text).code)) {
      seen++
      const hostile = superLinear(source, flags)
      if (hostile === null) continue
      slow.push(`${path}:${lineOf(text, at)} /${source}/${flags}: ${JSON.stringify(hostile)}`)
    }
  }
  assert.ok(seen > 100, `only ${seen} were found`)
  assert.deepEqual(slow, [])
})
