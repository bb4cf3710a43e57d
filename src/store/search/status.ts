import { statSync } from 'node:fs'
import type { AccountId, MessageKey, ModSeq } from '../../model/ids.ts'
import type { SearchStatus } from '../contract.ts'
import type { Database } from '../sqlite/database.ts'

export function readStatus(db: Database, path: string): SearchStatus {
  const rows = db
    .prepare<[number, number, number, number]>(
      'SELECT account_id, up_to, mod_seq, messages FROM account ORDER BY account_id',
    )
    .all()
  const octets = [path, `${path}-wal`].reduce((sum, file) => sum + sizeOf(file), 0)
  return {
    octets,
    accounts: rows.map(([accountId, upTo, modSeq, messages]) => ({
      accountId: accountId as AccountId,
      upTo: upTo as MessageKey,
      modSeq: modSeq as ModSeq,
      messages,
    })),
  }
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
