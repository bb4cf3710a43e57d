/**
 * Whether the author's domain stands for a letter, and what it asks for where it does not (RFC 9989).
 * Choice: the organizational domain is found by the tree walk of RFC 9989 §4.10 and not by a list of public suffixes, as RFC 7489
 * §3.2 had it: such a list ages with the program, and the walk asks the domains themselves. Both find the same where domains
 * publish a record at their organizational domain.
 */
import { domainToASCII } from 'node:url'
import { DMARC_AUTHORS_MAX, DMARC_WALK_LABELS_MAX } from '../../model/limits.ts'
import type { HeaderAddress } from '../../model/message.ts'
import type { Asking, DkimResult, DmarcPolicy, DmarcResult, SpfResult } from '../contract.ts'
import { isDmarcRecord, parseDmarcRecord, type DmarcRecord } from './record.ts'

export type DmarcInput = {
  /** Of the one From field. */
  readonly from: readonly HeaderAddress[]
  readonly spf: SpfResult
  readonly dkim: readonly DkimResult[]
}

/** DNS does not answer. */
class Unanswered extends Error {}

type Found = { readonly domain: string; readonly record: DmarcRecord }

/** What an author's domain publishes; found before signatures are looked at. `at` null: nothing that counts. */
export type DmarcGround =
  | { readonly author: string; readonly organization: string; readonly at: Found | null }
  | { readonly author: string; readonly unanswered: string }

export function* checkDmarc({ from, spf, dkim }: DmarcInput): Asking<DmarcResult> {
  return yield* judgeDmarc(yield* findDmarc(from), { spf, dkim })
}

/** For each domain that From names, in its order, DMARC_AUTHORS_MAX at most; `more`: there are others, or such as are none. */
export type DmarcGrounds = { readonly each: readonly DmarcGround[]; readonly more: boolean }

export function* findDmarc(from: readonly HeaderAddress[]): Asking<DmarcGrounds> {
  const domains = [...authorDomains(from)]
  const real = domains.filter((domain) => domain !== null)
  const each: DmarcGround[] = []
  for (const author of real.slice(0, DMARC_AUTHORS_MAX)) each.push(yield* groundOf(author))
  return { each, more: domains.length === 0 || domains.length > each.length }
}

function* groundOf(author: string): Asking<DmarcGround> {
  try {
    const walk = yield* treeWalk(author)
    const organization = organizationOf(author, walk)
    // RFC 9989 §4.10.1: the author's own record, the organization's, the public suffix's.
    const found =
      walk.find(({ domain }) => domain === author) ??
      walk.find(({ domain }) => domain === organization) ??
      walk.find(({ record }) => record.psd === 'y')
    return { author, organization, at: found?.record.counts === true ? found : null }
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return { author, unanswered: error.message }
  }
}

/**
 * Choice: of several domains in From each is asked (RFC 7489 §6.6.1 allows it, RFC 9989 §5.3.1 leaves it open), and what the
 * strictest wants of a letter that it does not stand for is done: a reader sees the first of them, or any. Such a letter passes
 * for none.
 */
export function* judgeDmarc({ each, more }: DmarcGrounds, proofs: Omit<DmarcInput, 'from'>): Asking<DmarcResult> {
  const results: DmarcResult[] = []
  for (const ground of each) results.push(yield* judgeOne(ground, proofs))
  const [first] = results
  if (first !== undefined && results.length === 1 && !more) return first
  const failed = results.filter(({ result }) => result === 'fail')
  const strictest = STRICT_FIRST.map((policy) => failed.find((result) => result.policy === policy))
  const worst = strictest.find((result) => result !== undefined)
  if (worst !== undefined) return worst
  const why = results.length === 0 ? 'From names no domain' : 'From names several domains'
  return { ...NOTHING, fromDomain: '', result: 'permerror', why }
}

const STRICT_FIRST: readonly DmarcPolicy[] = ['reject', 'quarantine', 'none']
const NOTHING = { policyDomain: null, policy: 'none', spfAligned: false, dkimAligned: false, published: null } as const

function* judgeOne(ground: DmarcGround, { spf, dkim }: Omit<DmarcInput, 'from'>): Asking<DmarcResult> {
  const { author } = ground
  const nothing = { ...NOTHING, fromDomain: author }
  if ('unanswered' in ground) return { ...nothing, result: 'temperror', why: ground.unanswered }
  if (ground.at === null) return { ...nothing, result: 'none', why: `${author} publishes no DMARC record` }
  const { domain: policyDomain, record } = ground.at
  try {
    const spfAligned = spf.result === 'pass' && (yield* isAligned(spf.domain, record.aspf, ground))
    let dkimAligned = false
    for (const { result, domain } of dkim) {
      if (result === 'pass' && !dkimAligned) dkimAligned = yield* isAligned(domain, record.adkim, ground)
    }
    const { psd: _, counts: _counts, ...published } = record
    const about = { fromDomain: author, policyDomain, spfAligned, dkimAligned, published }
    if (spfAligned || dkimAligned) {
      const by = dkimAligned ? 'DKIM' : 'SPF'
      return { ...about, result: 'pass', policy: 'none', why: `${author} stands for it by ${by}` }
    }
    // Choice: what DNS did not say might have been a proof, so nothing is refused for good (R18).
    const unsure =
      (spf.result === 'temperror' && mayAlign(spf.domain, record.aspf, ground)) ||
      dkim.some(({ result, domain }) => result === 'temperror' && mayAlign(domain, record.adkim, ground))
    if (unsure)
      return { ...about, result: 'temperror', policy: 'none', why: `whether ${author} stands for it, DNS does not say` }
    const asked = policyDomain === author ? record.p : yield* policyBelow(author, record)
    const policy = record.testing ? milder(asked) : asked
    return { ...about, result: 'fail', policy, why: `${author} does not stand for it, and asks for ${policy}` }
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return { ...nothing, result: 'temperror', why: error.message }
  }
}

