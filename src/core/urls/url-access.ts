/** URLs that let others read one message (RFC 4467, mechanism INTERNAL). */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { parseAddress, printAddress } from '../../format/address/address.ts'
import { URL_KEY_OCTETS } from '../../model/limits.ts'
import type { Random } from '../../std/random.ts'
import type { Store } from '../../store/contract.ts'
import type { AccountRef, UrlAccess, UrlReader } from '../contract.ts'
import { canonicalAddress } from '../directory/canonical.ts'
import { canonicalMailboxName } from '../mailboxes/mailbox-name.ts'

/** RFC 4467 §2.4.1: how the token was made can be told from it. */
const ALGORITHM = '01'

export function createUrlAccess({ store, random }: { store: Store; random: Random }): UrlAccess {
  const { mail } = store
  /** RFC 4467 §6: what there is no key for takes as long as what there is one for. */
  const plausible = random.bytes(URL_KEY_OCTETS)
  const tokenOf = (key: Uint8Array, rump: string): string =>
    ALGORITHM + createHmac('sha256', key).update(rump).digest('hex')

  const ownerOf = async (user: string): Promise<AccountRef | null> => {
    const parsed = parseAddress(user)
    const found = parsed.ok ? await store.directory.accountByAddress(canonicalAddress(parsed.value)) : null
    return found === null ? null : { accountId: found.accountId, address: found.address }
  }
  const mailboxOf = (owner: AccountRef, name: string) => mail.mailboxByName(owner.accountId, canonicalMailboxName(name))

  return {
    async sign(account, mailboxName, rump) {
      const mailbox = await mailboxOf(account, mailboxName)
      if (mailbox === null) return null
      const { accountId } = account
      const key = random.bytes(URL_KEY_OCTETS)
      const kept = await store.run({ do: 'setUrlKey', accountId, mailboxId: mailbox.mailboxId, key, anew: false })
      return kept.at === 'done' ? tokenOf(kept.key, rump) : null
    },

    async open({ owner: user, mailbox: name, rump, token }) {
      const owner = await ownerOf(user)
      const mailbox = owner === null ? null : await mailboxOf(owner, name)
      const key = owner === null || mailbox === null ? null : await mail.urlKey(owner.accountId, mailbox.mailboxId)
      const right = tokenOf(key ?? plausible, rump)
      // RFC 4467 §9 HEXDIG: in either case.
      const given = Buffer.from(token.toLowerCase())
      const holds = given.length === right.length && timingSafeEqual(given, Buffer.from(right))
      if (!holds || owner === null || mailbox === null || key === null) return null
      return {
        uidValidity: mailbox.uidValidity,
        async message(uid) {
          for await (const batch of mail.messages(owner.accountId, mailbox.mailboxId, [{ from: uid, to: uid }])) {
            for (const message of batch) return message
          }
          return null
        },
        read: (messageKey, start, end) => mail.read(owner.accountId, messageKey, start, end),
      }
    },

    async reset({ accountId, address }, name) {
      if (name === null) return store.run({ do: 'removeUrlKeys', accountId })
      const mailbox = await mailboxOf({ accountId, address }, name)
      if (mailbox === null) return { at: 'not-found' }
      const key = random.bytes(URL_KEY_OCTETS)
      const { at } = await store.run({ do: 'setUrlKey', accountId, mailboxId: mailbox.mailboxId, key, anew: true })
      return { at }
    },

    mayUse: (access, reader) => mayUse(access, reader),
  }
}

/** RFC 4467 §3, RFC 4468 §3.3. */
function mayUse(access: Parameters<UrlAccess['mayUse']>[0], { account, by }: UrlReader): boolean {
  switch (access.to) {
    case 'anonymous':
    case 'authuser':
      return true // Whoever asks has signed in.
    case 'user':
      return by === 'user' && isUser(access.user, account)
    case 'submit':
      return by === 'submission' && isUser(access.user, account)
  }
}

const isUser = (user: string, { address }: AccountRef): boolean =>
  user.toLowerCase() === printAddress(address).toLowerCase()
