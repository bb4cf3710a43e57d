/** R27: backups under load, restored elsewhere; and the commands for letters in files, as an administrator uses them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MAIN } from '../../tools/program.ts'
import { type Gavan, PEOPLE, startGavan, type User } from '../interop/gavan.ts'
import { peerTest } from '../interop/peers.ts'
import { run, type Ran, until } from '../interop/run.ts'
import { deliver, lettersOf, mark, temporaryFolder, withMailbox } from '../interop/world.ts'
import { contentHash, startLoad } from './load.ts'

const ROUNDS = Number(process.env['GAVAN_BACKUPS'] ?? 3)
const [alice, boris] = PEOPLE as [User, User]

type Cli = ((...args: string[]) => Promise<Ran>) & { readonly args: readonly string[] }

/** The command line for the data directory that `try` keeps in a folder. */
function cliFor(folder: string): Cli {
  const config = join(folder, 'gavan.toml')
  mkdirSync(folder, { recursive: true })
  writeFileSync(config, `hostname = "mail.gavan.test"\ndomains = ["gavan.test"]\ndata_dir = "data"\n`)
  const args = [MAIN, '--config', config]
  return Object.assign((...more: string[]) => run(process.execPath, [...args, ...more]), { args })
}

async function works(ran: Promise<Ran>): Promise<string> {
  const { code, all, stdout } = await ran
  assert.equal(code, 0, all)
  return stdout
}

const uidsOf = (gavan: Gavan, user: User): Promise<{ uidValidity: bigint; hashes: Map<number, string> }> =>
  withMailbox(gavan, user, 'INBOX', async (client) => {
    assert.ok(client.mailbox)
    const hashes = new Map<number, string>()
    if (client.mailbox.exists > 0)
      for await (const { uid, source } of client.fetch('1:*', { uid: true, source: true }))
        hashes.set(uid, contentHash(source!.toString('latin1')))
    return { uidValidity: client.mailbox.uidValidity, hashes }
  })

test(`a backup under load, restored elsewhere, ${ROUNDS} times: what was acknowledged before is in it (R27)`, async (t) => {
  using folder = temporaryFolder('backup')
  const cli = cliFor(folder.path)
  const backup = join(folder.path, 'backup')
  await using gavan = await startGavan({ folder: folder.path })
  for (let round = 1; round <= ROUNDS; round++) {
    const load = startLoad({
      port: gavan.ports.mx,
      connections: 12,
      recipients: PEOPLE.map(({ address }) => address),
      largeOctets: 400_000,
    })
    const before = await until('letters to be acknowledged', () =>
      load.acknowledged.length >= 50 ? [...load.acknowledged] : null,
    )
    const made = JSON.parse(await works(cli('backup', backup, '--json'))) as {
      backup: { copiedOctets: number; totalOctets: number; segments: { kept: number } }
    }
    const during = load.acknowledged.length - before.length
    assert.ok(during > 0, 'mail was taken while the backup ran')
    await load.stop()
    await works(cli('backup', 'verify', backup))
    const elsewhere = join(folder.path, `elsewhere-${round}`)
    await works(cli('restore', backup, '--into', join(elsewhere, 'data')))

    await using restored = await startGavan({ folder: elsewhere })
    for (const user of PEOPLE) {
      const [here, there] = [await uidsOf(gavan, user), await uidsOf(restored, user)]
      assert.equal(there.uidValidity, here.uidValidity, 'UIDVALIDITY stays')
      for (const [uid, hash] of there.hashes) assert.equal(hash, here.hashes.get(uid), `UID ${uid} is the same letter`)
      const kept = new Set(there.hashes.values())
      const lost = before.filter((sent) => sent.recipients.includes(user.address) && !kept.has(sent.sha256))
      assert.deepEqual(lost, [], `${user.address}: lost`)
      assert.equal(kept.size, there.hashes.size, 'each once')
    }
    await deliver(restored, alice.address, mark('after-restore'))
    const { copiedOctets, totalOctets, segments } = made.backup
    t.diagnostic(
      `round ${round}: ${before.length} acknowledged before, ${during} during; ${copiedOctets} of ${totalOctets} octets copied, ${segments.kept} segments kept`,
    )
    if (round > 1) assert.ok(segments.kept > 0 && copiedOctets < totalOctets, 'only what is new was copied')
  }
})

