import { DAY, HOUR, type Clock } from '../../std/clock.ts'
import type { Random } from '../../std/random.ts'
import type { Secret } from '../../std/secret.ts'
import type { Address } from '../../model/address.ts'
import { ALIAS_MEMBERS_MAX, ALIAS_TERM_MAX_MS, SENDING_LIMIT_MAX } from '../../model/limits.ts'
import type { SpecialUse } from '../../model/mailbox.ts'
import { parseAddress, sameAddress } from '../../format/address/address.ts'
import { parseDomain } from '../../format/address/domain.ts'
import type { AccountInfo, Store } from '../../store/contract.ts'
import { whyUnfit } from '../accounts/password-rule.ts'
import type { Accounts, Directory } from '../contract.ts'
import { canonicalAddress, canonicalDomain, localKey } from './canonical.ts'
import { sentInADay } from '../sending/sending.ts'
import { createRoutes } from './routes.ts'
import { temporaryName } from './temporary.ts'

/** What a new account finds (RFC 6154 for all but the first). */
const FIRST_MAILBOXES: readonly { name: string; specialUse: SpecialUse | null }[] = [
  { name: 'INBOX', specialUse: null },
  { name: 'Drafts', specialUse: 'Drafts' },
  { name: 'Sent', specialUse: 'Sent' },
  { name: 'Archive', specialUse: 'Archive' },
  { name: 'Junk', specialUse: 'Junk' },
  { name: 'Trash', specialUse: 'Trash' },
]

type BadAddress = { readonly at: 'bad-address'; readonly text: string; readonly why: string }
type Bad<At extends string> = { readonly at: At; readonly why: string }

function addressOf(text: string): Address | BadAddress {
  const parsed = parseAddress(text.trim())
  return parsed.ok ? canonicalAddress(parsed.value) : { at: 'bad-address', text, why: parsed.error.why }
}

function badPassword(password: Secret): Bad<'bad-password'> | null {
  const why = whyUnfit(password)
  return why === null ? null : { at: 'bad-password', why }
}

function badTerm(forMs: number | undefined): Bad<'bad-term'> | null {
  if (forMs === undefined || (Number.isSafeInteger(forMs) && forMs > 0 && forMs <= ALIAS_TERM_MAX_MS)) return null
  return { at: 'bad-term', why: `it is not a time of at most ${ALIAS_TERM_MAX_MS / DAY} days` }
}

function badQuota(quotaOctets: number | null): Bad<'bad-quota'> | null {
  if (quotaOctets === null || (Number.isSafeInteger(quotaOctets) && quotaOctets > 0)) return null
  return { at: 'bad-quota', why: 'it is not a positive whole number of octets' }
}

