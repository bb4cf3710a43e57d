/** Pigeonhole's `sieve-test` runs every case of test/sieve/cases: what it would do is what we would. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from '../../src/sieve/contract.ts'
import { printAddress } from '../../src/format/address/address.ts'
import { caseFiles, readCases, recipientOf, runCase, senderOf, type Case } from '../sieve/cases.ts'
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

async function runTheirs(one: Case, folder: string): Promise<string> {
  writeConfig(folder)
  for (const { location, name, text } of one.includes) writeFileSync(join(folder, location, `${name}.sieve`), text)
  writeFileSync(join(folder, 'script.sieve'), one.script)
  writeFileSync(join(folder, 'letter.eml'), one.letter)
  // sieve-test gives up root's rights first.
  chmodSync(folder, 0o755)
  chmodSync(join(folder, 'mail'), 0o777)
  const sender = senderOf(one)
  const to = printAddress(recipientOf(one))
  const from = sender === null ? '' : printAddress(sender)
  const args = ['-c', join(folder, 'dovecot.conf'), '-x', '+editheader +vacation-seconds']
  const files = [join(folder, 'script.sieve'), join(folder, 'letter.eml')]
  const ran = await run('sieve-test', [...args, '-f', from, '-a', to, '-r', to, ...files], {
    env: { HOME: folder, TZ: 'UTC' },
  })
  return ran.all
}

for (const file of caseFiles()) {
  for (const one of readCases(file)) {
    if (one.options.get('peer')?.startsWith('no') === true) continue
    peerTest(['sieve-test', 'root'], `Pigeonhole: ${file}, ${one.title}`, async () => {
      using folder = temporaryFolder('sieve')
      const text = await runTheirs(one, folder.path)
      assert.deepEqual(ours(await runCase(one)), theirs(text), text)
    })
  }
}
