import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureDkimKeys, readDkimKeys } from './dkim-keys.ts'

test('a domain gets two keys once, readable by us alone', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'gavan-dkim-'))
  try {
    assert.deepEqual(await readDkimKeys(dataDir, 'example.org'), [])
    const made = await ensureDkimKeys(dataDir, 'example.org')
    assert.deepEqual(
      made.map(({ selector, record }) => [selector, /k=(\w+)/.exec(record)?.[1]]),
      [
        ['gv1', 'rsa'],
        ['gv2', 'ed25519'],
      ],
    )
    for (const { selector } of made) {
      const { mode } = await stat(join(dataDir, 'dkim/example.org', `${selector}.pem`))
      assert.equal(mode & 0o777, 0o600)
    }
    assert.deepEqual(await ensureDkimKeys(dataDir, 'example.org'), made)
    await writeFile(join(dataDir, 'dkim/example.org/gv3.pem'), 'no key')
    await assert.rejects(readDkimKeys(dataDir, 'example.org'))
  } finally {
    await rm(dataDir, { recursive: true })
  }
})
