/** sieve-connect manages scripts over TLS: upload, list, activate, download, delete; what is wrong is refused with its line. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { startGavan, type Gavan, type User } from './gavan.ts'
import { peerTest } from './peers.ts'
import { run, type Ran } from './run.ts'
import { arrived, deliver, lettersOf, mark, temporaryFolder, type Folder } from './world.ts'

let folder: Folder
let gavan: Gavan

before(async () => {
  folder = temporaryFolder('managesieve')
  gavan = await startGavan({ folder: folder.path, args: ['--sieve'] })
})
after(async () => {
  await gavan?.[Symbol.asyncDispose]()
  folder?.[Symbol.dispose]()
})

function sieveConnect(mechanism: string, ...action: readonly string[]): Promise<Ran> {
  const { address, password } = gavan.users[0]!
  const place = ['--server', 'localhost', '--4', '--port', String(gavan.ports.sieve), '--tlscafile', gavan.caFile]
  const who = ['--user', address, '--authmech', mechanism, '--passwordfd', '0', '--noclearchan']
  return run('sieve-connect', [...place, ...who, ...action], { input: `${password}\n` })
}

async function well(...action: readonly string[]): Promise<string> {
  const { code, stdout, all } = await sieveConnect('PLAIN', ...action)
  assert.equal(code, 0, all)
  return stdout
}

const SCRIPT = 'require "fileinto";\n# Рассылки\nif header :contains "subject" "[list]" {\n  fileinto "Archive";\n}\n'

peerTest(['sieve-connect'], 'sieve-connect: a script up, active, down, gone', async () => {
  const local = join(folder.path, 'main.sieve')
  writeFileSync(local, SCRIPT)
  assert.equal(await well('--list'), '')
  await well('--localsieve', local, '--remotesieve', 'main', '--upload')
  await well('--remotesieve', 'main', '--activate')
  assert.equal((await well('--list')).trim(), '"main" ACTIVE')
  assert.equal(await well('--remotesieve', 'main', '--localsieve', '-', '--download'), SCRIPT)
  const refused = await sieveConnect('PLAIN', '--remotesieve', 'main', '--delete')
  assert.notEqual(refused.code, 0)
  assert.match(refused.all, /NO \(ACTIVE\)/)
  await well('--deactivate')
  await well('--remotesieve', 'main', '--delete')
  assert.equal(await well('--list'), '')
})

peerTest(['sieve-connect'], 'sieve-connect: a script with a mistake is refused', async () => {
  const local = join(folder.path, 'wrong.sieve')
  writeFileSync(local, 'keep;\nfileinto "Archive";\n')
  const refused = await sieveConnect('PLAIN', '--localsieve', local, '--remotesieve', 'wrong', '--upload')
  assert.notEqual(refused.code, 0)
  assert.match(refused.all, /line 2, column 1/)
  assert.equal(await well('--list'), '')
})

peerTest(['sieve-connect', 'curl'], 'what it says is done with mail: filed, answered, refused', async () => {
  const [alice, boris] = gavan.users as [User, User]
  const local = join(folder.path, 'filter.sieve')
  const [filed, refused] = [mark('filed'), mark('refused')]
  writeFileSync(
    local,
    `require ["fileinto", "mailbox", "vacation", "reject"];
if header :contains "subject" "${refused}" { reject "Not this one, thank you"; stop; }
if header :contains "subject" "${filed}" { fileinto :create "Проекты/Gavan"; }
vacation :from "${alice.address}" :subject "Away" "Back in May.";
`,
  )
  await well('--localsieve', local, '--remotesieve', 'filter', '--upload')
  await well('--remotesieve', 'filter', '--activate')

  const sent = await run('curl', [
    ...['--silent', '--show-error', '--ssl-reqd', '--cacert', gavan.caFile, '--user', `${boris.address}:${boris.password}`],
    ...['--mail-from', boris.address, '--mail-rcpt', alice.address, '--upload-file', '-'],
    `smtp://localhost:${gavan.ports.submission}/elsewhere.test`,
  ], { input: `From: ${boris.address}\r\nTo: ${alice.address}\r\nSubject: ${filed}\r\n\r\nbody\r\n` }) // prettier-ignore
  assert.equal(sent.code, 0, sent.all)
  await arrived(gavan, alice, filed, 'Проекты/Gavan')
  assert.match((await arrived(gavan, boris, 'Back in May.')).source, /^Auto-Submitted: auto-replied\r$/m)
  assert.deepEqual(await lettersOf(gavan, alice), [])

  await assert.rejects(deliver(gavan, alice.address, refused), /550|error/i)
  assert.deepEqual(await lettersOf(gavan, alice), [])
})
