import { Fault } from '../../protocol/imap/cursor.ts'
import type { SearchKey } from '../../protocol/imap/search.ts'
import type { Feature } from './command.ts'

/** Commands that name messages by their numbers, or tell numbers; each has a form with UID. */
const BY_NUMBER: ReadonlySet<string> = new Set([
  'COPY',
  'FETCH',
  'MOVE',
  'REPLACE',
  'SEARCH',
  'SORT',
  'STORE',
  'THREAD',
])

const fault = (): Fault => new Fault('Message numbers are not used here', { code: 'UIDREQUIRED' })

/** Once a client has asked for it, no message numbers any more (RFC 9586 §3). @returns null where nothing is wrong */
export const refusesNumbers = (
  enabled: ReadonlySet<Feature>,
  command: string,
): { readonly ok: false; readonly error: Fault } | null =>
  enabled.has('UIDONLY') && BY_NUMBER.has(command) ? { ok: false, error: fault() } : null

/** Nor in search keys; `$` is no number. @throws Fault */
export function requireUids(enabled: ReadonlySet<Feature>, key: SearchKey): void {
  if (enabled.has('UIDONLY') && namesNumbers(key)) throw fault()
}

function namesNumbers(key: SearchKey): boolean {
  if (key.key === 'sequence') return key.set.kind === 'ranges'
  if (key.key === 'and' || key.key === 'or') return key.of.some(namesNumbers)
  return key.key === 'not' && namesNumbers(key.of)
}

/** How a response begins that tells of one message: `* 3 FETCH (`, or with its uid (RFC 9586 §3). */
export const fetchHead = (enabled: ReadonlySet<Feature>, number: number, uid: number): string =>
  enabled.has('UIDONLY') ? `* ${uid} UIDFETCH (` : `* ${number} FETCH (`
