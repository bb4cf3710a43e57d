/** `gavan dial DOMAIN`: the way that a letter would go now, walked without one. */
import type { Command } from 'commander'
import { domainToASCII } from 'node:url'
import { parseAddress } from '../../format/address/address.ts'
import { OUT_BLOCK_TIMEOUT_MS } from '../../model/limits.ts'
import { createDialler } from '../../net/dial.ts'
import { createResolver } from '../../net/resolver.ts'
import { createTlsMemory } from '../../outbound/delivery/walk.ts'
import { lookAlong } from '../../outbound/delivery/look.ts'
import type { Route } from '../../outbound/contract.ts'
import { silentLog } from '../../std/log.ts'
import { dialJson, dialScreen } from '../dial/screen.ts'
import { createSystemRandom, systemClock } from '../machine.ts'
import { ownAddresses } from '../preflight.ts'
import { resolverSettings } from '../screening-settings.ts'
import { wireStsPolicies } from '../wire.ts'
import type { StoredStsPolicy } from '../../store/contract.ts'
import { CliError, EXIT, print, printJson } from './output.ts'
import { readSite, runningApiOf, type SiteOfHost } from './site.ts'

export type DialFlags = { readonly port: string }

export async function runDial(
  domain: string,
  address: string | undefined,
  flags: DialFlags,
  command: Command,
): Promise<void> {
  const site = await readSite(command)
  const { config, language, json } = site
  const destination = domainToASCII(domain).toLowerCase()
  if (destination === '' || !destination.includes('.'))
    throw new CliError(EXIT.usage, `"${domain}" is no domain`, 'as example.org')
  const mxPort = Number(flags.port)
  if (!/^\d{1,5}$/.test(flags.port) || mxPort < 1 || mxPort > 65_535)
    throw new CliError(EXIT.usage, `"${flags.port}" is no port`, '1 to 65535')
  const text = address ?? `postmaster@${destination}`
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new CliError(EXIT.usage, `"${text}" is no address`, `as postmaster@${destination}`)

  const random = createSystemRandom()
  const clock = systemClock
  const resolver = createResolver({ clock, random, ...resolverSettings(config) })
  const look = await lookAlong(
    destination,
    { address: parsed.value },
    {
      clock,
      random,
      resolver,
      log: silentLog,
      dialler: createDialler({ clock, random, limits: { writeTimeoutMs: OUT_BLOCK_TIMEOUT_MS } }),
      hostname: config.hostname,
      ourselves: {
        hostname: config.hostname,
        names: [config.hostname],
        addresses: ownAddresses(),
        loopbackIsForeign: false,
      },
      route: routeOf(site, destination),
      mxPort,
      tlsMemory: createTlsMemory(clock),
      sts: wireStsPolicies({ store: await keptPolicies(site), clock, log: silentLog }, { resolver }),
      signal: new AbortController().signal,
    },
  )
  if (look.prospect.at !== 'delivered') process.exitCode = EXIT.failed
  if (json) return printJson({ domain: destination, recipient: text, ...dialJson(look) })
  print(`gavan dial ${destination} · ${text}\n`)
  print(dialScreen(look, language))
}

function routeOf({ config }: SiteOfHost, destination: string): Exclude<Route, { kind: 'sandbox' }> {
  const host = config.relay.routes.get(destination) ?? config.relay.smarthost
  return host === null ? { kind: 'mx' } : { kind: 'host', ...host }
}

/** What the running server has kept counts; nothing is kept of what is found here. */
async function keptPolicies(site: SiteOfHost): Promise<Parameters<typeof wireStsPolicies>[0]['store']> {
  const api = await runningApiOf(site)
  const stsPolicy = async (domain: string): Promise<StoredStsPolicy | null> => {
    const answer = await api?.handle('GET', `/v1/sts-policies/${encodeURIComponent(domain)}`, undefined)
    return (answer?.body['policy'] as StoredStsPolicy | null | undefined) ?? null
  }
  return { queue: { stsPolicy }, run: async () => ({ at: 'done' }) }
}
