/** Names and what they stand for (RFC 1034), as a resolver tells it. */

export type MxRecord = { readonly preference: number; readonly exchange: string }

export type SrvRecord = {
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** `.` says that the service is not offered (RFC 2782). */
  readonly target: string
}
/** RFC 8659 §4.1; a set bit 128 in `flags` makes it critical. */
export type CaaRecord = { readonly flags: number; readonly tag: string; readonly value: string }
/** RFC 6698 §2.1; `data` in hexadecimal, lower-case. */
export type TlsaRecord = {
  readonly usage: number
  readonly selector: number
  readonly matching: number
  readonly data: string
}

export type DsRecord = { readonly keyTag: number; readonly algorithm: number; readonly digestType: number }

/** Names are lower-case and without the final dot. */
export type DnsRecords = {
  A: string
  AAAA: string
  MX: MxRecord
  TXT: string
  PTR: string
  CNAME: string
  NS: string
  SRV: SrvRecord
  CAA: CaaRecord
  TLSA: TlsaRecord
  /** RFC 4034 §5: at the parent, of a zone that is signed. */
  DS: DsRecord
  /** The zone's primary server: who owns a name is found by this. */
  SOA: string
}
export type DnsType = keyof DnsRecords

export type DnsAnswer<T> =
  | {
      readonly at: 'found'
      readonly records: readonly T[]
      readonly ttlSeconds: number
      readonly authenticated: boolean
      /** Where CNAMEs led, when not the name that was asked for. */
      readonly canonical?: string
    }
  /** `authenticated`: DNSSEC proves that there is nothing (RFC 4035 §5.4). */
  | { readonly at: 'no-such-domain'; readonly authenticated?: boolean }
  | { readonly at: 'no-data'; readonly authenticated?: boolean }
  /** Try again later (R18). */
  | { readonly at: 'failed'; readonly why: 'timeout' | 'servfail' | 'refused' | 'malformed' | 'network' }

export type Resolver = {
  /** Follows CNAMEs. `name` without the final dot. Never throws. */
  query<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>>
}
