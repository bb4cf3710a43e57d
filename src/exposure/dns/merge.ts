/** What a domain publishes already, and what it should publish with us: nobody's other senders are lost. */
import type { DnsSettings } from './contract.ts'

/**
 * An SPF record (RFC 7208 §4.5) that lets ours send besides what it lets already.
 * @param existing null: none there
 * @param wanted our own, as `v=spf1 mx -all`
 * @returns the wanted one when there is none; the existing one when it lets ours already
 */
export function mergeSpf(existing: string | null, wanted: string): string {
  if (existing === null) return wanted
  const terms = existing.trim().split(/ +/)
  const bare = (term: string): string => term.replace(/^\+/, '').toLowerCase()
  const has = new Set(terms.map(bare))
  const missing = wanted
    .split(' ')
    .slice(1)
    .filter((term) => !isLast(term) && !has.has(bare(term)))
  if (missing.length === 0) return existing
  const [version = 'v=spf1', ...rest] = terms
  return [version, ...missing, ...rest].join(' ')
}

/** `all` with its qualifier, and `redirect=`, come last (RFC 7208 §5.1, §6.1). */
const isLast = (term: string): boolean => /^[-+~?]?all$|^redirect=/i.test(term)

export type MxAdvice =
  /** Ours is the only one, or the best. */
  | { readonly at: 'ours' }
  | { readonly at: 'none' }
  /** Mail goes there still: to be switched last, when all else is ready. */
  | { readonly at: 'elsewhere'; readonly exchange: string }
  /** Ours is a later choice than another's. */
  | { readonly at: 'behind'; readonly exchange: string }

/** @param found MX records as they are, in any order */
export function adviseMx(
  found: readonly { readonly preference: number; readonly exchange: string }[],
  { hostname }: Pick<DnsSettings, 'hostname'>,
): MxAdvice {
  const [best] = found.toSorted((a, b) => a.preference - b.preference)
  if (best === undefined) return { at: 'none' }
  const isOurs = ({ exchange }: { exchange: string }): boolean => exchange.toLowerCase() === hostname
  const ours = found.find(isOurs)
  if (ours === undefined) return { at: 'elsewhere', exchange: best.exchange }
  return found.some((each) => !isOurs(each) && each.preference <= ours.preference)
    ? { at: 'behind', exchange: best.exchange }
    : { at: 'ours' }
}
