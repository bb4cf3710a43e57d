import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { printDkimRecord } from './key-record.ts'

test('RFC 8463 §A.2: the key of its example', () => {
  const d = 'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A='
  const x = '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='
  const url = (text: string): string => Buffer.from(text, 'base64').toString('base64url')
  const key = createPrivateKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', d: url(d), x: url(x) } })
  assert.equal(printDkimRecord(key), `v=DKIM1; k=ed25519; p=${x}`)
})

test('RSA: the whole SubjectPublicKeyInfo (RFC 6376 §3.6.1)', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const record = printDkimRecord(privateKey)
  const der = Buffer.from(record.replace('v=DKIM1; k=rsa; p=', ''), 'base64')
  assert.ok(createPublicKey({ key: der, format: 'der', type: 'spki' }).equals(publicKey))
})

test('other keys are ours to keep out', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  assert.throws(() => printDkimRecord(privateKey), /ec/)
})
