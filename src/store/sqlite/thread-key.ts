/** Which conversation a letter belongs to (RFC 8474 §5.2): by the ids that it has, and that it refers to. */
import type { MessageSummary } from '../../model/message.ts'
import { THREAD_LOOKUPS_MAX } from '../../model/limits.ts'

export type ThreadKeys = {
  readonly own: number | null
  /** Of what it refers to, oldest first. */
  readonly references: readonly number[]
}

/**
 * 53 bits, so that it is a whole number to SQLite and here. No cryptography, which costs a third of taking a letter in:
 * who makes two ids that meet joins two conversations, and could do so by naming them.
 */
function keyOf(id: string): number {
  let high = 0x41c6ce57
  let low = 0x2545f491
  for (let i = 0; i < id.length; i++) {
    const c = id.charCodeAt(i)
    high = Math.imul(high ^ c, 0x5f356495)
    low = Math.imul(low ^ c, 0x9e3779b1)
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35)
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35)
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0)
}

/** Choice: by References and In-Reply-To alone, whatever the subject says. Of many, the first and the last ones count. */
export function threadKeys({ header, references }: MessageSummary): ThreadKeys {
  const half = THREAD_LOOKUPS_MAX / 2
  const some =
    references.length <= THREAD_LOOKUPS_MAX ? references : [...references.slice(0, half), ...references.slice(-half)]
  const own = header.messageId?.trim() ?? ''
  return { own: own === '' ? null : keyOf(own), references: some.filter((id) => id !== own).map(keyOf) }
}
