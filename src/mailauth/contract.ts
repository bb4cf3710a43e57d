/** Verdicts about mail, as those see them who act on them (RFC 8601 names the results). */
import type { DnsAnswer, DnsRecords, DnsType } from '../model/dns.ts'

/** What a verdict needs to know; whoever runs it asks a resolver. */
export type DnsQuestion = { readonly name: string; readonly type: DnsType }

/** A verdict that asks: yields questions, one at a time, is resumed with the answers, and returns the result. */
export type Asking<T> = Generator<DnsQuestion, T, DnsAnswer<DnsRecords[DnsType]>>

/** RFC 7208 §2.6. */
export type SpfResult = {
  readonly result: 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror'
  /** Which name was looked at. */
  readonly scope: 'mailfrom' | 'helo'
  /** Lower-case, A-labels. */
  readonly domain: string
  /** The mechanism that matched, or what went wrong; one clause for a person. */
  readonly why: string
  /** RFC 7208 §6.2, of a fail: the domain's own words, printable ASCII. */
  readonly explanation: string | null
}

/** Of one DKIM-Signature field (RFC 8601 §2.7.1). */
export type DkimResult = {
  readonly result: 'pass' | 'fail' | 'neutral' | 'policy' | 'temperror' | 'permerror'
  /** d=, s=, i= and a= as far as they could be read; empty else. */
  readonly domain: string
  readonly selector: string
  readonly identity: string
  readonly algorithm: string
  /** The first characters of b=, to tell signatures apart (RFC 6008). */
  readonly signature: string
  /** One clause for a person. */
  readonly why: string
  /** The key's t=y (RFC 6376 §3.6.1). */
  readonly testing: boolean
}

/** RFC 8617 §8; information, nothing more. */
export type ArcResult = {
  readonly result: 'none' | 'pass' | 'fail'
  /** Of the newest set; 0: none. */
  readonly instance: number
  /** The newest seal's domain; empty: none. */
  readonly domain: string
  readonly why: string
}

/** RFC 8601 §2.7.3. `name`: of the address, where it leads back to it. */
export type IprevResult = { readonly result: 'pass' | 'fail' | 'temperror' | 'permerror'; readonly name: string | null }

export type DmarcPolicy = 'none' | 'quarantine' | 'reject'

export type DmarcResult = {
  readonly result: 'none' | 'pass' | 'fail' | 'temperror' | 'permerror'
  /** Of the From field; empty where there is none that can be read. */
  readonly fromDomain: string
  /** Where the record was found; null: nowhere. */
  readonly policyDomain: string | null
  /** What the domain asks for with this letter; `none` also where nothing was found. */
  readonly policy: DmarcPolicy
  readonly spfAligned: boolean
  readonly dkimAligned: boolean
  /** The record's tags as published, for reports; null: there is none. */
  readonly published: DmarcPublished | null
  readonly why: string
}

export type DmarcPublished = {
  readonly p: DmarcPolicy
  readonly sp: DmarcPolicy | null
  readonly np: DmarcPolicy | null
  readonly adkim: 'r' | 's'
  readonly aspf: 'r' | 's'
  /** The domain asks for tests only. */
  readonly testing: boolean
  /** mailto: addresses that want aggregate reports. */
  readonly rua: readonly string[]
}

/** All that was found out about who a letter is from. */
export type Authentication = {
  readonly spf: SpfResult
  readonly dkim: readonly DkimResult[]
  readonly dmarc: DmarcResult
  readonly arc: ArcResult
  readonly iprev: IprevResult
}

/** One letter as a DMARC aggregate report counts it. */
export type DmarcObservation = {
  /** Epoch milliseconds. */
  readonly at: number
  readonly sourceAddress: string
  readonly reversePathDomain: string
  readonly authentication: Authentication
  /** What was done with it, and why if not what was asked for. */
  readonly disposition: DmarcPolicy
  readonly overridden: string | null
}

/** One TLS session with a host that mail went to, or that failed, as a TLS report counts it (RFC 8460 §4.3, §4.4). */
export type TlsObservation = {
  readonly at: number
  /** Where the mail was for. */
  readonly domain: string
  readonly policy: {
    readonly type: 'sts' | 'tlsa' | 'no-policy-found'
    /** The policy's lines; TLSA records as text. */
    readonly strings: readonly string[]
    readonly mxPatterns: readonly string[]
  }
  readonly sendingAddress: string
  readonly mx: string
  readonly mxAddress: string
  /** Null: it went well. */
  readonly failure: TlsFailure | null
  readonly detail: string
}

/** RFC 8460 §4.3. */
export type TlsFailure =
  | 'starttls-not-supported'
  | 'certificate-host-mismatch'
  | 'certificate-expired'
  | 'certificate-not-trusted'
  | 'validation-failure'
  | 'tlsa-invalid'
  | 'dnssec-invalid'
  | 'dane-required'
  | 'sts-policy-fetch-error'
  | 'sts-policy-invalid'
  | 'sts-webpki-invalid'
