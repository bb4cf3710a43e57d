/** Whether a host may send mail in a domain's name (RFC 7208). */
import { domainToASCII } from 'node:url'
import {
  SPF_EXPLANATION_MAX_CHARACTERS,
  SPF_LOOKUPS_MAX,
  SPF_MX_MAX,
  SPF_PTR_MAX,
  SPF_RECORD_MAX_CHARACTERS,
  SPF_VOID_LOOKUPS_MAX,
} from '../../model/limits.ts'
import type { DnsAnswer, DnsRecords, DnsType, MxRecord } from '../../model/dns.ts'
import { parseIp } from '../../model/network.ts'
import { never } from '../../std/assert.ts'
import type { Asking, DnsQuestion, SpfResult } from '../contract.ts'
import { expandMacros, needsName, parseMacros, type MacroFacts, type MacroPiece } from './macro.ts'
import { isSpfRecord, parseSpfRecord, type Qualifier, type SpfMechanism, type SpfRecord } from './record.ts'

export type SpfInput = {
  /** Of the visitor. */
  readonly address: string
  /** As given at EHLO. */
  readonly helo: string
  /** The reverse-path; null: `<>`. */
  readonly sender: { readonly localPart: string; readonly domain: string } | null
  /** Our own name, and the time, for explanations. */
  readonly receiver: string
  readonly now: number
}

/** Ends the whole evaluation (RFC 7208 §4.6). */
class Ended extends Error {
  readonly result: 'temperror' | 'permerror'
  constructor(result: 'temperror' | 'permerror', why: string) {
    super(why)
    this.result = result
  }
}

type Verdict = Pick<SpfResult, 'result' | 'why' | 'explanation'>
/** What is counted over the whole evaluation (RFC 7208 §4.6.4). */
type Spent = { lookups: number; voids: number; name: string | null }
type State = { readonly facts: MacroFacts; readonly spent: Spent }

const BY_QUALIFIER: Readonly<Record<Qualifier, 'pass' | 'fail' | 'softfail' | 'neutral'>> = {
  '+': 'pass',
  '-': 'fail',
  '~': 'softfail',
  '?': 'neutral',
}

/** The MAIL FROM identity; of a null reverse-path the HELO identity, as postmaster (RFC 7208 §2.4). */
export function* checkSpf(input: SpfInput): Asking<SpfResult> {
  const { sender, helo } = input
  const scope = sender === null ? 'helo' : 'mailfrom'
  const domain = plainName(sender === null ? helo : sender.domain)
  const localPart = sender === null || sender.localPart === '' ? 'postmaster' : sender.localPart // RFC 7208 §4.3
  const address = parseIp(input.address)
  const about = { scope, domain: domain ?? '' } as const
  if (address === null || domain === null || !isHostName(domain))
    return { ...about, result: 'none', why: 'no domain to look at', explanation: null } // RFC 7208 §4.3
  const nowSeconds = Math.floor(input.now / 1000)
  const facts = { address, sender: `${localPart}@${domain}`, helo, domain, receiver: input.receiver, nowSeconds }
  try {
    return { ...about, ...(yield* evaluate({ facts, spent: { lookups: 0, voids: 0, name: null } })) }
  } catch (error) {
    if (!(error instanceof Ended)) throw error
    return { ...about, result: error.result, why: error.message, explanation: null }
  }
}

function* evaluate(state: State): Asking<Verdict> {
  const { domain } = state.facts
  const found = yield* recordOf(domain)
  if (found === null) return { result: 'none', why: `${domain} publishes no SPF record`, explanation: null }
  if (found.length > SPF_RECORD_MAX_CHARACTERS) throw new Ended('permerror', `${domain} publishes too long a record`)
  const parsed = parseSpfRecord(found)
  if ('wrong' in parsed) throw new Ended('permerror', `${domain} publishes a term that is none: ${shown(parsed.wrong)}`)
  for (const { qualifier, mechanism, text } of parsed.directives) {
    if (!(yield* matches(mechanism, state))) continue
    const result = BY_QUALIFIER[qualifier]
    const explanation = result === 'fail' ? yield* explain(parsed, state) : null
    return { result, why: `${shown(text)} of ${domain}`, explanation }
  }
  if (parsed.redirect !== null) return yield* redirected(parsed.redirect, state)
  return { result: 'neutral', why: `nothing of ${domain} matches`, explanation: null } // RFC 7208 §4.7
}

/** RFC 7208 §4.4, §4.5. */
function* recordOf(domain: string): Asking<string | null> {
  const answer = yield { name: domain, type: 'TXT' }
  if (answer.at === 'failed') throw new Ended('temperror', `TXT of ${domain}: ${answer.why}`)
  const records = textsIn(answer).filter(isSpfRecord)
  if (records.length > 1) throw new Ended('permerror', `${domain} publishes ${records.length} SPF records`)
  return records[0] ?? null
}

