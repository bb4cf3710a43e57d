import { assert } from '../../std/assert.ts'
import type { Mailboxes, ObjectIds } from '../../core/contract.ts'
import type { MailboxId, MessageKey } from '../../model/ids.ts'
import type { MailboxEntry } from '../../model/mailbox.ts'
import type { FetchItem } from '../../protocol/imap/fetch.ts'

/** RFC 8474 §4: ids differ by kind, so that one can never be mistaken for another. */
export const mailboxIdText = (mailboxId: MailboxId): string => `F${mailboxId}`
export const emailIdText = ({ email }: ObjectIds): string => `M${email}`
export const threadIdText = ({ thread }: ObjectIds): string => `T${thread}`

/** The number that an EMAILID or THREADID stands for, or null. */
function numberIn(id: string, letter: 'M' | 'T'): number | null {
  if (id[0] !== letter || !/^[1-9]\d{0,15}$/.test(id.slice(1))) return null
  const value = Number(id.slice(1))
  return Number.isSafeInteger(value) ? value : null
}

/** Keys of the messages that an EMAILID or THREADID names; empty when it is none. @throws StoreError */
export async function keysNamed(
  handle: Mailboxes,
  mailboxId: MailboxId,
  { kind, id }: { kind: 'emailid' | 'threadid'; id: string },
): Promise<ReadonlySet<MessageKey>> {
  const value = numberIn(id, kind === 'emailid' ? 'M' : 'T')
  if (value === null) return new Set()
  return handle.messagesWith(mailboxId, kind === 'emailid' ? { email: value } : { thread: value })
}

/** Ids of the messages that are printed, asked for by the batch. */
export type KnownIds = {
  of(messageKey: MessageKey): ObjectIds
  /** Passes batches on, once the ids of their messages are known; asks for none where no item shows one. */
  along<T extends MailboxEntry>(
    batches: AsyncIterable<readonly T[]>,
    items: readonly FetchItem[],
  ): AsyncIterable<readonly T[]>
}

export function knownIds(handle: Mailboxes): KnownIds {
  let known = new Map<MessageKey, ObjectIds>()
  async function* filled<T extends MailboxEntry>(batches: AsyncIterable<readonly T[]>): AsyncGenerator<readonly T[]> {
    for await (const batch of batches) {
      const keys = batch.map(({ messageKey }) => messageKey)
      const ids = await handle.objectIds(keys)
      known = new Map(keys.map((key, i) => [key, ids[i]!]))
      yield batch
    }
  }
  return {
    of(messageKey) {
      const ids = known.get(messageKey)
      assert(ids !== undefined, 'ids are asked for before they are printed')
      return ids
    },
    along: (batches, items) =>
      items.some(({ item }) => item === 'EMAILID' || item === 'THREADID') ? filled(batches) : batches,
  }
}
