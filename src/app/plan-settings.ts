import { planOf } from '../exposure/plan.ts'
import type { ExposurePlan, HostFacts, PlanSettings } from '../exposure/contract.ts'
import type { Config } from './config/config.ts'

/** What of the configuration bears on ports. @param hostname null: nobody has decided yet */
export function planSettings(config: Config, hostname: string | null = config.hostname): PlanSettings {
  const { smarthost } = config.relay
  return {
    hostname,
    clients: config.clients,
    inside: config.inside,
    services: config.services,
    publicAddresses: config.nat.public,
    acme: config.acme !== null && config.acme.dns === null, // Names that are proven in DNS need no port.
    mtaSts: config.mtaSts !== null,
    smarthost: smarthost === null ? null : { host: smarthost.host, port: smarthost.port },
  }
}

export const planFor = (config: Config, facts: HostFacts): ExposurePlan => planOf(planSettings(config), facts)
