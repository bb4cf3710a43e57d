import { X509Certificate, createHash } from 'node:crypto'
import type { DnsSettings } from '../exposure/dns/contract.ts'
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
 * @param certificates PEM, in use on 25
 */
export async function dnsSettings(
  config: Config,
  plan: ExposurePlan,
  domains: readonly string[],
  certificates: readonly string[] = [],
): Promise<DnsSettings> {
  const dkim: DnsSettings['dkim'] = new Map(
    await Promise.all(
      domains.map(async (domain) => [domain, await readDkimKeys(config.dataDir, domain).catch(() => [])] as const),
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
    keyDigests: certificates.map(keyDigest),
  }
}

/** RFC 6698 §2.1: selector 1, matching type 1. */
function keyDigest(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('hex')
}
