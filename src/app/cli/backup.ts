/** `gavan backup` and `gavan restore`. They work on the directories themselves, beside a server that runs. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { QueueChoice } from '../../store/sqlite/backup/begin-anew.ts'
import { findSnapshot, listSnapshots } from '../../store/sqlite/backup/layout.ts'
import { openBackup } from '../../store/sqlite/backup/read.ts'
import { besidesOf, restoreBackup } from '../../store/sqlite/backup/restore.ts'
import { takeBackup } from '../../store/sqlite/backup/take.ts'
import { verifyBackup } from '../../store/sqlite/backup/verify.ts'
import { systemClock } from '../machine.ts'
import { userOwner } from '../setup/around.ts'
import { backupSource } from '../transfer/backup-source.ts'
import { besidesOf as besidesOfConfig, isThere, putBack } from '../transfer/installation.ts'
import { VERSION } from '../version.ts'
import { configPath, readConfig } from './config.ts'
import { inWords } from './faults.ts'
import { CliError, EXIT, print, printJson, printTable, say } from './output.ts'
import { cancelSignal, openProgress } from './progress.ts'
import { accountOf, bringIn } from './transfer.ts'
import { printOctets } from './units.ts'

export type BackupFlags = { readonly keep: string }
export type RestoreFlags = {
  readonly snapshot?: string
  readonly into?: string
  readonly force?: true
  readonly queue: QueueChoice
  readonly account?: string
  readonly mailbox?: string
  readonly uid?: string
  readonly messageId?: string
  readonly dryRun?: true
}

const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true

function wholeNumber(text: string, option: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new CliError(EXIT.usage, `${option} ${text} is not a whole number above 0`, null)
}

type Octets = (doneOctets: number, totalOctets: number) => void

/** With a line of progress and an ear for Ctrl-C. */
async function watched<T>(doing: string, work: (watch: { signal: AbortSignal; progress: Octets }) => Promise<T>) {
  const progress = openProgress()
  try {
    return await inWords(() =>
      work({
        signal: cancelSignal(),
        progress: (done, total) => progress.show(`${doing}: ${printOctets(done)} of ${printOctets(total)}`),
      }),
    )
  } finally {
    progress.end()
  }
}

export async function runBackup(dir: string, flags: BackupFlags, command: Command): Promise<void> {
  const keep = wholeNumber(flags.keep, '--keep')
  const { dataDir, file } = await readConfig(configPath(command))
  const backupDir = resolve(dir)
  const besides = await besidesOfConfig(file)
  const report = await watched('Backing up', (watch) =>
    takeBackup({ dataDir, backupDir, keep, besides, program: VERSION, clock: systemClock, ...watch }),
  )
  const { counts, segments, lostSegments } = report
  if (isJson(command)) printJson({ backup: report })
  else {
    print(
      `${report.snapshot}: ${counts.accounts} accounts, ${counts.messages} letters, ${counts.queued} waiting to leave.`,
    )
    const copied = segments.copied + segments.grown
    print(
      `${printOctets(report.totalOctets)} in all; ${printOctets(report.copiedOctets)} were new (${copied} of ${copied + segments.kept} segments).`,
    )
    print(`Next: gavan backup verify ${dir}`)
  }
  if (lostSegments.length === 0) return
  say(
    `Segments that the data directory has lost: ${lostSegments.join(', ')}. Their letters are in older snapshots only.`,
  )
  process.exitCode = EXIT.failed
}

export async function runBackupList(dir: string, command: Command): Promise<void> {
  const { whole, damaged, cut } = await inWords(() => listSnapshots(resolve(dir)))
  const rows = whole.map(({ name, manifest }) => ({
    snapshot: name,
    takenAt: manifest.takenAt,
    program: manifest.program,
    ...manifest.counts,
  }))
  if (isJson(command)) return printJson({ snapshots: rows, damaged, cut })
  if (rows.length === 0) print(`There is no whole snapshot in ${dir}.`)
  else {
    printTable(
      ['SNAPSHOT', 'ACCOUNTS', 'LETTERS', 'WAITING', 'BY RELEASE'],
      rows.map((row) => [row.snapshot, String(row.accounts), String(row.messages), String(row.queued), row.program]),
    )
  }
  for (const { name, cause } of damaged) say(`${name} cannot be used: ${cause}`)
  for (const name of cut) say(`${name} was cut off; the next backup removes it.`)
}

