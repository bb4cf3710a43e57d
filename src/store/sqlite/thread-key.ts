/** Which conversation a letter belongs to (RFC 8474 §5.2): by the ids that it has, and that it refers to. */
import { hash } from 'node:crypto'
import type { MessageSummary } from '../../model/message.ts'
import { THREAD_LOOKUPS_MAX } from '../../model/limits.ts'

export type ThreadKeys = {
  readonly own: number | null
  /** Of what it refers to, oldest first. */
  readonly references: readonly number[]
}

/** 52 bits, so that it is a whole number to SQLite and here. */
const keyOf = (id: string): number => Number.parseInt(hash('sha256', id, 'hex').slice(0, 13), 16)

/** Choice: by References and In-Reply-To alone, whatever the subject says. Of many, the first and the last ones count. */
export function threadKeys({ header, references }: MessageSummary): ThreadKeys {
  const half = THREAD_LOOKUPS_MAX / 2
  const some =
    references.length <= THREAD_LOOKUPS_MAX ? references : [...references.slice(0, half), ...references.slice(-half)]
  const own = header.messageId?.trim() ?? ''
  return { own: own === '' ? null : keyOf(own), references: some.filter((id) => id !== own).map(keyOf) }
}
