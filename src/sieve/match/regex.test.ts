import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { SIEVE_REGEX_INSTRUCTIONS_MAX, SIEVE_REGEX_MAX_CHARACTERS, SIEVE_REGEX_REPEAT_MAX } from '../../model/limits.ts'
import { ASCII_CASEMAP } from './comparator.ts'
import { compileRegex, matchRegex } from './regex.ts'

const nothing = (): void => {}

function find(source: string, text: string, fold: ((text: string) => string) | null = null): string[] | null {
  const made = compileRegex(source, fold)
  assert.ok(made.ok, `${source}: ${made.ok ? '' : made.error}`)
  const found = matchRegex(made.value, fold === null ? text : fold(text), nothing, true)
  assert.equal(matchRegex(made.value, fold === null ? text : fold(text), nothing, false) !== null, found !== null)
  if (found === null) return null
  const groups: string[] = []
  for (let i = 0; i < found.length; i += 2) groups.push(found[i] === -1 ? '' : text.slice(found[i], found[i + 1]))
  return groups
}

test('what matches is the leftmost, then the longest (POSIX)', () => {
  for (const [source, text, expected] of [
    ['a|ab|abc', 'xabcd', ['abc']],
    ['abcd|bc', 'abcd', ['abcd']],
    ['abce|bc', 'abcd', ['bc']],
    ['(a|ab)(c|bcd)?', 'abcd', ['abcd', 'a', 'bcd']],
    ['x*', 'aaxx', ['']],
    ['(a)|(b)', 'b', ['b', '', 'b']],
    ['^$', '', ['']],
    ['(a*)*', 'aab', ['aa', 'aa']],
    ['((a)|b)+', 'ab', ['ab', 'b', 'a']],
    ['a{2}', 'aaaa', ['aa']],
    ['a{2,}', 'aaaa', ['aaaa']],
    ['a{0,1}b', 'aab', ['ab']],
    ['[]a]+', 'a]a', ['a]a']],
    ['[^]a]+', 'a]b-', ['b-']],
    ['[a-c-]+', 'xb-c', ['b-c']],
    ['[[:digit:][:space:]]+', 'a1 2', ['1 2']],
    ['[[.-.]]', 'a-b', ['-']],
    ['\\.', 'a.b', ['.']],
    ['a)', 'a)', ['a)']],
    ['.', '😀', ['😀']],
    ['[а-я]+', 'Привет', ['ривет']],
    ['\\<b\\w*\\>', 'ab bc', ['bc']],
    ['\\bb', 'ab b', ['b']],
    ['()', 'x', ['', '']],
    ['a.c', 'a\nc', ['a\nc']],
  ] as const)
    assert.deepEqual(find(source, text), expected, source)
})

test('what does not', () => {
  for (const [source, text] of [
    ['^b', 'ab'],
    ['a$', 'ab'],
    ['a{3}', 'aa'],
    ['[^a]', 'aaa'],
    ['A', 'a'],
    ['\\Ba', 'a'],
  ] as const)
    assert.equal(find(source, text), null, source)
})

test('case folded as the comparator has it', () => {
  const { fold } = ASCII_CASEMAP
  assert.deepEqual(find('hel+o [A-Z]+', 'HELLO World', fold), ['HELLO World'])
  assert.deepEqual(find('[[:upper:]]+', 'abc', fold), ['abc'])
  assert.deepEqual(find('[^A]', 'aab', fold), ['b'])
  assert.equal(find('Ä', 'ä', fold), null, 'only ASCII')
  assert.equal(find('[Ä]', 'ä', fold), null, 'only ASCII')
})

