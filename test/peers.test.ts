/** A missing peer is a skip with its name on a person's machine, and a failure in CI. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { pathToFileURL } from 'node:url'

suite('missing peers', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'gavan-peers-'))
    const peers = pathToFileURL(join(import.meta.dirname, 'interop/peers.ts')).href
    writeFileSync(
      join(folder, 'x.test.ts'),
      `import { peerTest } from '${peers}'\npeerTest(['no-such-program'], 'needs it', async () => {})\n`,
    )
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const run = (required: string): { code: number | null; said: string } => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const ran = spawnSync(process.execPath, ['--test', '--test-reporter=spec', 'x.test.ts'], {
      cwd: folder,
      env: { ...env, GAVAN_REQUIRE_PEERS: required },
      encoding: 'utf8',
    })
    return { code: ran.status, said: ran.stdout }
  }

  test('skipped by name', () => {
    const { code, said } = run('')
    assert.equal(code, 0, said)
    assert.match(said, /needs it .*# peer missing: no-such-program/)
  })

  test('failed by name where it must be there', () => {
    const { code, said } = run('1')
    assert.equal(code, 1, said)
    assert.match(said, /peer missing: no-such-program; on Debian: apt-get install no-such-program/)
  })
})
