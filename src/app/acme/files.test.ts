import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { madeCertificate } from '../../core/certificates/test-certificate.ts'
import { openAcmeFolder, readPair } from './files.ts'

const REAL = 'https://ca.test/directory'
const OTHER = 'https://ca.test/staging/directory'

test('each CA has a folder of its own; all is for us alone, and there again after a restart', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'gavan-acme-files-'))
  const folder = openAcmeFolder(dataDir, REAL)
  assert.deepEqual(await folder.load(), { pair: null, state: null })
  const account = await folder.account()
  assert.equal(account.url, null)
  await folder.keepAccountUrl('https://ca.test/account/1')
  const pair = madeCertificate({ names: ['mail.here.test'], from: 0, to: 1 })
  await folder.keepPair(pair)
  const again = openAcmeFolder(dataDir, REAL)
  assert.deepEqual(await again.account(), { key: account.key, url: 'https://ca.test/account/1' })
  assert.deepEqual((await again.load()).pair, pair)
  assert.equal(await readPair(dataDir, OTHER), null)
  assert.notEqual((await openAcmeFolder(dataDir, OTHER).account()).key, account.key)
  for (const file of await readdir(join(dataDir, 'acme'), { recursive: true }))
    assert.equal((await stat(join(dataDir, 'acme', file))).mode & 0o077, 0, file)
  await again.keepPair({ ...pair, certificate: pair.certificate.replace(/\n[^\n]{64}\n/, '\n') })
  assert.equal(await readPair(dataDir, REAL), null, 'a certificate that lacks a line')
  await again.keepPair({ ...pair, key: madeCertificate({ names: ['x.test'], from: 0, to: 1 }).key })
  assert.equal(await readPair(dataDir, REAL), null, "another's key")
  await again.keepPair(null)
  assert.equal(await readPair(dataDir, REAL), null)

  for (const name of await readdir(join(dataDir, 'acme'))) {
    await writeFile(join(dataDir, 'acme', name, 'state.json'), '{"half')
    await writeFile(join(dataDir, 'acme', name, 'certificate.pem'), 'damaged')
  }
  for (const url of [REAL, OTHER])
    assert.deepEqual(await openAcmeFolder(dataDir, url).load(), { pair: null, state: null })
  await rm(dataDir, { recursive: true })
})
