import { parseStsPolicy } from '../../format/mta-sts/policy.ts'
import { ask } from '../../mailauth/ask.ts'
import type { TlsFailure } from '../../mailauth/contract.ts'
import { findStsRecord } from '../../mailauth/mta-sts/record.ts'
import type { Resolver } from '../../model/dns.ts'
import { MTA_STS_POLICIES_MAX, MTA_STS_REFETCH_AFTER_MS, MTA_STS_REFRESH_AFTER_MS } from '../../model/limits.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { KeptStsPolicy, StsFetch, StsFinding, StsPolicies, StsPolicyStore } from './contract.ts'

type Failure = NonNullable<StsFinding['failure']>
type Fetched = { readonly at: 'policy'; readonly policy: KeptStsPolicy } | ({ readonly at: 'failed' } & Failure)

const PATH = '/.well-known/mta-sts.txt'

/**
 * Finds policies: by the domain's record, from memory and the store, by HTTPS when they are new, changed or a day old.
 * A policy that was fetched holds for its max_age, whatever becomes of DNS and of its server (RFC 8461 §3.3, §10.2).
 */
export function createStsPolicies(parts: {
  readonly resolver: Resolver
  readonly fetch: StsFetch
  readonly store: StsPolicyStore
  readonly clock: Clock
  readonly log: Log
}): StsPolicies {
  const { resolver, store, clock, log } = parts
  /** What the store said or was told; null: nothing. */
  const known = new Map<string, KeptStsPolicy | null>()
  const failed = new Map<string, { readonly until: number; readonly id: string; readonly failure: Failure }>()
  const fetching = new Map<string, Promise<Fetched>>()

  /** A store that does not answer must not let a letter pass unchecked: what cannot be read is thrown. */
  async function keptOf(domain: string): Promise<KeptStsPolicy | null> {
    const there = known.get(domain)
    const policy = there === undefined ? await store.read(domain) : there
    remember(known, domain, policy)
    if (policy === null || policy.fetchedAt + policy.maxAgeSeconds * 1000 > clock.now()) return policy
    remember(known, domain, null)
    await tell(() => store.forget(domain), domain)
    return null
  }

  async function tell(write: () => Promise<void>, domain: string): Promise<void> {
    try {
      await write()
    } catch (error) {
      // It holds in memory all the same.
      log.error({ event: 'sts.store.failed', domain, error: error instanceof Error ? error.message : 'unknown' })
    }
  }

  /** One fetch of a domain at a time; after a failure none for a while (RFC 8461 §3.3). */
  function fetchOnce(domain: string, id: string): Promise<Fetched> {
    const before = failed.get(domain)
    if (before !== undefined && before.id === id && before.until > clock.monotonic())
      return Promise.resolve({ at: 'failed', ...before.failure })
    const running = fetching.get(domain)
    if (running !== undefined) return running
    const begun = fetchAndKeep(domain, id).finally(() => fetching.delete(domain))
    fetching.set(domain, begun)
    return begun
  }

  async function fetchAndKeep(domain: string, id: string): Promise<Fetched> {
    const fetched = await fetchPolicy(domain, id, parts)
    if (fetched.at === 'failed') {
      const { failure, detail } = fetched
      const until = clock.monotonic() + MTA_STS_REFETCH_AFTER_MS
      remember(failed, domain, { until, id, failure: { failure, detail } })
      log.warn({ event: 'sts.fetch.failed', domain, failure, detail })
      return fetched
    }
    failed.delete(domain)
    const { policy } = fetched
    const { mode, mx, maxAgeSeconds } = policy
    log.info({ event: 'sts.fetched', domain, id, mode, mx, maxAgeSeconds })
    // Kept even where the mode is none: RFC 8461 §8.3, it takes the place of the one before.
    remember(known, domain, policy)
    await tell(() => (mode === 'none' ? store.forget(domain) : store.keep(policy)), domain)
    return fetched
  }

  return {
    async find(domain) {
      const [record, kept] = await Promise.all([
        ask(findStsRecord(domain), ({ name, type }) => resolver.query(name, type)),
        keptOf(domain),
      ])
      // RFC 8461 §3.3, §10.2: who takes the record away does not take the policy away.
      if (record.at !== 'found') return found(kept, 'kept', null)
      if (kept !== null && kept.id === record.id) {
        const refreshAt = Math.min(MTA_STS_REFRESH_AFTER_MS, (kept.maxAgeSeconds * 1000) / 2)
        // No letter waits for it; what fails is told and tried again.
        if (clock.now() - kept.fetchedAt >= refreshAt) fetchOnce(domain, record.id).catch(() => {})
        return found(kept, 'kept', null)
      }
      const fetched = await fetchOnce(domain, record.id)
      if (fetched.at === 'policy') return found(fetched.policy, 'fetched', null)
      const { failure, detail } = fetched
      return found(kept, 'kept', { failure, detail })
    },
  }
}

/** RFC 8461 §5: `none` is as if there were none. */
function found(policy: KeptStsPolicy | null, from: 'fetched' | 'kept', failure: Failure | null): StsFinding {
  if (policy === null || policy.mode === 'none') return { policy: null, from: 'nowhere', failure }
  return { policy, from, failure }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  if (map.size >= MTA_STS_POLICIES_MAX) map.delete(map.keys().next().value!)
  map.set(key, value)
}

async function fetchPolicy(
  domain: string,
  id: string,
  { fetch, clock }: { readonly fetch: StsFetch; readonly clock: Clock },
): Promise<Fetched> {
  const no = (failure: TlsFailure, detail: string): Fetched => ({ at: 'failed', failure, detail })
  let answer
  try {
    answer = await fetch({ host: `mta-sts.${domain}`, path: PATH })
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string }
    return no(isCertificateCode(code) ? 'sts-webpki-invalid' : 'sts-policy-fetch-error', message)
  }
  // RFC 8461 §3.3: redirects are not followed, nothing but 200 counts.
  if (answer.status !== 200) return no('sts-policy-fetch-error', `the answer was ${answer.status}`)
  const type = answer.header('content-type') ?? ''
  if (!/^text\/plain *(?:;|$)/i.test(type)) return no('sts-policy-invalid', `its media type is not text/plain`) // §3.2.
  const policy = parseStsPolicy(answer.body)
  if ('wrong' in policy) return no('sts-policy-invalid', policy.wrong)
  return { at: 'policy', policy: { ...policy, domain, id, fetchedAt: clock.now() } }
}

/** OpenSSL's and Node's names for a certificate that does not do. */
export function isCertificateCode(code: unknown): code is string {
  return typeof code === 'string' && /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ALTNAME|_CA$|KEY_TOO/.test(code)
}
