import type { Mailboxes } from '../../../core/contract.ts'
import type { MailboxId } from '../../../model/ids.ts'
import type { Breather } from '../breather.ts'
import { internTexts, orderInTurns } from '../sort/order.ts'
import { keyedRows, sentSecond } from '../sort/rows.ts'

/** What threads are made of, by the message's place in the list searched. */
export type ThreadRows = {
  readonly count: number
  /** Place among the messages that were searched for: those that are gone meanwhile are left out. */
  readonly places: readonly number[]
  /** Sent date, in seconds. */
  readonly sent: readonly number[]
  /** By sent date, then by place (RFC 5256 §2.2). */
  readonly order: Uint32Array
  /** Base subject: equal ones have one number; `noSubject` is the empty one's, or -1. */
  readonly subjects: Uint32Array
  readonly noSubject: number
  readonly isReply: Uint8Array
  /** Digests of ids; empty where References are not asked for. */
  readonly ids: readonly (string | null)[]
  readonly references: readonly (readonly string[])[]
}

export async function readThreadRows(
  handle: Mailboxes,
  { mailboxId, uids }: { mailboxId: MailboxId; uids: ArrayLike<number> },
  options: { references: boolean },
  breathe: Breather,
): Promise<ThreadRows> {
  const places: number[] = []
  const sent: number[] = []
  const texts: string[] = []
  const replies: number[] = []
  const ids: (string | null)[] = []
  const references: (readonly string[])[] = []
  let place = 0
  for await (const batch of keyedRows(handle, mailboxId, uids)) {
    for (const row of batch) {
      while (place < uids.length && uids[place]! < row.uid) place++
      places.push(place)
      sent.push(sentSecond(row))
      texts.push(row.keys.subject)
      replies.push(row.keys.isReply ? 1 : 0)
      if (!options.references) continue
      ids.push(row.keys.messageId)
      references.push(row.keys.references)
    }
    await breathe()
  }
  await breathe()
  const { ids: subjects, distinct } = await internTexts(texts, breathe)
  await breathe()
  const order = await orderInTurns(places.length, (a, b) => sent[a]! - sent[b]! || a - b, breathe)
  await breathe()
  return {
    count: places.length,
    places,
    sent,
    order,
    subjects,
    noSubject: distinct.indexOf(''),
    isReply: Uint8Array.from(replies),
    ids,
    references,
  }
}
