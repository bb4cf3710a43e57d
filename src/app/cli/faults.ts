/** What may go wrong with backups and files, told to a person. */
import { StoreError } from '../../store/contract.ts'
import { BackupProblem } from '../../store/sqlite/backup/layout.ts'
import { CliError, EXIT } from './output.ts'

/** @returns a CliError for what an administrator can mend; anything else as it is */
export function asCliError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CliError) return error
  if (error instanceof BackupProblem) return new CliError(EXIT.failed, error.message, error.fix)
  switch (error.name) {
    case 'AbortError':
      return new CliError(EXIT.cancelled, 'cancelled: nothing is half-done', 'the same command begins anew')
    case 'BadSource':
      return new CliError(EXIT.failed, error.message, 'gavan import --help shows the formats')
    case 'TargetNotEmpty':
      return new CliError(EXIT.failed, error.message, 'name a directory that is empty or not there yet')
    case 'OtherSchema':
      return new CliError(EXIT.failed, error.message, 'start the server once, or use the release that wrote it')
    case 'NewerSchema':
      return new CliError(EXIT.failed, error.message, 'use the release that wrote it')
    default:
  }
  if (error instanceof StoreError) {
    if (error.kind === 'damaged') return new CliError(EXIT.failed, error.message, DAMAGED)
    const later = error.kind === 'busy' || error.kind === 'no-space'
    return new CliError(later ? EXIT.tryLater : EXIT.failed, error.message, later ? 'make room, or try again' : null)
  }
  const { code, path } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return new CliError(EXIT.failed, `there is no ${path ?? 'such file'}`, null)
  if (code === 'EACCES' || code === 'EPERM') {
    return new CliError(EXIT.notAllowed, `not allowed to open ${path ?? 'a file'}`, 'run as root or as the user gavan')
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') return new CliError(EXIT.tryLater, error.message, 'make room there')
  return error
}

/** What to do about a damaged store. */
export const DAMAGED = 'see what is damaged: gavan repair --check; stop the server and mend it: gavan repair'

/** Runs a command's work, its faults told in words. */
export async function inWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asCliError(error)
  }
}
