/** `npm run -s gavan -- try --json`, as the README and scripts say it. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { PEOPLE, startGavan } from './gavan.ts'
import { freeOffset, freePort } from './ports.ts'
import { temporaryFolder } from './world.ts'

const PORTS = { mx: 25, submission: 587, imap: 143, imaps: 993, pop3: 110, pop3s: 995, http: 80, https: 443 }

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, 'localhost')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

test('try --json: one line once every listener accepts, and an end within 15 s of SIGTERM', async () => {
  using folder = temporaryFolder('cli')
  const offset = await freeOffset()
  const route = await freePort()
  await using gavan = await startGavan({ folder: folder.path, offset, routes: { 'far.test': route }, throughNpm: true })
  const { ready } = gavan
  assert.equal(ready.ready, true)
  assert.equal(ready.host, 'localhost')
  assert.equal(ready.domain, 'gavan.test')
  assert.deepEqual(ready.users, PEOPLE)
  assert.deepEqual(ready.ports, Object.fromEntries(Object.entries(PORTS).map(([name, port]) => [name, port + offset])))
  assert.ok(existsSync(ready.caFile))
  assert.match(readFileSync(ready.caFile, 'utf8'), /^-----BEGIN CERTIFICATE-----/)
  assert.doesNotThrow(() => process.kill(ready.pid, 0), 'pid is a process')
  for (const [name, port] of Object.entries(ready.ports)) assert.ok(await accepts(port), `${name} accepts`)
  await gavan.stop()
  assert.throws(() => process.kill(ready.pid, 0), { code: 'ESRCH' }, 'the process itself has ended, not only npm')
  for (const [name, port] of Object.entries(ready.ports)) assert.ok(!(await accepts(port)), `${name} is closed`)
})

test('try: a SIGTERM of the process itself ends with 0, and the data is there at the next start', async () => {
  using folder = temporaryFolder('cli')
  {
    await using gavan = await startGavan({ folder: folder.path })
    assert.deepEqual(await gavan.stop(), { code: 0, signal: null })
  }
  await using again = await startGavan({ folder: folder.path })
  assert.deepEqual(again.users, PEOPLE)
})