export async function runBackupVerify(dir: string, flags: { snapshot?: string }, command: Command): Promise<void> {
  const options = { backupDir: resolve(dir), snapshot: flags.snapshot ?? null, clock: systemClock }
  const report = await watched('Verifying', (watch) => verifyBackup({ ...options, ...watch }))
  const { problems, counts } = report
  if (isJson(command)) printJson({ verify: report })
  if (problems.length > 0) {
    process.exitCode = EXIT.failed
    if (!isJson(command)) {
      throw new CliError(
        EXIT.failed,
        `${report.snapshot} is not in order:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
        'make a new backup, and look at the disk',
      )
    }
  } else if (!isJson(command)) {
    print(`${report.snapshot} is in order: restored, started and compared; ${counts.messages} letters, each body read.`)
    print(`With it ${report.files} files of the installation: keys, certificates, bans, configuration.`)
  }
}

export async function runRestore(dir: string, flags: RestoreFlags, command: Command): Promise<void> {
  const partly = ['mailbox', 'uid', 'messageId', 'dryRun'].filter(
    (name) => flags[name as keyof RestoreFlags] !== undefined,
  )
  if (flags.account !== undefined) return restoreLetters(dir, flags.account, flags, command)
  if (partly.length > 0) throw new CliError(EXIT.usage, 'of which account?', '--account ADDRESS')
  const { queue, force = false, snapshot = null } = flags
  const backupDir = resolve(dir)
  const file = configPath(command)
  const owner = process.getuid?.() === 0 ? await userOwner() : null
  const group = owner?.gid ?? null
  // Where there is no configuration yet, the backup's says where the data belongs.
  const early =
    flags.into === undefined && !(await isThere(file))
      ? await inWords(async () => putBack(besidesOf(await findSnapshot(backupDir, snapshot)), file, group))
      : null
  const dataDir = flags.into === undefined ? (await readConfig(file)).dataDir : resolve(flags.into)
  const options = { backupDir, snapshot, dataDir, force, queue, clock: systemClock, owner: owner ?? undefined }
  const report = await watched('Restoring', (watch) => restoreBackup({ ...options, ...watch }))
  const configuration = early ?? (flags.into === undefined ? await putBack(report.besides, file, group) : null)
  if (isJson(command)) return printJson({ restore: { dataDir, ...report, configuration } })
  print(`${dataDir} is as it was at ${new Date(report.takenAt).toISOString()}: ${report.counts.messages} letters.`)
  if (report.movedAside !== null) print(`What was there before is in ${report.movedAside}.`)
  for (const path of configuration?.written ?? []) print(`Put back: ${path}`)
  for (const path of configuration?.differ ?? []) print(`Left as it is, though the backup has another: ${path}`)
  const copies = report.besides.map(({ from }) => from)
  if (copies.length > 0 && (configuration === null || configuration.differ.length > 0))
    print(`The backup's configuration: ${copies.join(', ')}`)
  if (report.counts.queued > 0 && queue === 'hold') {
    print(`${report.counts.queued} letters waited to leave, and may have left since: they are held.`)
    print('See them with gavan queue list; let them go with gavan queue retry, or remove them.')
  }
}

async function restoreLetters(dir: string, account: string, flags: RestoreFlags, command: Command): Promise<void> {
  if (flags.into !== undefined || flags.force === true) {
    throw new CliError(EXIT.usage, '--account puts letters into the store as it is', 'leave --into and --force out')
  }
  const uid = flags.uid === undefined ? null : wholeNumber(flags.uid, '--uid')
  if (uid !== null && flags.mailbox === undefined) {
    throw new CliError(EXIT.usage, 'a UID counts in one mailbox', '--mailbox NAME --uid N')
  }
  const choice = { mailbox: flags.mailbox ?? null, uid, messageId: flags.messageId ?? null }
  await inWords(async () => {
    const backup = await openBackup({ backupDir: resolve(dir), snapshot: flags.snapshot ?? null })
    try {
      const report = await bringIn(command, {
        account,
        source: backupSource(backup, accountOf(account), choice),
        dryRun: flags.dryRun === true,
        keywords: true,
      })
      const single = choice.uid !== null || choice.messageId !== null
      if (single && report.imported + report.skipped === 0 && report.problems.length === 0) {
        throw new CliError(EXIT.failed, 'the backup has no such letter', `see gavan backup list ${dir}, and --snapshot`)
      }
    } finally {
      backup.close()
    }
  })
}
