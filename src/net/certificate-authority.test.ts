import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { DAY } from '../std/clock.ts'
import { createTestClock } from '../std/test-clock.ts'
import { createTestRandom } from '../std/test-random.ts'
import { localCertificate } from './certificate-authority.ts'
import type { LocalCertificate } from './certificate-authority.ts'
import { temporaryDirectory } from './net.test-kit.ts'

test('a certificate is kept, and made anew when it must be', async () => {
  await using directory = await temporaryDirectory()
  const clock = createTestClock()
  const random = createTestRandom(3)
  const get = (...names: string[]): Promise<LocalCertificate> =>
    localCertificate({ directory: directory.path, names, clock, random })

  const first = await get('demo.test', '::1')
  assert.equal((await stat(join(directory.path, 'leaf-key.pem'))).mode & 0o777, 0o600)
  assert.equal((await stat(join(directory.path, 'ca-key.pem'))).mode & 0o777, 0o600)
  assert.equal((await get('demo.test', '::1')).fingerprint, first.fingerprint, 'kept')
  assert.equal((await get('DEMO.test')).fingerprint, first.fingerprint, 'fewer names')

  const wider = await get('demo.test', 'more.test')
  assert.notEqual(wider.fingerprint, first.fingerprint, 'a new name')
  assert.equal(wider.caFingerprint, first.caFingerprint)

  clock.advance(370 * DAY)
  const renewed = await get('demo.test', 'more.test')
  assert.notEqual(renewed.fingerprint, wider.fingerprint, 'near its end')
  assert.equal(renewed.caFingerprint, first.caFingerprint)
  assert.ok(renewed.notAfter > clock.now() + 390 * DAY)

  await writeFile(join(directory.path, 'leaf-key.pem'), 'damaged')
  assert.notEqual((await get('demo.test', 'more.test')).fingerprint, renewed.fingerprint, 'damaged')

  clock.advance(10 * 365 * DAY)
  assert.notEqual((await get('demo.test', 'more.test')).caFingerprint, first.caFingerprint, 'the CA near its end')
})