const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', 'c?')
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4 },
    { weight: 3, arbitrary: fc.array(atom, { minLength: 1, maxLength: 3 }).map((list) => list.join('')) },
    fc
      .tuple(tie('expression'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{0,}'))
      .map(([inner, repeat]) => `(${inner})${repeat}`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(${a}|${b})`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => a + b),
  ),
}))

test('the same matches as a slow search for the longest', () => {
  fc.assert(
    fc.property(expression, fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 }), (source, text) => {
      const found = find(source, text)
      // Longest: the first start, and of it the furthest end, where the expression takes all between.
      const whole = new RegExp(`^(?:${source})$`, 's')
      let expected: string | null = null
      for (let start = 0; start <= text.length && expected === null; start++)
        for (let end = text.length; end >= start && expected === null; end--)
          if (whole.test(text.slice(start, end))) expected = text.slice(start, end)
      assert.equal(found?.[0] ?? null, expected)
    }),
    { numRuns: 3000 },
  )
})

test('hostile expressions take steps in proportion to the text', () => {
  for (const source of [
    '(a*)*b',
    '(a|a)*b',
    '(a+)+$x',
    '(a|aa)+b',
    '((a?){20}){20}b',
    '(.*)(.*)(.*)(.*)(.*)b',
    '(((((a*)*)*)*)*)*b',
  ]) {
    const made = compileRegex(source, null)
    assert.ok(made.ok)
    // Without a match, and with groups to be found.
    for (const end of ['', 'bx']) {
      const stepsFor = (length: number): number => {
        let steps = 0
        matchRegex(made.value, 'a'.repeat(length) + end, (more) => void (steps += more), true)
        return steps
      }
      const [short, long] = [stepsFor(1000), stepsFor(4000)]
      assert.ok(long < 5 * short, `${source}: ${short}, ${long}`)
      assert.ok(long <= 4001 * 20 * (made.value.code.length + 2), source)
    }
  }
})

test('an expression that would have very many states: they are forgotten, not gathered', () => {
  const made = compileRegex('(a|b)*a(a|b){14}c', null)
  assert.ok(made.ok)
  let text = ''
  for (let i = 1; text.length < 20_000; i = (i * 48_271) % 2_147_483_647) text += i % 2 === 0 ? 'a' : 'b'
  let steps = 0
  assert.equal(
    matchRegex(made.value, text, (more) => void (steps += more), false),
    null,
  )
  assert.ok(made.value.search.states.size <= 200)
  assert.ok(steps <= 20_000 * 200, String(steps))
})

test('what spend throws goes through', () => {
  const made = compileRegex('(a*)*b', null)
  assert.ok(made.ok)
  assert.throws(
    () =>
      matchRegex(
        made.value,
        'a'.repeat(1_000_000),
        () => {
          throw new Error('enough')
        },
        false,
      ),
    /enough/,
  )
})

test('limits', () => {
  const isOk = (source: string): boolean => compileRegex(source, null).ok
  assert.ok(isOk('a'.repeat(SIEVE_REGEX_MAX_CHARACTERS - 2)))
  assert.ok(!isOk('a'.repeat(SIEVE_REGEX_MAX_CHARACTERS + 1)))
  assert.ok(isOk(`a{${SIEVE_REGEX_REPEAT_MAX}}`))
  assert.ok(!isOk(`a{${SIEVE_REGEX_REPEAT_MAX + 1}}`))
  assert.ok(isOk(`(a{10}){${SIEVE_REGEX_INSTRUCTIONS_MAX / 20}}`))
  assert.ok(!isOk(`(a{10}){${SIEVE_REGEX_INSTRUCTIONS_MAX / 10}}`))
  assert.ok(!isOk('('.repeat(60) + ')'.repeat(60)), 'nesting')
  assert.ok(!isOk('()'.repeat(60)), 'groups')
})

test('expressions that are none say so', () => {
  for (const source of [
    '(',
    'a(',
    '[',
    '[a',
    '[b-a]',
    '*',
    'a{',
    'a{x}',
    'a{2,1}',
    '\\',
    '\\1',
    '\\d',
    '[[:x:]]',
    '[[=ab=]]',
    '+a',
    '|*',
  ])
    assert.equal(compileRegex(source, null).ok, false, source)
})