/** One domain of one address; null where there is none, or there are several (S9). */
export function authorDomain(from: readonly HeaderAddress[]): string | null {
  const domains = authorDomains(from)
  const [domain = null] = domains
  return domains.size === 1 ? domain : null
}

const authorDomains = (from: readonly HeaderAddress[]): ReadonlySet<string | null> =>
  new Set(from.filter(({ mailbox, host }) => mailbox !== null || host !== null).map(({ host }) => plainDomain(host)))

function plainDomain(host: string | null): string | null {
  const plain = (host ?? '').replace(/\.$/, '')
  const ascii = /^[\x00-\x7f]*$/.test(plain) ? plain.toLowerCase() : domainToASCII(plain)
  const labels = ascii.split('.')
  const fits =
    ascii.length <= 253 &&
    labels.length > 1 &&
    labels.every((label) => /^[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?$/.test(label))
  return fits ? ascii : null
}

/** RFC 9989 §4.10: records from the domain itself upwards, eight questions at most; ends at one that says where it stands. */
function* treeWalk(start: string): Asking<Found[]> {
  const found: Found[] = []
  let labels = start.split('.')
  for (;;) {
    const domain = labels.join('.')
    const record = yield* recordAt(domain)
    if (record !== null) {
      found.push({ domain, record })
      if (record.psd !== 'u') return found
    }
    const next = labels.length > DMARC_WALK_LABELS_MAX ? labels.slice(-(DMARC_WALK_LABELS_MAX - 1)) : labels.slice(1)
    if (next.length === 0) return found
    labels = next
  }
}

function* recordAt(domain: string): Asking<DmarcRecord | null> {
  const answer = yield { name: `_dmarc.${domain}`, type: 'TXT' }
  if (answer.at === 'failed') throw new Unanswered(`TXT of _dmarc.${domain}: ${answer.why}`)
  const records = (answer.at === 'found' ? (answer.records as readonly string[]) : []).filter(isDmarcRecord)
  return records.length === 1 ? parseDmarcRecord(records[0]!) : null // RFC 9989 §4.10: several are none.
}

/** RFC 9989 §4.10.2. */
function organizationOf(start: string, walk: readonly Found[]): string {
  for (const { domain, record } of walk) {
    if (record.psd === 'n') return domain
    if (record.psd === 'y' && domain !== start) {
      const below = start.slice(0, -(domain.length + 1))
      return `${below.slice(below.lastIndexOf('.') + 1)}.${domain}`
    }
  }
  return walk.at(-1)?.domain ?? start // The fewest labels.
}

type Aligned = { readonly author: string; readonly organization: string }

/** RFC 9989 §4.4. */
function* isAligned(identifier: string, mode: 'r' | 's', of: Aligned): Asking<boolean> {
  if (identifier === of.author) return true
  if (!mayAlign(identifier, mode, of)) return false
  return organizationOf(identifier, yield* treeWalk(identifier)) === of.organization
}

/** Only what lies in the same organization can be of it; whether it is, its own records say. */
const mayAlign = (identifier: string, mode: 'r' | 's', { author, organization }: Aligned): boolean =>
  identifier === author || (mode === 'r' && (identifier === organization || identifier.endsWith(`.${organization}`)))

/** RFC 9989 §4.7: sp, or np for a name that is not there; each falls back. */
function* policyBelow(author: string, { p, sp, np }: DmarcRecord): Asking<DmarcPolicy> {
  if (np === null || np === (sp ?? p)) return sp ?? p
  const answer = yield { name: author, type: 'A' }
  if (answer.at === 'failed') throw new Unanswered(`A of ${author}: ${answer.why}`)
  if (answer.at !== 'no-such-domain') return sp ?? p
  // An alias that leads nowhere is there all the same (RFC 6604 §3).
  const alias = yield { name: author, type: 'CNAME' }
  if (alias.at === 'failed') throw new Unanswered(`CNAME of ${author}: ${alias.why}`)
  return alias.at === 'found' ? (sp ?? p) : np
}

/** RFC 9989 §4.7, t=y: one step less. */
const milder = (policy: DmarcPolicy): DmarcPolicy => (policy === 'reject' ? 'quarantine' : 'none')