test('one letter and one account come back into the running server', async () => {
  using folder = temporaryFolder('restore')
  const cli = cliFor(folder.path)
  const backup = join(folder.path, 'backup')
  await using gavan = await startGavan({ folder: folder.path })
  const marks = [mark('restore'), mark('restore'), mark('restore')]
  for (const text of marks) await deliver(gavan, alice.address, text)
  await withMailbox(gavan, alice, 'INBOX', (client) => client.messageFlagsAdd('1:*', ['\\Flagged', 'Work']))
  await works(cli('backup', backup))
  const before = await lettersOf(gavan, alice)
  await withMailbox(gavan, alice, 'INBOX', (client) => client.messageDelete('1:*'))
  assert.deepEqual(await lettersOf(gavan, alice), [])

  const one = ['--account', alice.address, '--message-id', `<${marks[1]}@interop.test>`]
  assert.match(await works(cli('restore', backup, ...one)), /^1 letters/)
  assert.match(await works(cli('restore', backup, ...one)), /^0 letters .* 1 were there already/)
  assert.match(await works(cli('restore', backup, '--account', alice.address)), /^2 letters/)
  const after = await lettersOf(gavan, alice)
  assert.deepEqual(after.map(({ source }) => source).toSorted(), before.map(({ source }) => source).toSorted())
  for (const { flags } of after) assert.ok(flags.has('\\Flagged') && flags.has('Work'))

  const mistakes: readonly [string[], number, RegExp][] = [
    [['restore', backup], 1, /is not empty/],
    [['restore', backup, '--force'], 1, /a server runs on/],
    [['restore', backup, '--uid', '1'], 64, /of which account/],
    [['restore', backup, '--account', alice.address, '--uid', '1'], 64, /a UID counts in one mailbox/],
    [['restore', backup, '--account', 'nobody@gavan.test'], 1, /gavan user add nobody@gavan\.test/],
    [['restore', folder.path, '--account', alice.address], 1, /holds no backup/],
    [['backup'], 64, /gavan backup DIR/],
    [['backup', join(folder.path, 'data', 'in')], 1, /lie in each other/],
    [['backup', 'verify', folder.path], 1, /holds no backup/],
  ]
  for (const [args, code, told] of mistakes) {
    const ran = await cli(...args)
    assert.equal(ran.code, code, `${args.join(' ')}\n${ran.all}`)
    assert.match(ran.stderr, told)
  }
})

