/** What a mailbox holds already, by content: so that an import that was broken off goes on where it ended. */
import { createHash } from 'node:crypto'
import type { AccountId, MessageKey, Uid } from '../../model/ids.ts'
import type { UidRange } from '../../model/mailbox.ts'
import type { MailReads } from '../../store/contract.ts'

const ALL: readonly UidRange[] = [{ from: 1 as Uid, to: 4_294_967_295 as Uid }]
const PIECE_OCTETS = 256 * 1024

export type Digest = { readonly sizeOctets: number; readonly sha256: string }

export type KnownLetters = {
  /** Takes one of them: two letters of the same content must be there twice. */
  take(digest: Digest): Promise<boolean>
}

export const NOTHING_KNOWN: KnownLetters = { take: () => Promise.resolve(false) }

/** Reads no body but those of the same length as a letter that is asked for, and each of them once. */
export async function knownLetters(
  mail: MailReads,
  at: { readonly accountId: AccountId; readonly mailbox: string },
): Promise<KnownLetters> {
  const { accountId } = at
  const mailbox = await mail.mailboxByName(accountId, at.mailbox)
  if (mailbox === null || mailbox.messages === 0) return NOTHING_KNOWN
  const bySize = new Map<number, MessageKey[]>()
  for await (const batch of mail.entries(accountId, mailbox.mailboxId, ALL)) {
    for (const { sizeOctets, messageKey } of batch) bySize.getOrInsertComputed(sizeOctets, () => []).push(messageKey)
  }
  const counts = new Map<number, Map<string, number>>()

  async function countsOf(sizeOctets: number): Promise<Map<string, number>> {
    const found = counts.get(sizeOctets)
    if (found !== undefined) return found
    const made = new Map<string, number>()
    for (const key of bySize.get(sizeOctets) ?? []) {
      const { sha256 } = await digestOf(contentOf(mail, accountId, key, sizeOctets))
      made.set(sha256, (made.get(sha256) ?? 0) + 1)
    }
    counts.set(sizeOctets, made)
    return made
  }

  return {
    async take({ sizeOctets, sha256 }) {
      const same = await countsOf(sizeOctets)
      const left = same.get(sha256) ?? 0
      if (left > 0) same.set(sha256, left - 1)
      return left > 0
    },
  }
}

/** @throws StoreError `damaged` */
export async function* contentOf(
  mail: MailReads,
  accountId: AccountId,
  key: MessageKey,
  sizeOctets: number,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeOctets; at += PIECE_OCTETS) yield await mail.read(accountId, key, at, at + PIECE_OCTETS)
}

export async function digestOf(content: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash('sha256')
  let sizeOctets = 0
  for await (const chunk of content) {
    hash.update(chunk)
    sizeOctets += chunk.length
  }
  return { sizeOctets, sha256: hash.digest('hex') }
}
