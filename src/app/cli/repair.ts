/** `gavan repair`: looks for damage in the data directory, and makes a new database from what is left of it. */
import type { Command } from 'commander'
import { createScanner } from '../../format/message/scan.ts'
import type { MessageSummary } from '../../model/message.ts'
import { repairStore, type RepairReport } from '../../store/sqlite/repair/rebuild.ts'
import { verifyStore, type Problem } from '../../store/sqlite/verify.ts'
import { StoreError } from '../../store/contract.ts'
import { configPath, readConfig } from './config.ts'
import { inWords } from './faults.ts'
import { EXIT, print, printJson, say } from './output.ts'
import { openProgress } from './progress.ts'

export type RepairFlags = { readonly check?: true; readonly force?: true }

function summarize(message: Uint8Array): MessageSummary {
  const scanner = createScanner()
  scanner.push(message)
  return scanner.finish().summary
}

/** Only damage to bodies cannot be mended by a new database. */
const needsRebuild = (problems: readonly Problem[]): boolean => problems.some(({ what }) => what !== 'body-damaged')

export async function runRepair(flags: RepairFlags, command: Command): Promise<void> {
  const { dataDir } = await readConfig(configPath(command))
  const json = command.optsWithGlobals()['json'] === true
  await inWords(async () => {
    if (!json) say(`Looking through ${dataDir}: every page, every letter …`)
    const problems = lookThrough(dataDir)
    if (flags.check === true || (!needsRebuild(problems) && flags.force !== true)) {
      if (json) printJson({ dataDir, problems })
      else tellProblems(problems, flags.check === true)
      if (problems.length > 0) process.exitCode = EXIT.failed
      return
    }
    if (!json) tellProblems(problems, true)
    const progress = openProgress()
    let report: RepairReport
    try {
      report = repairStore({
        dataDir,
        summarize,
        progress: (doing, done) => progress.show(`${WORDS[doing]}: ${done}`),
      })
    } finally {
      progress.end()
    }
    if (json) printJson({ dataDir, problems, ...report })
    else tell(report)
    if (report.left.length > 0) process.exitCode = EXIT.failed
  })
}

const WORDS = {
  database: 'reading the database, table',
  bodies: 'reading letters',
  rows: 'putting letters back',
} as const

function lookThrough(dataDir: string): readonly Problem[] {
  try {
    return verifyStore({ dataDir })
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind === 'busy') throw error
    return [{ what: 'database-unreadable', where: [error.message], count: 1 }]
  }
}

function tellProblems(problems: readonly Problem[], found: boolean): void {
  if (problems.length === 0) return print(found ? 'No damage was found.' : 'No damage was found: nothing to repair.')
  for (const { what, count, where } of problems)
    print(`${what}: ${count}  (${where.join(', ')}${count > where.length ? ', …' : ''})`)
  if (!found)
    print(
      'A new database would not help: these letters are damaged themselves. A backup may have them: gavan restore --account',
    )
}

function tell({ tables, restored, damagedBodies, keptAside, left }: RepairReport): void {
  const lossy = tables.filter((table) => table.lossy).map(({ table }) => table)
  print('A new database is in place.')
  print(`  the damaged one is kept in ${keptAside}; remove it once all is well`)
  if (lossy.length > 0) print(`  not all could be read of: ${lossy.join(', ')}`)
  const { accounts, mailboxes, entries, recovered, queued } = restored
  if (entries > 0)
    print(`  ${entries} letters were put back from their own records, with the flags that they came with`)
  if (recovered > 0)
    print(`  ${recovered} of them had been moved or deleted, which is not told apart any more: mailbox Recovered`)
  for (const account of accounts) print(`  ${account} is back and needs a new password: gavan user password ${account}`)
  for (const mailbox of mailboxes) print(`  mailbox made anew: ${mailbox}`)
  if (queued > 0) print(`  ${queued} letters that may have left already are held: gavan queue list`)
  if (damagedBodies.length > 0)
    print(`  ${damagedBodies.length} letters are damaged themselves; a backup may have them: gavan restore --account`)
  for (const { what, count, where } of left) print(`  left: ${what}: ${count}  (${where.join(', ')})`)
}
