import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { compilePattern } from './list-pattern.ts'

test('RFC 9051 §6.3.9: * takes everything, % stops at the delimiter, INBOX has no case', () => {
  for (const [pattern, name, fits] of [
    ['*', 'a/b/c', true],
    ['%', 'a', true],
    ['%', 'a/b', false],
    ['a/%', 'a/b', true],
    ['a/%', 'a/b/c', false],
    ['a/%/c', 'a/b/c', true],
    ['*c', 'a/b/c', true],
    ['%%', 'ab', true],
    ['%*', 'a/b', true],
    ['*%', 'a/b', true],
    ['', '', true],
    ['a*b*c', 'a/xb/yc', true],
    ['a*b*c', 'a/xb/yd', false],
    ['inbox', 'INBOX', true],
    ['InB%', 'INBOX', true],
    ['inbox/%', 'INBOX/a', true],
    ['inbox', 'inboxes', false],
    ['a', 'A', false],
    ['日%', '日本', true],
  ] as const) {
    assert.equal(compilePattern(pattern).matches(name), fits, `${pattern} on ${name}`)
  }
})

test('whether something below may fit', () => {
  assert.equal(compilePattern('a/b/%').mayMatchBelow('a'), true)
  assert.equal(compilePattern('a/b/%').mayMatchBelow('a/b'), true)
  assert.equal(compilePattern('a/b').mayMatchBelow('a/b'), false)
  assert.equal(compilePattern('%').mayMatchBelow('a'), false)
  assert.equal(compilePattern('*').mayMatchBelow('a'), true)
})

test('property: as a regular expression would say', () => {
  const piece = fc.constantFrom('*', '%', 'a', 'b', '/')
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 10 }),
      (p, n) => {
        const source = p.map((c) => (c === '*' ? '.*' : c === '%' ? '[^/]*' : c)).join('')
        assert.equal(compilePattern(p.join('')).matches(n.join('')), new RegExp(`^${source}$`).test(n.join('')))
      },
    ),
  )
})

test('hostile patterns end soon', () => {
  const pattern = compilePattern('a*'.repeat(50) + 'b')
  for (let i = 0; i < 200; i++) assert.equal(pattern.matches('a'.repeat(250)), false)
  assert.equal(compilePattern('%a'.repeat(51)).matches('a'.repeat(51)), false)
  assert.equal(compilePattern('x'.repeat(100_000)).matches('x'), false)
})
