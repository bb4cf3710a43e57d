import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compileGlob, matchGlob } from './glob.ts'

const nothing = (): void => {}

function find(pattern: string, text: string): string[] | null {
  const places = matchGlob(compileGlob(pattern), text, nothing)
  return places === null ? null : places.map(([start, end]) => text.slice(start, end))
}

test('wildcards take as little as they can', () => {
  for (const [pattern, text, expected] of [
    ['*', '', ['']],
    ['*', 'abc', ['abc']],
    ['a*', 'abc', ['bc']],
    ['*a*', 'banana', ['b', 'nana']],
    ['*-*-*', 'a-b-c-d', ['a', 'b', 'c-d']],
    ['**', 'ab', ['', 'ab']],
    ['?*', 'ab', ['a', 'b']],
    ['*?', 'ab', ['a', 'b']],
    ['*??', 'ab', ['', 'a', 'b']],
    ['?', '😀', ['😀']],
    ['*?', 'x😀', ['x', '😀']],
    ['a\\*b', 'a*b', []],
    ['a\\?', 'a?', []],
    ['a\\\\*', 'a\\x', ['x']],
    ['a\\', 'a\\', []],
    ['*ab?cd*', 'xxabab1cdyy', ['xxab', '1', 'yy']],
  ] as const)
    assert.deepEqual(find(pattern, text), expected, pattern)
})

test('what does not match', () => {
  for (const [pattern, text] of [
    ['', 'a'],
    ['?', ''],
    ['??', 'a'],
    ['a*a', 'a'],
    ['*a', 'ab'],
    ['a*b*c', 'acb'],
    ['a\\*', 'ab'],
    ['*abc*abc', 'xabc'],
  ] as const)
    assert.equal(find(pattern, text), null, `${pattern} ${text}`)
})

/** As RFC 5228 §2.7.1 says it, and slowly. */
function slow(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern[0] === '*') return slow(pattern.slice(1), text) || (text !== '' && slow(pattern, text.slice(1)))
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && slow(pattern.slice(1), text.slice(1))
}

const letters = fc.constantFrom('a', 'b', 'c')

test('the same as a slow search; what stands for the wildcards puts the text together again', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '*'), maxLength: 10 }),
      fc.string({ unit: letters, maxLength: 14 }),
      (pattern, text) => {
        const found = find(pattern, text)
        assert.equal(found !== null, slow(pattern, text))
        if (found === null) return
        let next = 0
        const again = pattern.replace(/[*?]/g, () => found[next++]!)
        assert.equal(again, text)
        assert.equal(next, found.length)
      },
    ),
    { numRuns: 5000 },
  )
})

test('steps are at most text × pattern', () => {
  let steps = 0
  const pattern = '*a?a?a?a?b'.repeat(20)
  matchGlob(compileGlob(pattern), 'a'.repeat(5000), (more) => void (steps += more))
  assert.ok(steps <= 5001 * pattern.length, String(steps))
})
