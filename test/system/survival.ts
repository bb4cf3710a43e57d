/** Compares what was acknowledged with what is there. */
import assert from 'node:assert/strict'
import type { Gavan, User } from '../interop/gavan.ts'
import { withMailbox } from '../interop/world.ts'
import { contentHash, type Load, type Sent } from './load.ts'

export type Books = { readonly acknowledged: Sent[]; readonly unknown: Sent[] }
export const emptyBooks = (): Books => ({ acknowledged: [], unknown: [] })

export function enter(books: Books, load: Load): void {
  books.acknowledged.push(...load.acknowledged)
  books.unknown.push(...load.unknown)
}

type Found = {
  readonly uidValidity: bigint
  readonly uidNext: number
  readonly letters: ReadonlyMap<string, readonly string[]>
}

/** Id → hashes of its copies. */
const inboxOf = (gavan: Gavan, user: User): Promise<Found> =>
  withMailbox(gavan, user, 'INBOX', async (client) => {
    assert.ok(client.mailbox)
    const letters = new Map<string, string[]>()
    if (client.mailbox.exists > 0)
      for await (const { source } of client.fetch('1:*', { uid: true, source: true })) {
        const text = source!.toString('latin1')
        letters.getOrInsertComputed(/^X-Load: (\S+)/m.exec(text)?.[1] ?? 'not ours', () => []).push(contentHash(text))
      }
    return { uidValidity: client.mailbox.uidValidity, uidNext: client.mailbox.uidNext, letters }
  })

/** R24: watches one mailbox over restarts. */
export type UidWatch = Map<string, { uidValidity: bigint; uidNext: number }>

/**
 * R1, R3: every acknowledged letter once for each recipient, whole; unknown ones at most once; nothing else.
 * @throws AssertionError with the first difference
 */
export async function assertKept(gavan: Gavan, books: Books, watch: UidWatch): Promise<void> {
  for (const user of gavan.users) {
    const { uidValidity, uidNext, letters } = await inboxOf(gavan, user)
    const before = watch.get(user.address)
    if (before !== undefined) {
      assert.equal(uidValidity, before.uidValidity, `${user.address}: UIDVALIDITY stays`)
      assert.ok(uidNext >= before.uidNext, `${user.address}: UIDNEXT never falls`)
    }
    watch.set(user.address, { uidValidity, uidNext })
    const mine = (sent: Sent): boolean => sent.recipients.includes(user.address)
    const acknowledged = books.acknowledged.filter(mine)
    const lost = acknowledged.filter(({ id }) => !letters.has(id))
    assert.deepEqual(
      lost.map(({ id }) => id),
      [],
      `${user.address}: lost`,
    )
    const expected = new Map([...acknowledged, ...books.unknown.filter(mine)].map((sent) => [sent.id, sent.sha256]))
    for (const [id, copies] of letters) {
      assert.ok(expected.has(id), `${user.address}: ${id} was never sent`)
      assert.deepEqual(copies, [expected.get(id)], `${user.address}: ${id} is there once, as it was`)
    }
  }
}
