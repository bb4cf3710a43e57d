import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestRandom } from '../../std/test-random.ts'
import { argon2OfNode, loadNativeArgon2 } from './argon2.ts'
import { createPasswordHasher, DEFAULT_COST } from './password-hasher.ts'
import { parsePhc, printPhc } from './phc.ts'

test('argon2id at the default cost, and both implementations read each other', async (t) => {
  const native = await loadNativeArgon2()
  const node = createPasswordHasher({ random: createTestRandom(1), argon2: argon2OfNode })
  const phc = await node.hash('пароль')
  assert.match(phc, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.equal(await node.verify(phc, 'пароль'), true)
  assert.equal(await node.verify(phc, 'Пароль'), false)
  if (native === null) return t.skip('@node-rs/argon2 has no binary here')
  const other = createPasswordHasher({ random: createTestRandom(1), argon2: native })
  assert.equal(await other.verify(phc, 'пароль'), true)
  assert.equal(await other.hash('пароль'), phc, 'the same salt gives the same string')
})

test('a known answer: the reference implementation, its own test vector', async () => {
  const phc = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  const hasher = createPasswordHasher({ random: createTestRandom(), argon2: argon2OfNode })
  assert.equal(await hasher.verify(phc, 'password'), true)
})

test('PHC strings: ours come back, others are refused', () => {
  const phc = { cost: DEFAULT_COST, salt: Buffer.alloc(16, 1), tag: Buffer.alloc(32, 2) }
  assert.deepEqual(parsePhc(printPhc(phc)), phc)
  const good = printPhc(phc)
  const bad = [
    '',
    '$',
    good.slice(1),
    good.replace('argon2id', 'argon2i'),
    good.replace('v=19', 'v=16'),
    good.replace('m=19456', 'm=7'),
    good.replace('m=19456', 'm=9999999'),
    good.replace('t=2', 't=0'),
    good.replace('t=2', 't=999'),
    good.replace('p=1', 'p=0'),
    good.replace('p=1', 'p=1,keyid=x'),
    `${good}$x`,
    good.split('$').slice(0, 5).join('$'),
    '$2b$12$abcdefghijklmnopqrstuv',
  ]
  for (const text of bad) assert.equal(parsePhc(text), null, text)
})

test('a stored string that is no hash is never right', async () => {
  const hasher = createPasswordHasher({
    random: createTestRandom(),
    argon2: argon2OfNode,
    cost: { memoryKib: 64, passes: 1, parallelism: 1 },
  })
  for (const phc of ['', 'password', '$argon2id$']) assert.equal(await hasher.verify(phc, 'password'), false)
})
