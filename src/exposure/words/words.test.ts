/** That a text is there the type check sees; that it says something, and in its own language, is seen here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLAN_WORDS } from './words.ts'

/** For every place that a text of any kind may have. */
const FACTS = { port: 2525, offset: 2000, address: '192.0.2.7', network: '192.0.2.0/24', service: 'mx', opening: 'off' }

/** Every text, by its path; functions are asked with something for each of their places. */
function* textsOf(value: unknown, path = ''): Generator<readonly [path: string, text: string]> {
  if (typeof value === 'string') yield [path, value]
  else if (typeof value === 'function') {
    if (path.startsWith('.warning.')) yield [path, String(value(FACTS))]
    else for (const n of [0, 1, 2, 5, 21, 100_000]) yield [`${path}(${n})`, String(value(n, '192.0.2.7'))]
  } else if (typeof value === 'object' && value !== null)
    for (const [key, each] of Object.entries(value)) yield* textsOf(each, `${path}.${key}`)
}

const en = new Map(textsOf(PLAN_WORDS.en))
const ru = new Map(textsOf(PLAN_WORDS.ru))

test('no text is empty, and none shows a hole where a fact was to stand', () => {
  assert.ok(en.size > 100)
  for (const [path, text] of [...en, ...ru]) {
    assert.notEqual(text.trim(), '', path)
    assert.doesNotMatch(text, /undefined|NaN|\[object/, path)
  }
  assert.deepEqual([...ru.keys()], [...en.keys()])
})

/** Names of roles and protocols, which are the same in every language. */
const NAMES = /^\.(?:roles|tls)\./

test('what is not a name is Russian in Russian, and English in English', () => {
  for (const [path, text] of ru) if (!NAMES.test(path)) assert.match(text, /[а-яё]/i, path)
  for (const [path, text] of en) assert.doesNotMatch(text, /[а-яё]/i, path)
  // No more than names, commands and keys in Latin letters: three words on end make a sentence.
  for (const [path, text] of ru) {
    const latin = text.replaceAll(/gavan set \w+ \S+/g, '').match(/[a-z]{2,}(?: [a-z]{2,}){2,}/gi)
    assert.equal(latin, null, `${path}: ${latin?.join()}`)
  }
})

test('Russian counts by its own rules', () => {
  const { labels } = PLAN_WORDS.ru
  assert.deepEqual(
    [1, 2, 5, 11, 21, 22].map((n) => labels.connections(n)),
    ['1 подключение', '2 подключения', '5 подключений', '11 подключений', '21 подключение', '22 подключения'],
  )
  assert.equal(labels.refusedToday(31), '31 отказ за сегодня')
  assert.equal(labels.seen(3 * 86_400, '192.0.2.7'), '3 дня назад, 192.0.2.7')
})

test('how long ago, to the unit that says something', () => {
  const { labels } = PLAN_WORDS.en
  assert.deepEqual(
    [0, 89, 90, 5399, 5400, 172_799, 172_800].map((n) => labels.seen(n, 'X')),
    ['0 s', '89 s', '2 min', '90 min', '2 h', '48 h', '2 days'].map((text) => `seen ${text} ago from X`),
  )
})
