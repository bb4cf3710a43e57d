/** `gavan import` and `gavan export`. Letters go in through the admin API, and are read from the store's files. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { canonicalAddress } from '../../core/directory/canonical.ts'
import { parseAddress } from '../../format/address/address.ts'
import type { Address } from '../../model/address.ts'
import { openStoreReader, type StoreReader } from '../../store/sqlite/reader.ts'
import { emlSource } from '../transfer/eml-source.ts'
import { exportLetters } from '../transfer/export.ts'
import { packLetters } from '../transfer/frames.ts'
import { importLetters, type ImportReport, type LetterOutcome, type Target } from '../transfer/import.ts'
import { knownLetters } from '../transfer/known.ts'
import { maildirSource } from '../transfer/maildir-source.ts'
import { mboxSource } from '../transfer/mbox-source.ts'
import type { Source } from '../transfer/source.ts'
import { withAdmin } from './admin.ts'
import { configPath, readConfig } from './config.ts'
import type { Format } from './data-commands.ts'
import { inWords } from './faults.ts'
import type { Call } from './nouns.ts'
import { CliError, EXIT, print, printJson, say } from './output.ts'
import { cancelSignal, openProgress } from './progress.ts'
import { printOctets } from './units.ts'

export type ImportFlags = {
  readonly account: string
  readonly mailbox?: string
  readonly keywords: boolean
  readonly dryRun?: true
}
export type ExportFlags = { readonly account: string; readonly mailbox?: string }

const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true

/** @throws CliError */
export function accountOf(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed.ok) return canonicalAddress(parsed.value)
  throw new CliError(EXIT.usage, `"${text}" is not an address`, '--account somebody@example.org')
}

const SOURCES: Record<Format, (path: string, under: string | null) => Source> = {
  maildir: maildirSource,
  mbox: mboxSource,
  eml: emlSource,
}

export async function runImport(format: Format, path: string, flags: ImportFlags, command: Command): Promise<void> {
  const from = resolve(path)
  await inWords(async () => {
    await stat(from)
    const source = SOURCES[format](from, flags.mailbox ?? null)
    await bringIn(command, { account: flags.account, source, dryRun: flags.dryRun === true, keywords: flags.keywords })
  })
}

/** The account's id in the store that the command's configuration names. @throws CliError when there is none */
async function accountIn(reader: StoreReader, text: string) {
  const account = await reader.directory.accountByAddress(accountOf(text))
  if (account === null) throw new CliError(EXIT.failed, `there is no user ${text}`, `gavan user add ${text}`)
  return account
}

function targetOf(
  call: Call,
  reader: StoreReader,
  account: string,
  accountId: Parameters<typeof knownLetters>[1]['accountId'],
): Target {
  const mailboxes = `/v1/users/${encodeURIComponent(account)}/mailboxes`
  return {
    known: (mailbox) => knownLetters(reader.mail, { accountId, mailbox }),
    async createMailbox(name) {
      await call('POST', mailboxes, { name })
    },
    async append(mailbox, letters) {
      const url = `${mailboxes}/${encodeURIComponent(mailbox)}/messages`
      const { letters: outcomes } = await call('POST', url, packLetters(letters))
      return outcomes as readonly LetterOutcome[]
    },
  }
}

/** Imports, with progress, and tells what came of it. */
export async function bringIn(
  command: Command,
  options: { account: string; source: Source; dryRun: boolean; keywords: boolean },
): Promise<ImportReport> {
  const { account, source, dryRun, keywords } = options
  const { dataDir } = await readConfig(configPath(command))
  const progress = openProgress()
  const signal = cancelSignal()
  let kept = 0
  const report = await withAdmin(command, async (call) => {
    const reader = await openStoreReader({ dataDir })
    try {
      const { accountId } = await accountIn(reader, account)
      const target = targetOf(call, reader, account, accountId)
      return await importLetters({
        source,
        target,
        dryRun,
        keywords,
        signal,
        progress({ imported, skipped, mailbox }) {
          kept = imported
          progress.show(`${imported} letters imported, ${skipped} were there; ${mailbox}`)
        },
      })
    } catch (error) {
      progress.end()
      if (kept > 0 && !dryRun) say(`${kept} letters are imported and kept; the same command goes on from there.`)
      throw error
    } finally {
      reader.close()
    }
  })
  progress.end()
  tell(command, report, dryRun)
  return report
}

function tell(command: Command, report: ImportReport, dryRun: boolean): void {
  const { imported, skipped, octets, problems, cancelled, mailboxes } = report
  if (isJson(command)) printJson({ import: { dryRun, ...report } })
  else {
    const names = Object.keys(mailboxes).length
    const verb = dryRun ? 'would be imported' : 'imported'
    print(
      `${imported} letters (${printOctets(octets)}) ${verb} into ${names} mailboxes; ${skipped} were there already.`,
    )
    for (const { where, why } of problems) say(`not imported: ${where}: ${why}`)
  }
  if (cancelled) {
    if (!isJson(command)) say('Cancelled. What is imported is kept; the same command goes on from there.')
    process.exitCode = EXIT.cancelled
  } else if (problems.length > 0) process.exitCode = EXIT.failed
}

export async function runExport(format: Format, path: string, flags: ExportFlags, command: Command): Promise<void> {
  const { dataDir } = await readConfig(configPath(command))
  const progress = openProgress()
  const signal = cancelSignal()
  const report = await inWords(async () => {
    const reader = await openStoreReader({ dataDir })
    try {
      const { accountId } = await accountIn(reader, flags.account)
      const mailbox = flags.mailbox ?? null
      if (mailbox !== null && (await reader.mail.mailboxByName(accountId, mailbox)) === null) {
        throw new CliError(EXIT.failed, `${flags.account} has no mailbox ${mailbox}`, null)
      }
      return await exportLetters({
        reader,
        accountId,
        mailbox,
        format,
        path: resolve(path),
        signal,
        progress: (so) => progress.show(`${so.exported} of ${so.total} letters; ${so.mailbox}`),
      })
    } finally {
      reader.close()
    }
  }).finally(() => progress.end())
  const { exported, octets, problems, cancelled, mailboxes } = report
  if (isJson(command)) printJson({ export: report })
  else {
    print(`${exported} letters (${printOctets(octets)}) of ${Object.keys(mailboxes).length} mailboxes are in ${path}.`)
    for (const { where, why } of problems) say(`not exported: ${where}: ${why}`)
    if (cancelled) say('Cancelled: the export is not whole.')
  }
  if (cancelled) process.exitCode = EXIT.cancelled
  else if (problems.length > 0) process.exitCode = EXIT.failed
}
