import { LOOPBACK_NETWORKS } from '../model/network.ts'
import type { Config } from './config/config.ts'
import { systemResolvers } from './machine.ts'
import type { ResolverSettings, ScreeningSettings } from './settings.ts'

export const resolverSettings = ({ resolver }: Pick<Config, 'resolver'>): ResolverSettings => ({
  servers: resolver.servers ?? systemResolvers(),
  trustAd: resolver.trustAd,
})

/**
 * Choice: what comes from this machine itself is not from a stranger, and is not looked at; in `try` all comes from there, and
 * is. `try` asks no name server but one that it is given: nothing leaves the machine.
 */
export function screeningSettings(
  { screening, resolver }: Pick<Config, 'screening' | 'resolver'>,
  tryMode: boolean,
): ScreeningSettings | null {
  if (screening === null) return null
  return tryMode
    ? { ...screening, resolver: { servers: resolver.servers ?? [], trustAd: resolver.trustAd }, exempt: [] }
    : { ...screening, resolver: resolverSettings({ resolver }), exempt: LOOPBACK_NETWORKS }
}
