import type { Mailboxes } from '../../../core/contract.ts'
import type { MailboxId } from '../../../model/ids.ts'
import type { SortCriterion, SortKey } from '../../../protocol/imap/command/sort.ts'
import type { Breather } from '../breather.ts'
import { orderInTurns, rankTexts } from './order.ts'
import { keyedRows, sentSecond, type KeyedRow } from './rows.ts'

const NUMBERS: Partial<Record<SortKey, (row: KeyedRow) => number>> = {
  ARRIVAL: ({ internalDate }) => Math.floor(internalDate / 1000),
  DATE: sentSecond,
  SIZE: ({ sizeOctets }) => sizeOctets,
}

const TEXTS: Partial<Record<SortKey, (row: KeyedRow) => string>> = {
  CC: ({ keys }) => keys.cc,
  FROM: ({ keys }) => keys.from,
  SUBJECT: ({ keys }) => keys.subject,
  TO: ({ keys }) => keys.to,
  DISPLAYFROM: ({ keys }) => keys.displayFrom,
  DISPLAYTO: ({ keys }) => keys.displayTo,
}

/**
 * Sorts messages (RFC 5256 §3). `uids` ascend.
 * @returns places in `uids`, in the order asked for; without messages that are gone meanwhile
 */
export async function sortMessages(
  handle: Mailboxes,
  { mailboxId, uids }: { mailboxId: MailboxId; uids: ArrayLike<number> },
  criteria: readonly SortCriterion[],
  breathe: Breather,
): Promise<Uint32Array> {
  const columns = criteria.map(({ key }) => ({ number: NUMBERS[key], text: TEXTS[key] }))
  const numbers: number[][] = columns.map(() => [])
  const texts: string[][] = columns.map(() => [])
  const places: number[] = []
  let place = 0
  for await (const batch of keyedRows(handle, mailboxId, uids)) {
    for (const row of batch) {
      while (place < uids.length && uids[place]! < row.uid) place++
      places.push(place)
      for (let i = 0; i < columns.length; i++) {
        const { number, text } = columns[i]!
        if (number !== undefined) numbers[i]!.push(number(row))
        else if (text !== undefined) texts[i]!.push(text(row))
      }
    }
    await breathe()
  }
  const ranks: { readonly of: ArrayLike<number>; readonly sign: number }[] = []
  for (const [i, { reverse }] of criteria.entries()) {
    const of = columns[i]!.text === undefined ? Float64Array.from(numbers[i]!) : await rankTexts(texts[i]!, breathe)
    ranks.push({ of, sign: reverse ? -1 : 1 })
  }
  const order = await orderInTurns(places.length, comparator(ranks), breathe)
  return order.map((row) => places[row]!)
}

/** RFC 5256 §3: what is equal stays in the order of the mailbox, REVERSE or not. */
function comparator(ranks: readonly { of: ArrayLike<number>; sign: number }[]): (a: number, b: number) => number {
  return (a, b) => {
    for (let i = 0; i < ranks.length; i++) {
      const { of, sign } = ranks[i]!
      const difference = of[a]! - of[b]!
      if (difference !== 0) return difference * sign
    }
    return a - b
  }
}