test('an import that Ctrl-C ends leaves a whole state, and the same command goes on', async () => {
  using folder = temporaryFolder('import')
  const cli = cliFor(folder.path)
  await using gavan = await startGavan({ folder: folder.path })
  const source = join(folder.path, 'in')
  mkdirSync(source)
  const count = 3000
  for (let n = 0; n < count; n++) {
    writeFileSync(join(source, `${n}.eml`), `Subject: ${n}\nMessage-ID: <${n}@in.test>\n\n${'x'.repeat(n % 500)}\n`)
  }
  const args = ['import', 'eml', source, '--account', boris.address, '--mailbox', 'Ввоз', '--json']
  const child = spawn(process.execPath, [...cli.args, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const ended = once(child, 'close') as Promise<[number | null]>
  await until('the first letters', async () => {
    const found = await lettersOf(gavan, boris, 'Ввоз').catch(() => [])
    return found.length > 0 ? true : null
  })
  child.kill('SIGINT')
  const [code] = await ended
  const first = (JSON.parse(stdout) as { import: { imported: number; cancelled: boolean } }).import
  if (first.cancelled) assert.equal(code, 130)
  const second = JSON.parse(await works(cli(...args))) as { import: { imported: number; skipped: number } }
  assert.deepEqual(second.import.skipped, first.imported)
  assert.equal(first.imported + second.import.imported, count)
  const letters = await lettersOf(gavan, boris, 'Ввоз')
  assert.equal(letters.length, count)
  assert.equal(new Set(letters.map(({ source: text }) => text)).size, count)
})

peerTest(
  ['doveadm'],
  'a Maildir of Dovecot comes in with folders, flags, keywords and order, and Dovecot reads ours',
  async () => {
    using folder = temporaryFolder('dovecot')
    const cli = cliFor(folder.path)
    const uid = process.getuid?.() ?? 0
    const config = join(folder.path, 'dovecot.conf')
    const dovecot = (maildir: string, args: string[], input = ''): Promise<Ran> => {
      writeFileSync(
        config,
        `mail_location = maildir:${maildir}\nfirst_valid_uid = 0\nfirst_valid_gid = 0\nmail_uid = ${uid === 0 ? 65534 : uid}\nmail_gid = ${uid === 0 ? 65534 : (process.getgid?.() ?? 0)}\nlog_path = /dev/stderr\nssl = no\nnamespace inbox {\n  inbox = yes\n  separator = /\n}\n`,
      )
      return run('doveadm', ['-c', config, ...args], { input, env: { USER: 'anna', HOME: folder.path } })
    }
    const owned = async (path: string): Promise<void> => {
      if (uid === 0) await works(run('chown', ['-R', '65534:65534', path]))
    }
    const theirs = join(folder.path, 'theirs')
    mkdirSync(theirs)
    await owned(theirs)
    await works(dovecot(theirs, ['mailbox', 'create', 'Архив/Новые']))
    const save = (mailbox: string, n: number): Promise<string> =>
      works(dovecot(theirs, ['save', '-m', mailbox], `Subject: letter ${n}\n\nFrom line ${n}\n`))
    for (const n of [1, 2, 3]) await save('INBOX', n)
    await save('Архив/Новые', 4)
    await works(dovecot(theirs, ['flags', 'add', '\\Seen \\Flagged Work', 'mailbox', 'INBOX', 'subject', 'letter 2']))

    await using gavan = await startGavan({ folder: folder.path })
    assert.match(await works(cli('import', 'maildir', theirs, '--account', alice.address)), /^4 letters/)
    const inbox = await lettersOf(gavan, alice)
    assert.deepEqual(
      inbox.map(({ source }) => source),
      [1, 2, 3].map((n) => `Subject: letter ${n}\r\n\r\nFrom line ${n}\r\n`),
    )
    assert.deepEqual([...inbox[1]!.flags].toSorted(), ['Work', '\\Flagged', '\\Seen'])
    assert.equal((await lettersOf(gavan, alice, 'Архив/Новые')).length, 1)

    const ours = join(folder.path, 'ours')
    await works(cli('export', 'maildir', ours, '--account', alice.address))
    await owned(ours)
    const listed = await works(dovecot(ours, ['fetch', 'hdr.subject flags mailbox', 'all']))
    assert.match(listed, /hdr\.subject: letter 2\nflags: \\Flagged \\Seen (?:\\Recent )?Work\nmailbox: INBOX/)
    assert.match(listed, /hdr\.subject: letter 4\nflags: ?(?:\\Recent)?\nmailbox: Архив\/Новые/)
    assert.match(await works(dovecot(ours, ['fetch', 'text', 'subject', 'letter 4'])), /From line 4/)
    assert.ok(
      readdirSync(join(ours, 'cur')).length === 3 &&
        readFileSync(join(ours, 'dovecot-keywords'), 'utf8') === '0 Work\n',
    )
  },
)
