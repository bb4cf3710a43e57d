/** Pigeonhole's `sieve-test` runs every case of test/sieve/cases: what it would do is what we would. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from '../../src/sieve/contract.ts'
import { printAddress } from '../../src/format/address/address.ts'
import { run as runSieve } from '../../src/sieve/run.ts'
import { environmentOf, programOf } from '../../src/sieve/sieve.test-kit.ts'
import { BATTERY, testOf } from '../sieve/battery.ts'
import { addressOf, caseFiles, letterOf, readCases, recipientOf, runCase, senderOf } from '../sieve/cases.ts'
import { peerTest } from './peers.ts'
import { run } from './run.ts'
import { temporaryFolder } from './world.ts'

/** What both say in the same words. Answers (vacation) are left out: sieve-test does not ask whether they are due. */
type Doings = {
  readonly compiles: boolean
  readonly fails: boolean
  readonly stores: readonly string[]
  readonly redirects: readonly string[]
  readonly rejects: number
  readonly notified: readonly string[]
  readonly keeps: string | null
}

const NOT_COMPILED: Doings = {
  compiles: false, fails: false, stores: [], redirects: [], rejects: 0, notified: [], keeps: null,
} // prettier-ignore

const store = (mailbox: string, flags: readonly string[]): string =>
  [mailbox, ...flags.map((flag) => flag.toLowerCase()).toSorted()].join(' ')

/** Choice: a script that fails while it runs does nothing but keep. Pigeonhole may have done some of it. */
function ours(outcome: Outcome | string): Doings {
  if (typeof outcome === 'string') return NOT_COMPILED
  const { actions, implicitKeep, error } = outcome
  if (error !== null) return { ...NOT_COMPILED, compiles: true, fails: true }
  return {
    compiles: true,
    fails: false,
    stores: actions
      .flatMap((action) =>
        action.do === 'keep'
          ? [store('INBOX', action.flags)]
          : action.do === 'fileinto'
            ? [store(action.mailbox, action.flags)]
            : [],
      )
      .toSorted(),
    redirects: actions.flatMap((action) => (action.do === 'redirect' ? [printAddress(action.address)] : [])).toSorted(),
    rejects: actions.filter((action) => action.do === 'reject').length,
    notified: actions
      .flatMap((action) =>
        action.do === 'notify' ? [...action.to, ...action.cc, ...action.bcc].map(printAddress) : [],
      )
      .toSorted(),
    keeps: implicitKeep === null ? null : store('INBOX', implicitKeep.flags),
  }
}

function theirs(text: string): Doings {
  if (text.includes('failed to compile sieve script') || text.includes('validation failed')) return NOT_COMPILED
  if (!text.includes('final result: success')) return { ...NOT_COMPILED, compiles: true, fails: true }
  const [before, after] = text.split('Implicit keep:') as [string, string]
  const marks = (part: string): { mailbox: string; flags: string[] }[] => {
    const found: { mailbox: string; flags: string[] }[] = []
    for (const line of part.split('\n')) {
      const mailbox = /^ \* store message in folder: (.*)$/.exec(line)?.[1]
      if (mailbox !== undefined) found.push({ mailbox, flags: [] })
      const flags = /^ +\+ add IMAP flags: (.*)$/.exec(line)?.[1]
      if (flags !== undefined) found.at(-1)!.flags.push(...flags.trim().split(' '))
    }
    return found
  }
  const all = (pattern: RegExp): string[] => [...before.matchAll(pattern)].map((found) => found[1]!).toSorted()
  const [kept] = marks(after)
  return {
    compiles: true,
    fails: false,
    stores: marks(before)
      .map(({ mailbox, flags }) => store(mailbox, flags))
      .toSorted(),
    redirects: all(/^ \* redirect message to: <(.*)>$/gm),
    rejects: all(/^ \* (reject) message/gm).length,
    notified: all(/^ +\+ (?:To|Cc|Bcc): (.*)$/gm),
    keeps: kept === undefined ? null : store(kept.mailbox, kept.flags),
  }
}

function writeConfig(folder: string): void {
  for (const name of ['personal', 'global', 'mail']) mkdirSync(join(folder, name))
  writeFileSync(
    join(folder, 'dovecot.conf'),
    `mail_location = mbox:${folder}/mail
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
plugin {
  sieve = file:${folder}/personal;active=${folder}/active
  sieve_global = ${folder}/global
  sieve_vacation_min_period = 0
}
`,
  )
}

