import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from './config/load.ts'
import { ensureDkimKeys } from './dkim-keys.ts'
import { dnsSettings } from './dns-settings.ts'
import { planFor } from './plan-settings.ts'

test('a DKIM key that cannot be read is told, and costs no other domain its records', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'gavan-dns-'))
  try {
    const loaded = await loadConfig({ path: null, env: {}, flags: { hostname: 'mail.example.org', data_dir: dataDir } })
    assert.ok(loaded.ok)
    const plan = planFor(loaded.value, { addresses: [], gateways: [], container: 'none' })
    for (const domain of ['good.example', 'spoilt.example']) await ensureDkimKeys(dataDir, domain)
    await writeFile(join(dataDir, 'dkim/spoilt.example/gv1.pem'), 'no key')
    const unread: string[] = []
    const domains = ['good.example', 'spoilt.example', 'none.example']
    const { dkim } = await dnsSettings(loaded.value, plan, domains, ({ message }) => unread.push(message))
    assert.deepEqual(
      domains.map((domain) => dkim.get(domain)?.length),
      [2, 0, 0],
    )
    assert.equal(unread.length, 1)
  } finally {
    await rm(dataDir, { recursive: true })
  }
})
