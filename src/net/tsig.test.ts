import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TSIG_FUDGE_SECONDS } from '../model/limits.ts'
import { SECOND } from '../std/clock.ts'
import { checkAnswer, encodeName, parseTsigKey, signMessage, uint16, type TsigKey } from './tsig.ts'

const KEY: TsigKey = { name: 'gavan', algorithm: 'hmac-sha256', secret: Buffer.from('a secret') }
const NOW = Date.UTC(2026, 0, 5, 12)
const message = (id = 7): Buffer =>
  Buffer.concat([uint16(id, 0xa800, 1, 0, 0, 0), encodeName('zone.test'), uint16(6, 1)])

/** As a server signs: the MAC covers the request's first (RFC 8945 §5.3). With an empty one it is what a client sends. */
const selfSigned = (): Buffer => signMessage(message(), KEY, NOW).message

test('a key, as tsig-keygen writes it, and as nsupdate -y takes it', () => {
  const secret = Buffer.from('a secret').toString('base64')
  const good = [
    `key "gavan." {\n\talgorithm hmac-sha256;\n\tsecret "${secret}";\n};\n`,
    `# made by hand\nkey gavan { secret ${secret}; algorithm "HMAC-SHA256"; };`,
    `hmac-sha256:gavan:${secret}\n`,
  ]
  for (const text of good) {
    const key = parseTsigKey(text)
    assert.ok(key.ok, text)
    assert.deepEqual({ ...key.value, secret: String(key.value.secret) }, { ...KEY, secret: 'a secret' })
  }
  const bad: readonly [string, RegExp][] = [
    ['', /no TSIG key/],
    [`key "gavan" { algorithm hmac-md5; secret "${secret}"; };`, /hmac-md5 is none of/],
    ['key "gavan" { algorithm hmac-sha256; };', /no TSIG key/],
    [`hmac-sha256:${secret}`, /no TSIG key/],
    [`constructor:gavan:${secret}`, /constructor is none of/],
  ]
  for (const [text, why] of bad) {
    const key = parseTsigKey(text)
    assert.match(key.ok ? '' : key.error, why, text)
  }
})

test('RFC 8945 §5.3: an answer without the signature, with another, cut off, or of another request is not believed', () => {
  const { mac, message: signed } = signMessage(message(), KEY, NOW)
  assert.equal(checkAnswer(message(), KEY, mac, NOW).at, 'bad')
  assert.equal(checkAnswer(signed, KEY, mac, NOW).at, 'bad', 'our own request come back')
  for (let length = 0; length < signed.length; length++)
    assert.equal(checkAnswer(signed.subarray(0, length), KEY, mac, NOW).at, 'bad', `cut at ${length}`)
  for (let at = 0; at < signed.length; at++) {
    const changed = Buffer.from(selfSigned())
    changed[at]! ^= 0x55
    assert.notEqual(checkAnswer(changed, KEY, mac, NOW).at, 'good', `octet ${at}`)
  }
  assert.ok(TSIG_FUDGE_SECONDS * SECOND > 0)
})
