import { clientServers } from '../exposure/client-servers.ts'
import type { ExposurePlan } from '../exposure/contract.ts'
import type { StsPolicy } from '../format/mta-sts/policy.ts'
import { MTA_STS_ENFORCE_MAX_AGE_MS, MTA_STS_TESTING_MAX_AGE_MS } from '../model/limits.ts'
import { SECOND } from '../std/clock.ts'
import type { Config } from './config/config.ts'
import type { WebSettings } from './settings.ts'

/** @param names by which people reach the server besides its hostname, the preferred first (`try`: `localhost`) */
export function webSettings(config: Config, plan: ExposurePlan, names: readonly string[]): WebSettings {
  const host = names[0] ?? config.hostname
  const https = plan.rows.find(({ service }) => service === 'https')
  return {
    names: [host, ...names.slice(1), config.hostname],
    httpsPort: https?.port ?? 443,
    servers: {
      outside: clientServers(plan, host, 'outside'),
      inside: clientServers(plan, host, 'inside'),
      loopback: clientServers(plan, host, 'loopback'),
    },
    stsPolicy: stsPolicyOf(config),
  }
}

/** The policy that our domains publish; null: none. */
export function stsPolicyOf({ hostname, mtaSts }: Config): StsPolicy | null {
  if (mtaSts === null) return null
  const maxAgeMs = mtaSts === 'enforce' ? MTA_STS_ENFORCE_MAX_AGE_MS : MTA_STS_TESTING_MAX_AGE_MS
  return { mode: mtaSts, mx: [hostname], maxAgeSeconds: maxAgeMs / SECOND }
}

/** How browsers reach it. */
export const originOf = ({ names, httpsPort }: Pick<WebSettings, 'names' | 'httpsPort'>): string =>
  `https://${names[0]}${httpsPort === 443 ? '' : `:${httpsPort}`}`

/** Where links lead that are handed to people; null: 443 is off. @param names as for `webSettings` */
export function linkOrigin({ hostname, services }: Config, names: readonly string[] = []): string | null {
  const https = services.find(({ service }) => service === 'https')
  return https?.enabled === true ? originOf({ names: [names[0] ?? hostname], httpsPort: https.port }) : null
}
