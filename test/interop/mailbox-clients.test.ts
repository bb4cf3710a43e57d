/** mbsync both ways, fetchmail, getmail, curl, and Python's imaplib and poplib against the mailboxes. */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { fetchmail, getmail, mbsync, ranWell, type MaildirLetter } from './clients.ts'
import { startGavan, type Gavan, type User } from './gavan.ts'
import { peerTest } from './peers.ts'
import { arrived, deliver, letter, lettersOf, mark, temporaryFolder, withMailbox, type Folder } from './world.ts'

let folder: Folder
let gavan: Gavan

/** One person a test, so that tests do not meet in a mailbox. */
const NAMES = ['alice', 'boris', 'mbsync', 'fetchpop', 'fetchimap', 'getpop', 'getimap', 'curl', 'owner', 'guest']
const people = NAMES.map((name): User => ({ address: `${name}@gavan.test`, password: `${name} pass\\word 41` }))
const person = (name: string): User => people[NAMES.indexOf(name)]!

before(async () => {
  folder = temporaryFolder('mailbox-clients')
  gavan = await startGavan({ folder: folder.path, users: people })
})
after(async () => {
  await gavan?.[Symbol.asyncDispose]()
  folder?.[Symbol.dispose]()
})

/** `Проект` as mbsync 1.4 names it on both sides: it leaves RFC 3501's modified UTF-7 as it is. */
const PROJECT = '&BB8EQAQ+BDUEOgRC-'

/** Puts letters with marks into someone's inbox. */
async function fill(user: User, count: number): Promise<string[]> {
  const texts = Array.from({ length: count }, () => mark(user.address.split('@')[0]!))
  for (const text of texts) {
    await deliver(gavan, user.address, text)
    await arrived(gavan, user, text)
  }
  return texts
}