export function createDirectory(options: {
  store: Store
  accounts: Accounts
  clock: Clock
  random: Random
}): Directory {
  const { store, accounts, clock, random } = options
  const { directory } = store

  const find = async (text: string): Promise<AccountInfo | null> => {
    const address = addressOf(text)
    return 'at' in address ? null : await directory.accountByAddress(address)
  }

  /** The first of `targets` that is ours and that nobody has. */
  const unknownAmong = async (targets: readonly Address[]): Promise<Address | null> => {
    const routes = createRoutes({ directory, hostname: '', postmaster: null, now: clock.now })
    for (const target of targets) {
      const route = await routes.resolve(target, { fallbacks: true })
      if (route.accounts.length === 0 && route.foreign.length === 0) return target
    }
    return null
  }

  /** Whether the alias, once it exists, leads to itself or too far. */
  const wouldTangle = async (address: Address, targets: readonly Address[]): Promise<boolean> => {
    const withAlias = {
      ...directory,
      alias: async (asked: Address) => (sameAddress(asked, address) ? { address, targets } : directory.alias(asked)),
    }
    const routes = createRoutes({ directory: withAlias, hostname: '', postmaster: null, now: clock.now })
    const { looped, cut } = await routes.resolve(address, { fallbacks: true })
    return looped || cut
  }

  return {
    domains: () => directory.domains(),

    async addDomain(text) {
      const parsed = parseDomain(text.trim())
      if (!parsed.ok) return { at: 'bad-domain', text, why: parsed.error }
      const name = canonicalDomain(parsed.value)
      const outcome = await store.run({ do: 'addDomain', name })
      return outcome.at === 'done' ? { at: 'done', name } : outcome
    },

    removeDomain: (name) => store.run({ do: 'removeDomain', name: canonicalDomain(name.trim()) }),

    async setCatchAll(text, targetText) {
      const domain = canonicalDomain(text.trim())
      if (targetText === null) return store.run({ do: 'setCatchAll', domain, target: null })
      const target = addressOf(targetText)
      if ('at' in target) return target
      if ((await directory.domain(domain)) === null) return { at: 'not-found' }
      const unknown = await unknownAmong([target])
      if (unknown !== null) return { at: 'unknown-target', target: unknown }
      return store.run({ do: 'setCatchAll', domain, target })
    },

    accounts: () => directory.accounts(),
    account: find,

    async addAccount(text, password, { quotaOctets = null } = {}) {
      const address = addressOf(text)
      if ('at' in address) return address
      const bad = badPassword(password) ?? badQuota(quotaOctets)
      if (bad !== null) return bad
      // Asked before the costly hash; the command asks again.
      if ((await directory.domain(address.domain)) === null) return { at: 'no-domain', domain: address.domain }
      if ((await directory.accountByAddress(address)) !== null) return { at: 'exists' }
      const outcome = await store.run({
        do: 'addAccount',
        address,
        credential: await accounts.makeCredential(password),
        quotaOctets,
        mailboxes: FIRST_MAILBOXES,
        now: clock.now(),
      })
      if (outcome.at === 'no-domain') return { at: 'no-domain', domain: address.domain }
      if (outcome.at === 'exists') return outcome
      return { at: 'done', account: { accountId: outcome.accountId, address } }
    },

    async removeAccount(text) {
      const account = await find(text)
      if (account === null) return { at: 'not-found' }
      const outcome = await store.run({ do: 'removeAccount', accountId: account.accountId })
      if (outcome.at !== 'done') return outcome
      const aliases = await directory.aliases()
      const naming = aliases.filter(({ targets }) => targets.some((target) => sameAddress(target, account.address)))
      return { at: 'done', namedBy: naming.map(({ address }) => address) }
    },

    async setPassword(text, password) {
      const bad = badPassword(password)
      if (bad !== null) return bad
      const account = await find(text)
      if (account === null) return { at: 'not-found' }
      const credential = await accounts.makeCredential(password, account.credential.scram)
      return store.run({ do: 'setCredential', accountId: account.accountId, credential })
    },

    async setQuota(text, quotaOctets) {
      const bad = badQuota(quotaOctets)
      if (bad !== null) return bad
      const account = await find(text)
      if (account === null) return { at: 'not-found' }
      return store.run({ do: 'setQuota', accountId: account.accountId, quotaOctets })
    },
    async setMessageQuota(text, quotaMessages) {
      if (quotaMessages !== null && !(Number.isSafeInteger(quotaMessages) && quotaMessages > 0)) {
        return { at: 'bad-quota', why: 'it is not a positive whole number of messages' }
      }
      const account = await find(text)
      if (account === null) return { at: 'not-found' }
      return store.run({ do: 'setQuota', accountId: account.accountId, quotaMessages })
    },

    async sending(text) {
      const account = await find(text)
      if (account === null) return null
      const { limit, hours } = await sentInADay(directory, account.accountId, Math.floor(clock.now() / HOUR))
      const total = { messages: 0, recipients: 0 }
      for (const { messages, recipients } of hours) {
        total.messages += messages
        total.recipients += recipients
      }
      return { limit, sent: total }
    },

    async setSendingLimit(text, limit) {
      const fits = (count: number): boolean => Number.isSafeInteger(count) && count >= 0 && count <= SENDING_LIMIT_MAX
      if (limit !== null && !(fits(limit.messages) && fits(limit.recipients)))
        return { at: 'bad-limit', why: `it is not a whole number from 0 to ${SENDING_LIMIT_MAX}` }
      const account = await find(text)
      if (account === null) return { at: 'not-found' }
      return store.run({ do: 'setSendingLimit', accountId: account.accountId, limit })
    },

    aliases: () => directory.aliases(),

    async addAlias(text, targetTexts, { forMs } = {}) {
      const bad = badTerm(forMs)
      if (bad !== null) return bad
      const address = addressOf(text)
      if ('at' in address) return address
      const targets = new Map<string, Address>()
      for (const targetText of targetTexts) {
        const target = addressOf(targetText)
        if ('at' in target) return target
        targets.set(localKey(target), target)
      }
      if (targets.size === 0) return { at: 'no-targets' }
      if (targets.size > ALIAS_MEMBERS_MAX) return { at: 'too-many-targets', max: ALIAS_MEMBERS_MAX }
      const alias = {
        address,
        targets: [...targets.values()],
        ...(forMs === undefined ? {} : { until: clock.now() + forMs }),
      }
      if ((await directory.domain(address.domain)) === null) return { at: 'no-domain', domain: address.domain }
      if (await wouldTangle(address, alias.targets)) return { at: 'loop' }
      const unknown = await unknownAmong(alias.targets)
      if (unknown !== null) return { at: 'unknown-target', target: unknown }
      const outcome = await store.run({ do: 'addAlias', ...alias })
      if (outcome.at === 'no-domain') return { at: 'no-domain', domain: address.domain }
      return outcome.at === 'done' ? { at: 'done', alias } : outcome
    },

    async addTemporaryAlias(text, { forMs }) {
      const bad = badTerm(forMs)
      if (bad !== null) return bad
      const account = await find(text)
      if (account === null) return { at: 'not-found' }
      const { domain } = account.address
      const alias = {
        address: { localPart: temporaryName(random), domain },
        targets: [account.address],
        until: clock.now() + forMs,
      }
      const outcome = await store.run({ do: 'addAlias', ...alias })
      if (outcome.at === 'no-domain') return { at: 'not-found' }
      return outcome.at === 'done' ? { at: 'done', alias } : outcome
    },

    async removeAlias(text) {
      const address = addressOf(text)
      return 'at' in address ? { at: 'not-found' } : store.run({ do: 'removeAlias', address })
    },
  }
}
