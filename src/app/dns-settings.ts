import type { DnsSettings, KeyDigest } from '../exposure/dns/contract.ts'
import type { ExposurePlan } from '../exposure/contract.ts'
import { stsPolicyId } from '../format/mta-sts/policy.ts'
import type { Config } from './config/config.ts'
import { readDkimKeys } from './dkim-keys.ts'
import { stsPolicyOf } from './web-settings.ts'

/** Let's Encrypt's name in CAA records; other CAs are not guessed at. */
const LETS_ENCRYPT = 'letsencrypt.org'

/**
 * What the DNS records are made from.
 * @param domains of the store, or of the file when no server tells
 * @param keyDigests for TLSA records; none where the host's zone is not signed
 * @param keysUnread the DKIM keys are there, and this user may not read them, or one is spoilt: theirs are left out
 */
export async function dnsSettings(
  config: Config,
  plan: ExposurePlan,
  domains: readonly string[],
  keysUnread: (why: Error) => void,
  keyDigests: readonly KeyDigest[] = [],
): Promise<DnsSettings> {
  const dkim: DnsSettings['dkim'] = new Map(
    await Promise.all(
      domains.map(async (domain) => {
        const keys = await readDkimKeys(config.dataDir, domain).catch((error: unknown) => {
          keysUnread(error instanceof Error ? error : new Error(String(error)))
          return []
        })
        return [domain, keys] as const
      }),
    ),
  )
  const policy = stsPolicyOf(config)
  const { acme } = config
  return {
    hostname: config.hostname,
    domains,
    plan,
    dkim,
    stsPolicyId: policy === null ? null : stsPolicyId(policy),
    certificateAuthority: acme !== null && acme.directory.includes(LETS_ENCRYPT) ? LETS_ENCRYPT : null,
    keyDigests,
  }
}