peerTest(['mbsync', 'curl'], 'mbsync, two ways', async () => {
  const user = person('mbsync')
  const home = join(folder.path, 'mbsync')
  const [read, removed, flagged] = (await fill(user, 3)) as [string, string, string]

  const first = await mbsync(gavan, user, home)
  assert.deepEqual(first.mailboxes(), ['Archive', 'Drafts', 'INBOX', 'Junk', 'Sent', 'Trash'])
  assert.equal(first.letters('INBOX').length, 3)
  const find = (text: string): MaildirLetter => {
    const found = first.letters('INBOX').find(({ source }) => source.includes(text))
    assert.ok(found, text)
    return found
  }

  // Here: one read, one removed, one new in a mailbox that is new.
  const seen = find(read)
  renameSync(seen.path, seen.path.replace(/\/new\//, '/cur/').replace(/(:2,.*)?$/, ':2,S'))
  rmSync(find(removed).path)
  const ours = mark('ours')
  const tree = join(home, 'mail')
  for (const part of ['new', 'cur', 'tmp']) mkdirSync(join(tree, PROJECT, part), { recursive: true })
  writeFileSync(
    join(tree, PROJECT, 'cur/1.1.here:2,SF'),
    letter('me@here.test', user.address, ours).replaceAll('\r\n', '\n'),
  )
  // There: one flagged.
  await withMailbox(gavan, user, 'INBOX', async (client) => {
    await client.messageFlagsAdd({ header: { 'Message-ID': `${flagged}@interop.test` } }, ['\\Flagged', '\\Answered'])
  })

  const second = await mbsync(gavan, user, home)
  const there = await lettersOf(gavan, user)
  assert.deepEqual(
    there.map(({ source, flags }) => [
      source.includes(read) ? 'read' : 'flagged',
      [...flags].filter((flag) => flag !== '\\Recent').toSorted(),
    ]),
    [
      ['read', ['\\Seen']],
      ['flagged', ['\\Answered', '\\Flagged']],
    ],
  )
  assert.equal(second.letters('INBOX').find(({ source }) => source.includes(flagged))?.flags, 'FR')
  const project = await lettersOf(gavan, user, 'Проект')
  assert.equal(project.length, 1)
  assert.ok(project[0]!.source.includes(ours))
  assert.deepEqual([...project[0]!.flags].filter((flag) => flag !== '\\Recent').toSorted(), ['\\Flagged', '\\Seen'])

  // There: removed and moved; over implicit TLS this time.
  await withMailbox(gavan, user, 'INBOX', (client) => client.messageMove('1', 'Archive'))
  await withMailbox(gavan, user, 'Проект', (client) => client.messageDelete('1:*'))
  const third = await mbsync(gavan, user, home, { tls: 'implicit' })
  assert.equal(third.letters('INBOX').length, 1)
  assert.ok(third.letters('Archive')[0]?.source.includes(read))
  assert.deepEqual(third.letters(PROJECT), [])

  const fourth = await mbsync(gavan, user, home)
  assert.doesNotMatch(fourth.said, /warning|error/i, 'nothing is left to do')
})

for (const [name, protocol, tls] of [
  ['fetchpop', 'pop3', 'starttls'],
  ['fetchimap', 'imap', 'implicit'],
] as const)
  peerTest(['fetchmail', 'curl'], `fetchmail by ${protocol}, ${tls}`, async () => {
    const user = person(name)
    const texts = await fill(user, 2)
    const kept = await fetchmail(gavan, user, join(folder.path, `${name}-keep`), { protocol, tls, keep: true })
    for (const text of texts) assert.ok(kept.includes(text), text)
    assert.equal((await lettersOf(gavan, user)).length, 2)
    const taken = await fetchmail(gavan, user, join(folder.path, `${name}-take`), { protocol, tls, keep: false })
    for (const text of texts) assert.ok(taken.includes(text), text)
    assert.equal((await lettersOf(gavan, user)).length, 0)
  })

for (const [name, protocol] of [
  ['getpop', 'POP3'],
  ['getimap', 'IMAP'],
] as const)
  peerTest(['getmail', 'curl'], `getmail by ${protocol}, only what is new`, async () => {
    const user = person(name)
    const home = join(folder.path, name)
    const [first] = await fill(user, 1)
    const once = await getmail(gavan, user, home, { protocol, remove: false })
    assert.equal(once.length, 1)
    assert.ok(once[0]!.source.includes(first!))
    const [second] = await fill(user, 1)
    const twice = await getmail(gavan, user, home, { protocol, remove: true })
    assert.deepEqual(
      [first!, second!].map((text) => twice.filter(({ source }) => source.includes(text)).length),
      [1, 1],
      'the first is not fetched again',
    )
    await getmail(gavan, user, home, { protocol, remove: true })
    assert.equal((await lettersOf(gavan, user)).length, 0)
  })

peerTest(['curl'], 'curl reads by imap, imaps, pop3 and pop3s', async () => {
  const user = person('curl')
  const [text] = await fill(user, 1)
  const curl = async (url: string, ...args: readonly string[]): Promise<string> => {
    const options = [
      '--silent',
      '--show-error',
      '--ssl-reqd',
      '--cacert',
      gavan.caFile,
      '--user',
      `${user.address}:${user.password}`,
    ]
    return (await ranWell('curl', [...options, ...args, url])).stdout
  }
  const { imap, imaps, pop3, pop3s } = gavan.ports
  for (const base of [`imap://localhost:${imap}`, `imaps://localhost:${imaps}`]) {
    assert.match(await curl(`${base}/`), /^\* LIST \(.*\) "\/" "?INBOX"?\r$/m)
    assert.ok((await curl(`${base}/INBOX;MAILINDEX=1`)).includes(text!))
    assert.match(await curl(`${base}/INBOX?ALL`), /^\* SEARCH 1\r$/m)
  }
  for (const base of [`pop3://localhost:${pop3}`, `pop3s://localhost:${pop3s}`]) {
    assert.match(await curl(`${base}/`), /^1 \d+\r$/m)
    assert.ok((await curl(`${base}/1`)).includes(text!))
  }
  await curl(`imaps://localhost:${imaps}/Drafts`, '--upload-file', join(import.meta.dirname, 'python/imap.py'))
  assert.equal((await lettersOf(gavan, user, 'Drafts')).length, 1)
})

peerTest(['python3'], "Python's imaplib", async () => {
  await ranWell('python3', [join(import.meta.dirname, 'python/imap.py')], { input: JSON.stringify(gavan.ready) })
})

peerTest(['python3', 'curl'], "Python's poplib", async () => {
  const texts = await fill(person('boris'), 2)
  const input = JSON.stringify({ ...gavan.ready, texts })
  await ranWell('python3', [join(import.meta.dirname, 'python/pop3.py')], { input })
})

peerTest(['python3'], "Python's imaplib, two accounts, one mailbox", async () => {
  const input = JSON.stringify({ ...gavan.ready, owner: person('owner'), guest: person('guest') })
  await ranWell('python3', [join(import.meta.dirname, 'python/shared.py')], { input })
})
