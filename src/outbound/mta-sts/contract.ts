/** MTA-STS policies of other domains (RFC 8461). */
import type { StsPolicy } from '../../format/mta-sts/policy.ts'
import type { TlsFailure } from '../../mailauth/contract.ts'

/** A policy as it was fetched. */
export type KeptStsPolicy = StsPolicy & {
  /** Lower-case, A-labels. */
  readonly domain: string
  readonly id: string
  /** Epoch milliseconds. */
  readonly fetchedAt: number
}

/** Keeps policies over a restart. */
export type StsPolicyStore = {
  read(domain: string): Promise<KeptStsPolicy | null>
  keep(policy: KeptStsPolicy): Promise<void>
  forget(domain: string): Promise<void>
}

/** Fetches `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`; redirects are answers. Rejects with the reason, TLS's codes as `code`. */
export type StsFetch = (from: { readonly host: string; readonly path: string }) => Promise<{
  readonly status: number
  readonly header: (name: string) => string | null
  readonly body: string
}>

export type StsFinding = {
  /** What holds now; null: no policy. */
  readonly policy: KeptStsPolicy | null
  /** Where it is from, for people. */
  readonly from: 'fetched' | 'kept' | 'nowhere'
  /** What went wrong while looking. */
  readonly failure: { readonly failure: TlsFailure; readonly detail: string } | null
}

export type StsPolicies = {
  /** What a domain's policy is now. @throws StoreError: no letter goes on without knowing */
  find(domain: string): Promise<StsFinding>
}
