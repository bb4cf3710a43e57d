/** DELE, RSET (RFC 1939 §5) and QUIT with the UPDATE state (§6). */
import { StoreError } from '../../../core/contract.ts'
import { error, okay, type Pop3Context, type Pop3Done } from '../context.ts'
import type { Maildrop } from '../maildrop.ts'
import { isThere } from './listing.ts'

export function dele(drop: Maildrop, number: number): Pop3Done {
  if (!isThere(drop, number)) return error('No such message')
  drop.delete(number)
  return okay(`Message ${number} goes at QUIT`)
}

export function rset(drop: Maildrop): Pop3Done {
  drop.undelete()
  return okay('No message is marked')
}

/** R25: deletes only here, and +OK only when they are kept. */
export async function quit({ drop, log }: Pop3Context): Promise<Pop3Done> {
  if (drop === null) return { ...okay('Bye'), close: true }
  try {
    const removed = await drop.update()
    if (removed > 0) log.info({ event: 'pop3.deleted', messages: removed })
    return { ...okay('Bye'), close: true }
  } catch (failure) {
    if (!(failure instanceof StoreError)) throw failure
    log.error({ event: 'pop3.update.failed', kind: failure.kind, cause: failure.message })
    return { ...error('[SYS/TEMP] Deleted messages were not removed'), close: true }
  }
}
