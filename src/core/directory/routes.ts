import type { Address } from '../../model/address.ts'
import { ALIAS_DEPTH_MAX, ALIAS_MEMBERS_MAX } from '../../model/limits.ts'
import type { AccountInfo, AliasInfo, DirectoryReads, DomainInfo } from '../../store/contract.ts'
import { canonicalAddress, localKey } from './canonical.ts'

/** An address outside that mail for the asked address goes to. */
export type ForeignTarget = {
  readonly address: Address
  /** Reached by an alias, catch-all or the like, not asked for itself. */
  readonly forwarded: boolean
  /** An alias on the way has several targets (RFC 3461 §5.2.7.3). */
  readonly split: boolean
}

/** Where mail for one address goes in the end. */
export type Route = {
  /** False: the address itself is foreign, and `foreign` holds just it. */
  readonly hosted: boolean
  readonly accounts: readonly AccountInfo[]
  readonly foreign: readonly ForeignTarget[]
  /** An alias leads to itself. What else it leads to was found. */
  readonly looped: boolean
  /** Too deep, or too many: what was found is not all. */
  readonly cut: boolean
}

export type Routes = {
  /**
   * Follows aliases and subaddresses; `fallbacks` adds catch-all and postmaster, for mail that comes in.
   * @throws StoreError
   */
  resolve(address: Address, options: { fallbacks: boolean }): Promise<Route>
}

type Step = { at: 'account'; account: AccountInfo } | { at: 'alias'; alias: AliasInfo } | null

const isPostmaster = (address: Address): boolean => address.localPart.toLowerCase() === 'postmaster'

/**
 * @param options.hostname postmaster of it is ours although the domain may not be (RFC 5321 §4.5.1, bare `<Postmaster>`)
 * @param options.postmaster who reads mail for a postmaster that is neither account nor alias
 */
export function createRoutes(options: {
  directory: DirectoryReads
  hostname: string
  postmaster: Address | null
  /** Aliases that have ended by then lead nowhere. */
  now: () => number
}): Routes {
  const { directory, hostname, postmaster, now } = options

  const exactly = async (address: Address): Promise<Step> => {
    const account = await directory.accountByAddress(address)
    if (account !== null) return { at: 'account', account }
    const alias = await directory.alias(address)
    if (alias === null) return null
    // Choice: who writes to a name that has ended is refused, and does not reach the catch-all: the name is known to strangers.
    const ended = alias.until !== undefined && alias.until <= now()
    return { at: 'alias', alias: ended ? { ...alias, targets: [] } : alias }
  }

  /** `user+tag` is `user` unless somebody has that very address (RFC 5233 §4 calls it subaddress). */
  const named = async (address: Address): Promise<Step> => {
    const step = await exactly(address)
    const plus = address.localPart.indexOf('+')
    // Choice: the first `+` separates; what lies between two of them is part of the tag.
    if (step !== null || plus <= 0) return step
    return exactly({ localPart: address.localPart.slice(0, plus), domain: address.domain })
  }

  /** Where mail goes that nobody is named for. */
  const fallback = (address: Address, domain: DomainInfo | null): Address | null => {
    if (isPostmaster(address) && postmaster !== null) return postmaster
    return domain?.catchAll ?? null
  }

  return {
    async resolve(asked, { fallbacks }) {
      const domains = new Map<string, DomainInfo | null>()
      const accounts = new Map<number, AccountInfo>()
      const foreign = new Map<string, ForeignTarget>()
      const seen = new Set<string>()
      let members = 0
      let hosted = true
      let looped = false
      let cut = false

      const domainOf = async (name: string): Promise<DomainInfo | null> => {
        let domain = domains.get(name)
        if (domain === undefined) domains.set(name, (domain = await directory.domain(name)))
        return domain
      }

      /** `way` holds the keys of what led here: meeting one again is a loop. A fallback is taken once: it may dangle too. */
      const visit = async (raw: Address, way: readonly string[], met: { split: boolean; fellBack: boolean }) => {
        const address = canonicalAddress(raw)
        const domain = await domainOf(address.domain)
        if (domain === null && !(fallbacks && address.domain === hostname && isPostmaster(address))) {
          const key = `${address.localPart}@${address.domain}` // RFC 5321 §2.4: the case of a foreign local part counts.
          if (!foreign.has(key)) foreign.set(key, { address: raw, forwarded: way.length > 0, split: met.split })
          if (way.length === 0) hosted = false
          return
        }
        const step = domain === null ? null : await named(address)
        if (step?.at === 'account') {
          accounts.set(step.account.accountId, step.account)
          return
        }
        const to = step === null && fallbacks && !met.fellBack ? fallback(address, domain) : null
        const targets = step?.alias.targets ?? (to === null ? [] : [to])
        const next = { split: met.split || targets.length > 1, fellBack: met.fellBack || to !== null }
        const key = localKey(step?.alias.address ?? address)
        if (way.includes(key)) looped = true
        else if (way.length >= ALIAS_DEPTH_MAX) cut = true
        else if (!seen.has(key)) {
          seen.add(key)
          for (const target of targets) {
            members += 1
            if (members > ALIAS_MEMBERS_MAX) cut = true
            else await visit(target, [...way, key], next)
          }
        }
      }

      await visit(asked, [], { split: false, fellBack: false })
      return { hosted, accounts: [...accounts.values()], foreign: [...foreign.values()], looped, cut }
    },
  }
}
