import type { Mailboxes } from '../../core/contract.ts'
import type { MessageKey, Uid, UidValidity } from '../../model/ids.ts'
import type { UidRange } from '../../model/mailbox.ts'
import { assert } from '../../std/assert.ts'

/** A message of the drop, as far as it is still there. */
export type DropMessage = { readonly messageKey: MessageKey; readonly sizeOctets: number }

/**
 * The inbox as it was at login; message `n` is `uids[n - 1]`.
 * No other POP3 session changes it meanwhile (RFC 1939 §4: core/mailboxes/maildrop-locks).
 * Choice: IMAP sessions are not locked out for as long as a script downloads. The numbers stay as they are; what IMAP expunges
 * meanwhile is answered with -ERR, and is not missed at QUIT.
 */
export type Maildrop = {
  readonly count: number
  readonly deleted: ReadonlySet<number>
  /** Unique for good: the mailbox's UIDVALIDITY and the uid (RFC 1939 §7). */
  uniqueId(number: number): string
  /** Sizes of all messages, 0 for what is gone. @throws StoreError */
  sizes(): Promise<Float64Array>
  /** Null when it is gone. @throws StoreError */
  message(number: number): Promise<DropMessage | null>
  /** Asks the mailbox itself. @throws StoreError */
  isStillThere(number: number): Promise<boolean>
  /** @throws StoreError */
  read(message: DropMessage, start: number, end: number): Promise<Uint8Array>
  delete(number: number): void
  undelete(): void
  retrieved(number: number): void
  /** UPDATE state: removes what was deleted and marks what was retrieved. @returns how many were removed. @throws StoreError */
  update(): Promise<number>
}

type Keys = { readonly sizes: Float64Array; readonly keys: Float64Array }

function rangesOf(uids: Uint32Array, numbers: Iterable<number>): UidRange[] {
  const ranges: { from: number; to: number }[] = []
  for (const number of [...numbers].toSorted((a, b) => a - b)) {
    const uid = uids[number - 1]!
    const last = ranges.at(-1)
    // Neighbours in the snapshot may be one range: nothing between them can come into being.
    if (last !== undefined && last.to === uids[number - 2]) last.to = uid
    else ranges.push({ from: uid, to: uid })
  }
  return ranges as unknown as UidRange[]
}

export async function openMaildrop(mailboxes: Mailboxes): Promise<Maildrop> {
  const inbox = await mailboxes.find('INBOX')
  assert(inbox !== null, 'every account has an inbox')
  const { mailboxId } = inbox
  const uidValidity: UidValidity = inbox.uidValidity
  const uids = await mailboxes.uids(mailboxId)
  const deleted = new Set<number>()
  const retrieved = new Set<number>()
  let loaded: Keys | null = null

  /** Read when first asked for: a client that only looks for new ids never pays for it. */
  const load = async (): Promise<Keys> => {
    if (loaded !== null) return loaded
    const sizes = new Float64Array(uids.length)
    const keys = new Float64Array(uids.length)
    const all: UidRange[] =
      uids.length === 0 ? [] : [{ from: uids[0] as number as Uid, to: uids.at(-1) as number as Uid }]
    let index = 0
    for await (const entries of mailboxes.entries(mailboxId, all)) {
      for (const { uid, sizeOctets, messageKey } of entries) {
        while (index < uids.length && uids[index]! < uid) index++
        if (uids[index] !== uid) continue
        sizes[index] = sizeOctets
        keys[index] = messageKey
      }
    }
    return (loaded = { sizes, keys })
  }

  return {
    count: uids.length,
    deleted,
    uniqueId: (number) => `${uidValidity}.${uids[number - 1]}`,
    sizes: async () => (await load()).sizes,
    async message(number) {
      const { sizes, keys } = await load()
      const sizeOctets = sizes[number - 1]!
      return sizeOctets === 0 ? null : { messageKey: keys[number - 1] as MessageKey, sizeOctets }
    },
    async isStillThere(number) {
      const uid = uids[number - 1] as number as Uid
      for await (const entries of mailboxes.entries(mailboxId, [{ from: uid, to: uid }]))
        if (entries.length > 0) return true
      return false
    },
    read: ({ messageKey }, start, end) => mailboxes.read(messageKey, start, end),
    delete: (number) => void deleted.add(number),
    undelete: () => deleted.clear(),
    retrieved: (number) => void retrieved.add(number),
    async update() {
      const seen = rangesOf(
        uids,
        [...retrieved].filter((number) => !deleted.has(number)),
      )
      // Choice: what was downloaded counts as read in the other clients.
      const change = { uids: seen, mode: 'add', flags: ['\\Seen'], unchangedSince: null } as const
      if (seen.length > 0) await mailboxes.setFlags(mailboxId, change)
      if (deleted.size === 0) return 0
      const outcome = await mailboxes.expunge(mailboxId, rangesOf(uids, deleted), { deletedOnly: false })
      return outcome.at === 'done' ? outcome.uids.length : 0
    },
  }
}
