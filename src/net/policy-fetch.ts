/** A document from a host that a stranger named: only from the internet, never from inside (S21). */
import { isIP } from 'node:net'
import type { LookupFunction } from 'node:net'
import { getCACertificates } from 'node:tls'
import { isGlobalAddress } from '../model/global-address.ts'
import type { Resolver } from '../model/dns.ts'
import { answerOf, signalOf, type Bounds, type FetchedAnswer } from './https-fetch.ts'

export type PublicFetchOptions = Bounds & {
  readonly resolver: Resolver
  /** Tests only: a further CA, another port, and addresses that may be dialled beside global ones. */
  readonly ca?: string
  readonly port?: number
  readonly mayDial?: (address: string) => boolean
}

/** Rejects with the reason, TLS's codes as `code`. Redirects are answers. The address that was checked is the one that is dialled. */
export function createPublicFetch(
  options: PublicFetchOptions,
): (from: { readonly host: string; readonly path: string }) => Promise<FetchedAnswer> {
  const mayDial = options.mayDial ?? isGlobalAddress
  const lookup = globalLookup(options.resolver, mayDial)
  const trust = options.ca === undefined ? {} : { ca: [...getCACertificates('default'), options.ca] }
  return async ({ host, path }) => {
    // An address would not be looked up, and is no domain's name.
    if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) throw new TypeError(`${host} is no host name`)
    const { request } = await import('node:https')
    const settings = { host, port: options.port ?? 443, path, servername: host, agent: false, lookup, ...trust }
    return answerOf((got) => request({ ...settings, ...signalOf(options) }, got), null, options)
  }
}

function globalLookup(resolver: Resolver, mayDial: (address: string) => boolean): LookupFunction {
  return (host, { all }, callback) => {
    const look = async (): Promise<void> => {
      const [four, six] = await Promise.all([resolver.query(host, 'A'), resolver.query(host, 'AAAA')])
      const found = [four, six].flatMap((answer) => (answer.at === 'found' ? answer.records : []))
      const allowed = found.filter(mayDial).map((address) => ({ address, family: isIP(address) }))
      const [first] = allowed
      if (first === undefined) {
        const why = found.length === 0 ? 'has no address' : 'leads to addresses that are not of the internet'
        return callback(Object.assign(new Error(`${host} ${why}`), { code: 'ENOTFOUND' }), '')
      }
      if (all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    }
    look().catch((error: NodeJS.ErrnoException) => callback(error, ''))
  }
}
