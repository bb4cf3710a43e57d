/**
 * SORT and THREAD by the letter (test/imap/naive-sort.ts, which our own answers are held to) against those of Dovecot.
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { NAIVE_CRITERIA, naiveSort, naiveThread, type PlainMessage } from '../imap/naive-sort.ts'
import { plainLetter, writeLetter } from '../imap/plain-letters.ts'
import { ranWell } from './clients.ts'
import { DOVECOT_IMAP, peerTest } from './peers.ts'
import { temporaryFolder } from './world.ts'

const MAILBOXES = 60

/** All moments differ: where they do not, Dovecot's REFS has an order of its own. */
const letters = fc
  .array(plainLetter, { minLength: 1, maxLength: 14 })
  .map((list) =>
    list.map((one, i) => ({ ...one, sent: one.sent === null ? null : one.sent * 16 + i - 25_000_000_000 })),
  )

function makeFolder(path: string): void {
  for (const part of ['cur', 'new', 'tmp']) {
    mkdirSync(join(path, part), { recursive: true })
    chmodSync(join(path, part), 0o777)
  }
  chmodSync(path, 0o777)
}

peerTest(['python3', 'root', 'dovecot/imap'], 'Dovecot sorts and threads the same', async () => {
  using folder = temporaryFolder('sort-dovecot')
  chmodSync(folder.path, 0o777)
  const mail = join(folder.path, 'mail')
  makeFolder(mail)
  const config = join(folder.path, 'dovecot.conf')
  writeFileSync(
    config,
    `base_dir = ${folder.path}/run
ssl = no
mail_location = maildir:${mail}
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 0
mail_home = ${folder.path}
stats_writer_socket_path =
`,
  )
  const commands: string[] = []
  const wanted: (string | null)[] = []
  for (const [number, list] of fc.sample(letters, MAILBOXES).entries()) {
    const path = join(mail, `.m${number}`)
    makeFolder(path)
    const messages = list.map((one, i): PlainMessage => {
      const text = writeLetter(one)
      const file = join(path, 'cur', `${1_700_000_000 + i}.M${i}P1.here:2,`)
      writeFileSync(file, text)
      const arrived = 1_767_225_600 + i * 60
      utimesSync(file, arrived, arrived)
      return { ...one, place: i + 1, arrived, size: Buffer.byteLength(text) }
    })
    commands.push(`SELECT m${number}`)
    wanted.push(null)
    for (const algorithm of ['ORDEREDSUBJECT', 'REFERENCES', 'REFS'] as const) {
      commands.push(`THREAD ${algorithm} UTF-8 ALL`)
      wanted.push(`* THREAD ${naiveThread(messages, algorithm)}`)
    }
    for (const key of Object.keys(NAIVE_CRITERIA)) {
      commands.push(`SORT (REVERSE ${key}) UTF-8 ALL`)
      wanted.push(['* SORT', ...naiveSort(messages, [{ key, reverse: true }])].join(' '))
    }
  }
  const input = JSON.stringify({ imap: DOVECOT_IMAP, config, commands })
  const { stdout } = await ranWell('python3', [join(import.meta.dirname, 'python/dovecot.py')], { input })
  const answers = JSON.parse(stdout) as readonly (string | null)[]
  for (const [i, answer] of answers.entries()) assert.equal(answer, wanted[i], commands[i]!)
})
