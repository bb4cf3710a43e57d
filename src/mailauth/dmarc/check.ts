/**
 * Whether the author's domain stands for a letter, and what it asks for where it does not (RFC 9989).
 * Choice: the organizational domain is found by the tree walk of RFC 9989 §4.10 and not by a list of public suffixes, as RFC 7489
 * §3.2 had it: such a list ages with the program, and the walk asks the domains themselves. Both find the same where domains
 * publish a record at their organizational domain.
 */
import { domainToASCII } from 'node:url'
import { DMARC_WALK_LABELS_MAX } from '../../model/limits.ts'
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

export function* checkDmarc({ from, spf, dkim }: DmarcInput): Asking<DmarcResult> {
  const author = authorDomain(from)
  const nothing = {
    fromDomain: author ?? '',
    policyDomain: null,
    policy: 'none',
    spfAligned: false,
    dkimAligned: false,
    published: null,
  } as const
  if (author === null) return { ...nothing, result: 'permerror', why: 'From names no domain, or several' }
  try {
    const walk = yield* treeWalk(author)
    const organization = organizationOf(author, walk)
    // RFC 9989 §4.10.1: the author's own record, the organization's, the public suffix's.
    const found =
      walk.find(({ domain }) => domain === author) ??
      walk.find(({ domain }) => domain === organization) ??
      walk.find(({ record }) => record.psd === 'y')
    if (found === undefined) return { ...nothing, result: 'none', why: `${author} publishes no DMARC record` }
    const { record } = found
    const aligned = { author, organization }
    const spfAligned = spf.result === 'pass' && (yield* isAligned(spf.domain, record.aspf, aligned))
    let dkimAligned = false
    for (const { result, domain } of dkim) {
      if (result === 'pass' && !dkimAligned) dkimAligned = yield* isAligned(domain, record.adkim, aligned)
    }
    const { psd: _, ...published } = record
    const about = { fromDomain: author, policyDomain: found.domain, spfAligned, dkimAligned, published }
    if (spfAligned || dkimAligned) {
      const by = dkimAligned ? 'DKIM' : 'SPF'
      return { ...about, result: 'pass', policy: 'none', why: `${author} stands for it by ${by}` }
    }
    const asked = found.domain === author ? record.p : yield* policyBelow(author, record)
    const policy = record.testing ? milder(asked) : asked
    return { ...about, result: 'fail', policy, why: `${author} does not stand for it, and asks for ${policy}` }
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return { ...nothing, result: 'temperror', why: error.message }
  }
}

/** One domain of one address; null where there is none, or there are several (S9). */
export function authorDomain(from: readonly HeaderAddress[]): string | null {
  const domains = new Set(
    from.filter(({ mailbox, host }) => mailbox !== null || host !== null).map(({ host }) => plainDomain(host)),
  )
  const [domain = null] = domains
  return domains.size === 1 ? domain : null
}

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
      if (record.psd === 'n' || (record.psd === 'y' && domain !== start)) return found
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

/** RFC 9989 §4.4. */
function* isAligned(
  identifier: string,
  mode: 'r' | 's',
  { author, organization }: { author: string; organization: string },
): Asking<boolean> {
  if (identifier === author) return true
  if (mode === 's') return false
  // Only what lies in the same organization can be of it; whether it is, its own records say.
  if (identifier !== organization && !identifier.endsWith(`.${organization}`)) return false
  return organizationOf(identifier, yield* treeWalk(identifier)) === organization
}

/** RFC 9989 §4.7: sp, or np for a name that is not there; each falls back. */
function* policyBelow(author: string, { p, sp, np }: DmarcRecord): Asking<DmarcPolicy> {
  if (np === null || np === (sp ?? p)) return sp ?? p
  const answer = yield { name: author, type: 'A' }
  if (answer.at === 'failed') throw new Unanswered(`A of ${author}: ${answer.why}`)
  return answer.at === 'no-such-domain' ? np : (sp ?? p)
}

/** RFC 9989 §4.7, t=y: one step less. */
const milder = (policy: DmarcPolicy): DmarcPolicy => (policy === 'reject' ? 'quarantine' : 'none')
