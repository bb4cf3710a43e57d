/** What can be known before the CA is asked: an order that must fail costs one of few tries. */
import type { ChallengeType } from '../../model/certificate.ts'
import { checkCaa, type CaaRecord } from './caa.ts'
import type { CaaCheck, NameCheck, PortCheck, Preflight } from './contract.ts'

/** As net's resolver answers. */
type Answer<T> =
  | { readonly at: 'found'; readonly records: readonly T[] }
  | { readonly at: 'no-such-domain' }
  | { readonly at: 'no-data' }
  | { readonly at: 'failed'; readonly why: string }

export type PreflightParts = {
  readonly lookUp: {
    query(name: string, type: 'A' | 'AAAA'): Promise<Answer<string>>
    query(name: string, type: 'CAA'): Promise<Answer<CaaRecord>>
  }
  readonly ownAddresses: () => readonly string[]
  /** Null: the CA was not reached, so that CAA cannot be judged. */
  readonly identity: () => Promise<{ readonly caaIdentities: readonly string[]; readonly accountUrl: string } | null>
  /** Fetches a token of our own through an address. Null: it came back; else why not. */
  readonly fetchOwnToken: (name: string, address: string) => Promise<string | null>
}

type Addresses =
  | { readonly at: 'known'; readonly list: readonly string[] }
  | { readonly at: 'unknown'; readonly why: string }

/** Both families: a CA that gets an AAAA record goes there first. */
async function addressesOf({ lookUp }: PreflightParts, name: string): Promise<Addresses> {
  const answers = await Promise.all([lookUp.query(name, 'A'), lookUp.query(name, 'AAAA')])
  const list = answers.flatMap((answer) => (answer.at === 'found' ? answer.records : []))
  const failed = answers.find((answer) => answer.at === 'failed')
  if (failed?.at === 'failed' && list.length === 0) return { at: 'unknown', why: `DNS: ${failed.why}` }
  return { at: 'known', list }
}

export async function preflight(
  parts: PreflightParts,
  names: readonly string[],
  via: readonly ChallengeType[],
): Promise<Preflight> {
  const [hostname = ''] = names
  const byDns = via.includes('dns-01')
  const hostAddresses = await addressesOf(parts, hostname)
  const ours = new Set([...parts.ownAddresses(), ...(hostAddresses.at === 'known' ? hostAddresses.list : [])])
  const identity = await parts.identity()

  const check = async (name: string): Promise<NameCheck> => {
    if (name.startsWith('*.')) {
      if (byDns) return { at: 'ready', addresses: [] }
      return { at: 'not-ours', why: 'a wildcard needs DNS-01 (tls.acme_dns)' } // RFC 8555 §7.1.3; CA rules.
    }
    if (byDns) return { at: 'ready', addresses: [] }
    const found = name === hostname ? hostAddresses : await addressesOf(parts, name)
    if (found.at === 'unknown') return { at: 'not-checked', why: found.why }
    if (found.list.length === 0) return { at: 'not-ours', why: 'it has no A or AAAA record' }
    const strange = found.list.filter((address) => !ours.has(address))
    if (strange.length > 0)
      return { at: 'not-ours', why: `it leads to ${strange.join(', ')}, which is not this server` }
    return { at: 'ready', addresses: found.list }
  }

  const caaOf = async (name: string): Promise<CaaCheck> => {
    if (identity === null) return { at: 'not-checked', why: 'the CA did not answer' }
    const { caaIdentities: identities, accountUrl } = identity
    return checkCaa({ name, identities, accountUrl, via }, async (owner) => {
      const answer = await parts.lookUp.query(owner, 'CAA')
      if (answer.at === 'failed') return null
      return answer.at === 'found' ? answer.records : []
    })
  }

  const checked: Preflight['names'][number][] = []
  for (const name of names) {
    const [own, caa] = await Promise.all([check(name), caaOf(name)])
    checked.push({ name, check: own, caa })
  }
  const addresses = hostAddresses.at === 'known' ? hostAddresses.list : []
  const port80 = via.includes('http-01') ? await checkPort80(parts, hostname, addresses) : notAsked
  return { names: checked, port80 }
}

const notAsked: PortCheck = { at: 'not-checked', why: 'HTTP-01 is not used' }

async function checkPort80(parts: PreflightParts, name: string, addresses: readonly string[]): Promise<PortCheck> {
  if (addresses.length === 0) return { at: 'not-checked', why: `${name} has no address` }
  for (const address of addresses) {
    const why = await parts.fetchOwnToken(name, address)
    if (why !== null) return { at: 'not-checked', why: `${address}: ${why} (many routers cannot lead back inside)` }
  }
  return { at: 'reached' }
}
