/** Which StoreError a failed system call or SQL statement is. */
import { StoreError } from '../contract.ts'

type SystemError = Error & { code?: string; errcode?: number }

/** Result codes of SQLite, without their extension (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_READONLY = 8
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_CANTOPEN = 14
const SQLITE_NOTADB = 26

/** @returns a StoreError for a fault of the machine; anything else (our own mistakes) comes back as it is */
export function storeError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error
  const { code, errcode } = error as SystemError
  if (code === 'ERR_SQLITE_ERROR' && errcode !== undefined) return sqliteError(error, errcode & 0xff)
  if (code === 'ERR_INVALID_STATE') return new StoreError('closed', 'the store is closed', { cause: error })
  if (code === undefined || (error as NodeJS.ErrnoException).errno === undefined) return error
  return new StoreError(systemKind(code), `${code}: ${error.message}`, { cause: error })
}

function systemKind(code: string): 'no-space' | 'busy' | 'device' {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'no-space'
  // Passing shortages: nothing was written, and the next try may succeed (R8).
  if (code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM' || code === 'EAGAIN') return 'busy'
  return 'device'
}

function sqliteError(cause: Error, result: number): unknown {
  switch (result) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new StoreError('busy', 'the database is locked by another program', { cause })
    case SQLITE_FULL:
      return new StoreError('no-space', 'no space left for the database', { cause })
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return new StoreError('device', `the database cannot be read or written: ${cause.message}`, { cause })
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return new StoreError('damaged', `the database is damaged: ${cause.message}`, { cause })
    default:
      return cause
  }
}
