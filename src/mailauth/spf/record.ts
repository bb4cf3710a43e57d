/** The grammar of SPF records (RFC 7208 §12). */
import { parseIp } from '../../model/network.ts'
import { parseMacros, type MacroPiece } from './macro.ts'

export type Qualifier = '+' | '-' | '~' | '?'

export type SpfMechanism =
  | { readonly kind: 'all' }
  | { readonly kind: 'include' | 'exists'; readonly domain: readonly MacroPiece[] }
  /** `domain` null: the one that is looked at. */
  | {
      readonly kind: 'a' | 'mx'
      readonly domain: readonly MacroPiece[] | null
      readonly bits4: number
      readonly bits6: number
    }
  | { readonly kind: 'ptr'; readonly domain: readonly MacroPiece[] | null }
  | { readonly kind: 'ip'; readonly octets: Uint8Array; readonly bits: number }

export type SpfDirective = { readonly qualifier: Qualifier; readonly mechanism: SpfMechanism; readonly text: string }

export type SpfRecord = {
  readonly directives: readonly SpfDirective[]
  readonly redirect: readonly MacroPiece[] | null
  readonly explanation: readonly MacroPiece[] | null
}

/** RFC 7208 §4.5. */
export const isSpfRecord = (text: string): boolean => /^v=spf1(?: |$)/i.test(text)

/** @returns the record, or which term is wrong (a permerror, RFC 7208 §4.6) */
export function parseSpfRecord(text: string): SpfRecord | { readonly wrong: string } {
  const directives: SpfDirective[] = []
  let redirect: readonly MacroPiece[] | null = null
  let explanation: readonly MacroPiece[] | null = null
  for (const term of text.slice('v=spf1'.length).split(' ')) {
    if (term === '') continue
    const modifier = /^([a-z][a-z\d\-_.]*)=(.*)$/i.exec(term)
    if (modifier !== null) {
      const [, name = '', value = ''] = modifier
      const known = name.toLowerCase()
      if (known === 'redirect' || known === 'exp') {
        const domain = parseDomainSpec(value)
        // RFC 7208 §6: each at most once.
        if (domain === null || (known === 'redirect' ? redirect : explanation) !== null) return { wrong: term }
        if (known === 'redirect') redirect = domain
        else explanation = domain
      } else if (parseMacros(value, { explanation: false }) === null) return { wrong: term }
      continue
    }
    const directive = parseDirective(term)
    if (directive === null) return { wrong: term }
    directives.push(directive)
  }
  return { directives, redirect, explanation }
}

function parseDirective(term: string): SpfDirective | null {
  const parts = /^([+\-?~]?)([a-z][a-z\d]*)(?![a-z\d])(.*)$/i.exec(term)
  if (parts === null) return null
  const [, sign = '', name = '', rest = ''] = parts
  const mechanism = parseMechanism(name.toLowerCase(), rest)
  return mechanism === null ? null : { qualifier: sign === '' ? '+' : (sign as Qualifier), mechanism, text: term }
}

function parseMechanism(name: string, rest: string): SpfMechanism | null {
  switch (name) {
    case 'all':
      return rest === '' ? { kind: 'all' } : null
    case 'include':
    case 'exists': {
      const domain = rest.startsWith(':') ? parseDomainSpec(rest.slice(1)) : null
      return domain === null ? null : { kind: name, domain }
    }
    case 'ptr': {
      if (rest === '') return { kind: 'ptr', domain: null }
      const domain = rest.startsWith(':') ? parseDomainSpec(rest.slice(1)) : null
      return domain === null ? null : { kind: 'ptr', domain }
    }
    case 'a':
    case 'mx':
      return parseHosts(name, rest)
    case 'ip4':
    case 'ip6':
      return parseNetwork(name, rest)
    default:
      return null
  }
}

function parseHosts(kind: 'a' | 'mx', rest: string): SpfMechanism | null {
  const parts = /^(.*?)(?:\/(0|[1-9]\d{0,2}))?(?:\/\/(0|[1-9]\d{0,2}))?$/.exec(rest)
  if (parts === null) return null
  const [, name = '', bits4 = '32', bits6 = '128'] = parts
  if (Number(bits4) > 32 || Number(bits6) > 128) return null
  const bits = { bits4: Number(bits4), bits6: Number(bits6) }
  if (name === '') return { kind, domain: null, ...bits }
  const domain = name.startsWith(':') ? parseDomainSpec(name.slice(1)) : null
  return domain === null ? null : { kind, domain, ...bits }
}

function parseNetwork(name: 'ip4' | 'ip6', rest: string): SpfMechanism | null {
  const parts = /^:([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(rest)
  if (parts === null) return null
  const [, address = '', bits] = parts
  if ((name === 'ip6') !== address.includes(':')) return null
  const octets = parseIp(address)
  if (octets === null || address.includes('%')) return null
  const most = name === 'ip4' ? 32 : 128
  const wanted = bits === undefined ? most : Number(bits)
  if (wanted > most) return null
  // An IPv4-mapped address came back as IPv4.
  const mapped = name === 'ip6' && octets.length === 4
  return { kind: 'ip', octets, bits: mapped ? Math.max(0, wanted - 96) : wanted }
}

/** A domain-spec: ends in a macro, or in a dot and a label that is no number (RFC 7208 §7.1). */
function parseDomainSpec(text: string): readonly MacroPiece[] | null {
  if (text === '') return null
  const pieces = parseMacros(text, { explanation: false })
  if (pieces === null) return null
  if (text.endsWith('}') || /%[%_-]$/.test(text)) return pieces
  const label = /\.([a-z\d](?:[a-z\d-]*[a-z\d])?)\.?$/i.exec(text)
  return label === null || /^\d+$/.test(label[1] ?? '') ? null : pieces
}
