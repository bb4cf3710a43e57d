/** Whether a CA may give a certificate for a name (RFC 8659, RFC 8657), as the CA will judge it. */
import type { ChallengeType } from '../../model/certificate.ts'
import type { CaaCheck } from './contract.ts'

export type CaaRecord = { readonly flags: number; readonly tag: string; readonly value: string }
/** `null`: DNS did not answer. */
export type CaaLookup = (name: string) => Promise<readonly CaaRecord[] | null>

const CRITICAL = 128
const KNOWN_TAGS: readonly string[] = ['issue', 'issuewild', 'iodef', 'contactemail', 'contactphone', 'issuemail']

type Value = { readonly issuer: string; readonly parameters: ReadonlyMap<string, string> }

/** RFC 8659 §4.2. */
function parseValue(value: string): Value {
  const [issuer = '', ...rest] = value.split(';').map((part) => part.trim())
  const parameters = rest
    .filter((part) => part.includes('='))
    .map((part): [string, string] => {
      const at = part.indexOf('=')
      return [part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim()]
    })
  return { issuer: issuer.toLowerCase(), parameters: new Map(parameters) }
}

export async function checkCaa(
  options: {
    name: string
    /** What the CA calls itself in CAA. */
    identities: readonly string[]
    accountUrl: string
    via: readonly ChallengeType[]
  },
  lookUp: CaaLookup,
): Promise<CaaCheck> {
  const { identities, accountUrl, via } = options
  const wildcard = options.name.startsWith('*.')
  const name = wildcard ? options.name.slice(2) : options.name
  if (identities.length === 0) return { at: 'not-checked', why: 'the CA does not say what CAA calls it' }
  const found = await relevantRecords(name, lookUp)
  if (found === 'no-answer') return { at: 'not-checked', why: 'DNS did not answer' }
  if (found === null) return { at: 'permitted' }
  const { owner, records } = found
  const strange = records.find(({ flags, tag }) => (flags & CRITICAL) !== 0 && !KNOWN_TAGS.includes(tag)) // §4.1
  if (strange !== undefined) return { at: 'forbidden', why: `${owner} has a critical CAA record "${strange.tag}"` }
  const issueWild = records.filter(({ tag }) => tag === 'issuewild')
  const applicable = wildcard && issueWild.length > 0 ? issueWild : records.filter(({ tag }) => tag === 'issue') // §4.3
  if (applicable.length === 0) return { at: 'permitted' }
  const values = applicable.map(({ value }) => parseValue(value))
  const ours = values.filter(({ issuer }) => identities.includes(issuer))
  if (ours.length === 0) {
    const allowed = values.map(({ issuer }) => issuer).filter((issuer) => issuer !== '')
    const whom = allowed.length === 0 ? 'nobody' : allowed.join(', ')
    return { at: 'forbidden', why: `CAA of ${owner} allows ${whom}, not ${identities.join(' or ')}` }
  }
  const whys = ours.map(({ parameters }) => boundElsewhere(parameters, accountUrl, via))
  if (whys.includes(null)) return { at: 'permitted' }
  return { at: 'forbidden', why: `CAA of ${owner} ${whys.find((why) => why !== null)}` }
}

/** RFC 8657 §3, §4. @returns null when the parameters let us */
function boundElsewhere(
  parameters: ReadonlyMap<string, string>,
  accountUrl: string,
  via: readonly ChallengeType[],
): string | null {
  const account = parameters.get('accounturi')
  if (account !== undefined && account !== accountUrl)
    return `allows the account ${account} alone; this server's is ${accountUrl}`
  const methods = parameters
    .get('validationmethods')
    ?.split(',')
    .map((method) => method.trim())
  if (methods !== undefined && !via.some((type) => methods.includes(type)))
    return `allows ${methods.join(', ')} alone; this server can answer ${via.join(', ')}`
  return null
}

/** RFC 8659 §3: the closest ancestor that has any. */
async function relevantRecords(
  name: string,
  lookUp: CaaLookup,
): Promise<{ owner: string; records: readonly CaaRecord[] } | 'no-answer' | null> {
  const labels = name.split('.')
  for (let at = 0; at < labels.length; at++) {
    const owner = labels.slice(at).join('.')
    const records = await lookUp(owner)
    if (records === null) return 'no-answer'
    if (records.length > 0) return { owner, records }
  }
  return null
}