async function runTheirs(
  folder: string,
  { script, letter, from, to }: { script: string; letter: string | Buffer; from: string; to: string },
): Promise<string> {
  writeFileSync(join(folder, 'script.sieve'), script)
  writeFileSync(join(folder, 'letter.eml'), letter)
  // sieve-test gives up root's rights first.
  chmodSync(folder, 0o755)
  chmodSync(join(folder, 'mail'), 0o777)
  const args = [
    '-c',
    join(folder, 'dovecot.conf'),
    '-x',
    '+editheader +vacation-seconds',
    '-f',
    from,
    '-a',
    to,
    '-r',
    to,
  ]
  const files = [join(folder, 'script.sieve'), join(folder, 'letter.eml')]
  const ran = await run('sieve-test', [...args, ...files], { env: { HOME: folder, TZ: 'UTC' } })
  return ran.all
}

for (const file of caseFiles()) {
  for (const one of readCases(file)) {
    if (one.options.get('peer')?.startsWith('no') === true) continue
    peerTest(['sieve-test', 'root'], `Pigeonhole: ${file}, ${one.title}`, async () => {
      using folder = temporaryFolder('sieve')
      writeConfig(folder.path)
      for (const { location, name, text } of one.includes)
        writeFileSync(join(folder.path, location, `${name}.sieve`), text)
      const { script, letter } = one
      const sender = senderOf(one)
      const from = sender === null ? '' : printAddress(sender)
      const text = await runTheirs(folder.path, { script, letter, from, to: printAddress(recipientOf(one)) })
      assert.deepEqual(ours(await runCase(one)), theirs(text), text)
    })
  }
}

/** Letters of test/corpus that the two read in different ways, and why. */
const READ_OTHERWISE: Record<string, string> = {
  'bad-content-type': 'no media type: ours is text, theirs nothing',
  'boundary-prefix': 'delimiters are whole lines here, beginnings of lines there',
  'comments-everywhere': 'comments in Content-Disposition are passed over here',
  digest: 'parts of a digest are messages here (RFC 2046 §5.1.5)',
  'duplicate-content-type': 'the first counts here, the last there',
  'empty-parts': 'headers of parts without body are read here',
  'html-only': 'a title is no text here',
  'multipart-empty-boundary': 'a multipart without boundary is text here',
  'multipart-no-boundary': 'the same',
  'multipart-without-parts': 'the same',
  'raw-8bit-header': '8-bit octets without charset are windows-1252 here',
  'raw-utf8-header': 'addresses may be UTF-8 here (RFC 6532)',
  'rfc822-base64': 'a message in base64 is not taken apart here',
}

const CORPUS = join(import.meta.dirname, '../corpus')
for (const file of readdirSync(CORPUS).filter((name) => name.endsWith('.eml'))) {
  const why = READ_OTHERWISE[file.replace('.eml', '')]
  if (why !== undefined) continue
  peerTest(['sieve-test', 'root'], `Pigeonhole: many tests of ${file}`, async () => {
    using folder = temporaryFolder('sieve')
    writeConfig(folder.path)
    const octets = readFileSync(join(CORPUS, file))
    const [from, to] = ['sender@example.org', 'owner@example.com']
    const letter = letterOf(octets, addressOf(from), addressOf(to))
    const { actions, error } = await runSieve(programOf(BATTERY), letter, environmentOf())
    assert.equal(error, null)
    const found = actions.map((action) => (action.do === 'fileinto' ? action.mailbox : action.do))
    const text = await runTheirs(folder.path, { script: BATTERY, letter: octets, from, to })
    const others = [...text.matchAll(/^ \* store message in folder: (.*)$/gm)].map(([, name]) => name!)
    assert.equal(found.length, others.length, text)
    for (const [index, mailbox] of found.entries()) {
      const other = others[index]!
      // sieve-test prints no more than the beginning of a long name.
      if (other.endsWith('...')) assert.equal(mailbox.slice(0, other.length - 3), other.slice(0, -3))
      else assert.equal(mailbox, other, differences(mailbox, other))
    }
  })
}

/** Which tests came out in different ways. */
function differences(mailbox: string, other: string): string {
  const at = [...mailbox].flatMap((letter, i) => (letter === other[i] ? [] : [i]))
  return at.map((i) => `${mailbox[i]} here, ${other[i]} there: ${testOf(i)}`).join('\n')
}
