import assert from 'node:assert/strict'
import { test } from 'node:test'
import library from '@mongodb-js/saslprep'
import { saslprep } from './saslprep.ts'

const prepared = (prepare: (text: string) => string, text: string): string | null => {
  try {
    return prepare(text)
  } catch {
    return null
  }
}

test('every character of one octet, alone and in a password, as the library has it', () => {
  for (let code = 0; code < 256; code++) {
    for (const text of [String.fromCharCode(code), `a${String.fromCharCode(code)}1`])
      assert.equal(prepared(saslprep, text), prepared(library, text), JSON.stringify(text))
  }
})

test('RFC 4013 §3: the examples', () => {
  assert.equal(saslprep('I\u00adX'), 'IX')
  assert.equal(saslprep('user'), 'user')
  assert.equal(saslprep('USER'), 'USER')
  assert.equal(saslprep('\u00aa'), 'a')
  assert.equal(saslprep('\u2168'), 'IX')
  assert.throws(() => saslprep('\u0007'))
  assert.throws(() => saslprep('\u0627\u0031'))
})
