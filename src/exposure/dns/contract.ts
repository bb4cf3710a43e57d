/** DNS records as a server of mail wants them published: pure data, made by records.ts. Names are without the final dot. */
import type { ExposurePlan } from '../contract.ts'

export type RecordId =
  | 'address'
  | 'mx'
  | 'spf'
  | 'spf-helo'
  | 'dkim'
  | 'dmarc'
  | 'mta-sts'
  | 'mta-sts-host'
  | 'tls-rpt'
  | 'autoconfig'
  | 'autodiscover'
  | 'autodiscover-srv'
  | 'srv'
  | 'caa'
  | 'tlsa'
  | 'ptr'

export type RecordData =
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME' | 'PTR'; readonly target: string }
  | { readonly type: 'MX'; readonly preference: number; readonly exchange: string }
  /** Whole, however long: printing cuts it into strings (RFC 1035 §3.3). */
  | { readonly type: 'TXT'; readonly text: string }
  /** `target` "" says that the service is not offered (RFC 2782; RFC 6186 §3.4). */
  | {
      readonly type: 'SRV'
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    }
  | { readonly type: 'CAA'; readonly flags: number; readonly tag: string; readonly value: string }
  | {
      readonly type: 'TLSA'
      readonly usage: number
      readonly selector: number
      readonly matching: number
      /** Hexadecimal, lower-case. */
      readonly data: string
    }

/** `inside`: for a name server of the inner networks only (split DNS). `provider`: whoever gave the address sets it. */
export type RecordPlace = 'public' | 'inside' | 'provider'

export type WantedRecord = {
  readonly id: RecordId
  readonly name: string
  /** The domain in whose zone a person will look for it; for `ptr` the reverse name itself. */
  readonly zone: string
  readonly data: RecordData
  /** Without `required` ones mail does not come, or is refused elsewhere. */
  readonly need: 'required' | 'recommended' | 'optional'
  readonly place: RecordPlace
  /** Some panels refuse a lone dot as target: then leave it out, nothing breaks. */
  readonly skippable: boolean
}

export type DnsSettings = {
  readonly hostname: string
  readonly domains: readonly string[]
  readonly plan: ExposurePlan
  /** By domain; as `printDkimRecord` gives it. */
  readonly dkim: ReadonlyMap<string, readonly { readonly selector: string; readonly record: string }[]>
  /** RFC 8461 §3.1: another for each policy. Null: no MTA-STS. */
  readonly stsPolicyId: string | null
  /** Who may issue certificates, as CAA names them: `letsencrypt.org`; null: no CAA is wanted. */
  readonly certificateAuthority: string | null
  /** For zones that are signed. */
  readonly keyDigests: readonly KeyDigest[]
}

/** SHA-256 of a public key (SubjectPublicKeyInfo), hexadecimal: one in use on 25, or one that will be. */
export type KeyDigest = { readonly digest: string; readonly use: 'now' | 'next' }
