/** Letters of one account in a snapshot, to be put back beside what is there. */
import type { Address } from '../../model/address.ts'
import type { Uid } from '../../model/ids.ts'
import type { UidRange } from '../../model/mailbox.ts'
import type { StoreReader } from '../../store/sqlite/reader.ts'
import { contentOf } from './known.ts'
import { BadSource, type Source } from './source.ts'

const ALL: readonly UidRange[] = [{ from: 1 as Uid, to: 4_294_967_295 as Uid }]

/** Which letters. Null: whatever it is. */
export type Choice = { readonly mailbox: string | null; readonly uid: number | null; readonly messageId: string | null }

/** @throws BadSource when the snapshot has no such account or mailbox */
export async function* backupSource(backup: StoreReader, address: Address, choice: Choice): Source {
  const { directory, mail } = backup
  const account = await directory.accountByAddress(address)
  const text = `${address.localPart}@${address.domain}`
  if (account === null) throw new BadSource(`the backup has no account ${text}`)
  const { accountId } = account
  const all = await mail.mailboxes(accountId)
  const mailboxes = all.filter(({ name }) => choice.mailbox === null || name === choice.mailbox)
  if (mailboxes.length === 0) throw new BadSource(`${text} has no mailbox ${choice.mailbox} in the backup`)
  const single = choice.uid !== null || choice.messageId !== null
  const uids = choice.uid === null ? ALL : [{ from: choice.uid as Uid, to: choice.uid as Uid }]
  const messageId = choice.messageId?.replace(/^<|>$/g, '') ?? null
  for (const { mailboxId, name } of mailboxes) {
    if (!single) yield { kind: 'mailbox', name }
    for await (const batch of mail.messages(accountId, mailboxId, uids)) {
      for (const { uid, flags, internalDate, sizeOctets, messageKey, summary } of batch) {
        if (messageId !== null && summary.header.messageId?.replace(/^<|>$/g, '') !== messageId) continue
        const open = (): AsyncIterable<Uint8Array> => contentOf(mail, accountId, messageKey, sizeOctets)
        yield { kind: 'letter', mailbox: name, flags, internalDate, where: `${name}, UID ${uid}`, open }
      }
    }
  }
}
