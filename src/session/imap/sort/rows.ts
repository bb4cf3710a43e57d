import { sortKeysOf } from '../../../format/sort/sort-keys.ts'
import type { Mailboxes, SortRow } from '../../../core/contract.ts'
import type { MailboxId, Uid } from '../../../model/ids.ts'
import type { SortKeys } from '../../../model/message.ts'
import { rangesOf } from '../../../protocol/imap/sequence-set.ts'
import { asUidRanges } from '../selected.ts'

export type KeyedRow = SortRow & { readonly keys: SortKeys }

/** What SORT and THREAD look at of the messages named, ascending; of old mail it is made from the summary. */
export async function* keyedRows(
  handle: Mailboxes,
  mailboxId: MailboxId,
  uids: ArrayLike<number>,
): AsyncGenerator<readonly KeyedRow[], void, void> {
  for await (const batch of handle.sortRows(mailboxId, asUidRanges(rangesOf(uids)))) {
    const without = batch.filter(({ keys }) => keys === null).map(({ uid }) => uid)
    if (without.length === 0) yield batch as readonly KeyedRow[]
    else {
      const made = await makeKeys(handle, mailboxId, without)
      yield batch.flatMap((row) => {
        const keys = row.keys ?? made.get(row.uid)
        return keys === undefined ? [] : [{ ...row, keys }]
      })
    }
  }
}

async function makeKeys(
  handle: Mailboxes,
  mailboxId: MailboxId,
  uids: readonly Uid[],
): Promise<ReadonlyMap<Uid, SortKeys>> {
  const made = new Map<Uid, SortKeys>()
  for await (const batch of handle.messages(mailboxId, asUidRanges(rangesOf(uids)))) {
    for (const { uid, summary } of batch) made.set(uid, sortKeysOf(summary))
  }
  return made
}

/** RFC 5256 §2.2: INTERNALDATE where no Date can be read. Both in the seconds that a client can see of them. */
export const sentSecond = ({ keys, internalDate }: KeyedRow): number => Math.floor((keys.sentAt ?? internalDate) / 1000)
