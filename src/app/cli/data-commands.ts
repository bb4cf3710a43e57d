/** `gavan backup|restore|repair|import|export`: what they are called and take. What they do is loaded when they run. */
import { Argument, Command, Option } from 'commander'
import type { BackupFlags, RestoreFlags } from './backup.ts'
import { CliError, EXIT } from './output.ts'
import type { RepairFlags } from './repair.ts'
import type { ExportFlags, ImportFlags } from './transfer.ts'

const FORMATS = ['maildir', 'mbox', 'eml'] as const
export type Format = (typeof FORMATS)[number]

const json = (): Option => new Option('--json', 'machine-readable')
const snapshot = (): Option => new Option('--snapshot <name>', 'instead of the newest')
const format = (): Argument => new Argument('<format>', 'maildir, mbox or eml').choices(FORMATS)

export function dataCommands(): Command[] {
  return [backupCommand(), restoreCommand(), repairCommand(), importCommand(), exportCommand()]
}

function backupCommand(): Command {
  const noun = new Command('backup')
    .description('all mail and settings into a directory, while the server runs; again and again, only what is new')
    .argument('[dir]')
    .option('--keep <n>', 'snapshots to keep', '7')
    .addOption(json())
    .action(async (dir: string | undefined, flags: BackupFlags, command: Command) => {
      if (dir === undefined) throw new CliError(EXIT.usage, 'where to?', 'gavan backup DIR')
      const { runBackup } = await import('./backup.ts')
      await runBackup(dir, flags, command)
    })
  noun
    .command('list <dir>')
    .description('the snapshots in it')
    .addOption(json())
    .action(async (dir: string, _flags: unknown, command: Command) => {
      const { runBackupList } = await import('./backup.ts')
      await runBackupList(dir, command)
    })
  noun
    .command('verify <dir>')
    .description('restore into a scratch place, and compare')
    .addOption(snapshot())
    .addOption(json())
    .action(async (dir: string, flags: { snapshot?: string }, command: Command) => {
      const { runBackupVerify } = await import('./backup.ts')
      await runBackupVerify(dir, flags, command)
    })
  return noun
}

function restoreCommand(): Command {
  return new Command('restore')
    .description('a data directory from a backup; with --account, letters into the store as it is')
    .argument('<dir>')
    .addOption(snapshot())
    .option('--into <dir>', 'the data directory to make, instead of the configured one')
    .option('--force', 'a data directory that is not empty: what is in it moves aside')
    .addOption(
      new Option('--queue <choice>', 'mail that waited to leave; it may have left since')
        .choices(['hold', 'keep', 'drop'])
        .default('hold'),
    )
    .option('--account <address>', 'only letters of this account that it does not have')
    .option('--mailbox <name>', 'only of this mailbox')
    .option('--uid <n>', 'only the letter with this UID')
    .option('--message-id <id>', 'only the letter with this Message-ID')
    .option('--dry-run', 'with --account: only say what would be done')
    .addOption(json())
    .action(async (dir: string, flags: RestoreFlags, command: Command) => {
      const { runRestore } = await import('./backup.ts')
      await runRestore(dir, flags, command)
    })
}

function repairCommand(): Command {
  return new Command('repair')
    .description('look for damage; make a new database from what is left, while no server runs')
    .option('--check', 'only look; may be done while the server runs')
    .option('--force', 'make a new database though none is needed')
    .addOption(json())
    .action(async (flags: RepairFlags, command: Command) => {
      const { runRepair } = await import('./repair.ts')
      await runRepair(flags, command)
    })
}

function importCommand(): Command {
  return new Command('import')
    .description('letters from files into an account, with flags and dates; what is there already is left out')
    .addArgument(format())
    .argument('<path>')
    .requiredOption('--account <address>', 'whose mail it becomes')
    .option('--mailbox <name>', 'put everything into, or below, this mailbox')
    .option('--no-keywords', 'only the flags of the system')
    .option('--dry-run', 'only say what would be done')
    .addOption(json())
    .action(async (kind: Format, path: string, flags: ImportFlags, command: Command) => {
      const { runImport } = await import('./transfer.ts')
      await runImport(kind, path, flags, command)
    })
}

function exportCommand(): Command {
  return new Command('export')
    .description('letters of an account into files that other programs read')
    .addArgument(format())
    .argument('<path>', 'a directory that is empty or not there')
    .requiredOption('--account <address>', 'whose mail')
    .option('--mailbox <name>', 'only this one')
    .addOption(json())
    .action(async (kind: Format, path: string, flags: ExportFlags, command: Command) => {
      const { runExport } = await import('./transfer.ts')
      await runExport(kind, path, flags, command)
    })
}