/** RFC 7208 §6.1. */
function* redirected(to: readonly MacroPiece[], state: State): Asking<Verdict> {
  spend(state)
  const domain = yield* expandDomain(to, state)
  if (!isHostName(domain)) throw new Ended('permerror', `redirected to ${shown(domain)}, which is no domain`)
  const verdict = yield* evaluate({ ...state, facts: { ...state.facts, domain } })
  if (verdict.result === 'none') throw new Ended('permerror', `redirected to ${domain}, which has no SPF record`)
  return verdict
}

function* matches(mechanism: SpfMechanism, state: State): Asking<boolean> {
  switch (mechanism.kind) {
    case 'all':
      return true
    case 'ip':
      return sameNetwork(mechanism.octets, state.facts.address, mechanism.bits)
    case 'include':
      return yield* includes(mechanism.domain, state)
    case 'a': {
      spend(state)
      const domain = yield* targetOf(mechanism.domain, state)
      return yield* hostMatches(domain, mechanism, { ...state, counts: true })
    }
    case 'mx':
      return yield* mxMatches(mechanism, state)
    case 'ptr':
      return yield* ptrMatches(mechanism.domain, state)
    case 'exists': {
      spend(state)
      const domain = yield* targetOf(mechanism.domain, state)
      if (!fitsDns(domain)) return false
      // RFC 7208 §5.7: A, also for IPv6.
      return (yield* look({ name: domain, type: 'A' }, state)).length > 0
    }
    default:
      return never(mechanism)
  }
}

/** RFC 7208 §5.2. */
function* includes(to: readonly MacroPiece[], state: State): Asking<boolean> {
  spend(state)
  const domain = yield* expandDomain(to, state)
  if (!isHostName(domain)) throw new Ended('permerror', `includes ${shown(domain)}, which is no domain`)
  const { result } = yield* evaluate({ ...state, facts: { ...state.facts, domain } })
  if (result === 'none') throw new Ended('permerror', `includes ${domain}, which has no SPF record`)
  return result === 'pass'
}

type Bits = { readonly bits4: number; readonly bits6: number }

/** `counts`: whether nothing found is counted. */
function* hostMatches(
  domain: string,
  { bits4, bits6 }: Bits,
  state: State & { readonly counts: boolean },
): Asking<boolean> {
  if (!fitsDns(domain)) return false
  const { address } = state.facts
  const type = address.length === 4 ? 'A' : 'AAAA'
  const bits = address.length === 4 ? bits4 : bits6
  const found = state.counts
    ? yield* look({ name: domain, type }, state)
    : recordsIn(yield* answered({ name: domain, type }))
  for (const text of found) {
    const octets = parseIp(text as string)
    if (octets !== null && sameNetwork(octets, address, bits)) return true
  }
  return false
}

/** RFC 7208 §5.4. */
function* mxMatches(mechanism: Extract<SpfMechanism, { kind: 'a' | 'mx' }>, state: State): Asking<boolean> {
  spend(state)
  const domain = yield* targetOf(mechanism.domain, state)
  if (!fitsDns(domain)) return false
  const records = (yield* look({ name: domain, type: 'MX' }, state)) as readonly MxRecord[]
  // RFC 7208 §4.6.4
  if (records.length > SPF_MX_MAX) throw new Ended('permerror', `${domain} has more than ${SPF_MX_MAX} MX records`)
  // RFC 7208 §4.6.4 counts terms that find nothing, and this one has found its hosts: three of IPv4 are no error of IPv6.
  for (const { exchange } of records) {
    if (yield* hostMatches(exchange, mechanism, { ...state, counts: false })) return true
  }
  return false
}

/** RFC 7208 §5.5: a failing lookup is no match, not an error. */
function* ptrMatches(to: readonly MacroPiece[] | null, state: State): Asking<boolean> {
  spend(state)
  const target = (yield* targetOf(to, state)).toLowerCase()
  const names = yield* namesOf(state.facts.address, state)
  for (const name of names) {
    if (name !== target && !name.endsWith(`.${target}`)) continue
    if (yield* leadsBack(name, state.facts.address)) return true
  }
  return false
}

function* namesOf(address: Uint8Array, state: State): Asking<readonly string[]> {
  const answer = yield { name: reverseName(address), type: 'PTR' }
  if (answer.at === 'failed') return []
  countVoid(answer, state)
  return textsIn(answer).slice(0, SPF_PTR_MAX) // RFC 7208 §4.6.4: the rest is left aside.
}

/** Not counted as void: it is a part of one term's look-up. */
function* leadsBack(name: string, address: Uint8Array): Asking<boolean> {
  const answer = yield { name, type: address.length === 4 ? 'A' : 'AAAA' }
  return textsIn(answer).some((text) => {
    const octets = parseIp(text)
    return octets !== null && sameNetwork(octets, address, address.length * 8)
  })
}

/** The `p` macro: a name that leads back, of the domain itself or below it where there is one (RFC 7208 §7.3). */
function* validatedName(state: State): Asking<string> {
  const { spent, facts } = state
  if (spent.name !== null) return spent.name
  spent.name = 'unknown'
  const names = yield* namesOf(facts.address, state)
  const rank = (name: string): number => (name === facts.domain ? 0 : name.endsWith(`.${facts.domain}`) ? 1 : 2)
  for (const name of names.toSorted((a, b) => rank(a) - rank(b))) {
    if (!(yield* leadsBack(name, facts.address))) continue
    spent.name = name
    break
  }
  return spent.name
}

function* targetOf(domain: readonly MacroPiece[] | null, state: State): Asking<string> {
  return domain === null ? state.facts.domain : yield* expandDomain(domain, state)
}

/** RFC 7208 §7.3: of what is too long, labels go from the left. */
function* expandDomain(pieces: readonly MacroPiece[], state: State): Asking<string> {
  const name = needsName(pieces) ? yield* validatedName(state) : 'unknown'
  let text = expandMacros(pieces, state.facts, name)
  if (text.endsWith('.')) text = text.slice(0, -1)
  if (text.length <= 253) return text
  const dot = text.indexOf('.', text.length - 254)
  return dot === -1 ? text : text.slice(dot + 1)
}

/** RFC 7208 §6.2: whatever is wrong with it, there is none, and the result stays. */
function* explain({ explanation }: SpfRecord, state: State): Asking<string | null> {
  if (explanation === null) return null
  try {
    const domain = yield* expandDomain(explanation, state)
    if (!fitsDns(domain)) return null
    const texts = textsIn(yield { name: domain, type: 'TXT' })
    const [text = ''] = texts
    const one = texts.length === 1 && text.length <= SPF_RECORD_MAX_CHARACTERS
    const pieces = one ? parseMacros(text, { explanation: true }) : null
    if (pieces === null) return null
    const name = needsName(pieces) ? yield* validatedName(state) : 'unknown'
    return expandMacros(pieces, state.facts, name)
      .replace(/[^ -~]/g, '?')
      .slice(0, SPF_EXPLANATION_MAX_CHARACTERS)
  } catch (error) {
    if (error instanceof Ended) return null
    throw error
  }
}

/** One of the terms that ask (RFC 7208 §4.6.4). */
function spend({ spent }: State): void {
  spent.lookups++
  if (spent.lookups > SPF_LOOKUPS_MAX) throw new Ended('permerror', `more than ${SPF_LOOKUPS_MAX} terms that ask DNS`)
}

function* answered(question: DnsQuestion): Asking<DnsAnswer<DnsRecords[DnsType]>> {
  const answer = yield question
  if (answer.at === 'failed') throw new Ended('temperror', `${question.type} of ${shown(question.name)}: ${answer.why}`)
  return answer
}

function* look(question: DnsQuestion, state: State): Asking<readonly DnsRecords[DnsType][]> {
  const answer = yield* answered(question)
  countVoid(answer, state)
  return recordsIn(answer)
}

function countVoid(answer: DnsAnswer<unknown>, { spent }: State): void {
  if (answer.at !== 'no-such-domain' && answer.at !== 'no-data') return
  spent.voids++
  if (spent.voids > SPF_VOID_LOOKUPS_MAX)
    throw new Ended('permerror', `more than ${SPF_VOID_LOOKUPS_MAX} look-ups found nothing`)
}

const recordsIn = (answer: DnsAnswer<DnsRecords[DnsType]>): readonly DnsRecords[DnsType][] =>
  answer.at === 'found' ? answer.records : []
/** Of a question whose records are texts: TXT, PTR, A, AAAA. */
const textsIn = (answer: DnsAnswer<DnsRecords[DnsType]>): readonly string[] => recordsIn(answer) as readonly string[]

function sameNetwork(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index * 8 < bits; index++) {
    const mask = (0xff << Math.max(0, 8 - (bits - index * 8))) & 0xff
    if ((a[index]! & mask) !== (b[index]! & mask)) return false
  }
  return true
}

/** RFC 1035 §3.5, RFC 3596 §2.5. */
export function reverseName(address: Uint8Array): string {
  if (address.length === 4) return `${address.toReversed().join('.')}.in-addr.arpa`
  return `${[...Buffer.from(address).toString('hex')].toReversed().join('.')}.ip6.arpa`
}

function plainName(name: string): string | null {
  const plain = name.endsWith('.') ? name.slice(0, -1) : name
  if (/^[\x00-\x7f]*$/.test(plain)) return plain.toLowerCase()
  const ascii = domainToASCII(plain)
  return ascii === '' ? null : ascii
}

/** What can be asked for at all. */
function fitsDns(name: string): boolean {
  return name.length <= 253 && name.split('.').every((label) => label !== '' && label.length <= 63)
}

/** RFC 7208 §4.3: a name of several labels. */
const isHostName = (name: string): boolean => fitsDns(name) && name.includes('.') && !/[[\]:\s]/.test(name)

const shown = (text: string): string => text.replace(/[^ -~]/g, '?').slice(0, 100)
