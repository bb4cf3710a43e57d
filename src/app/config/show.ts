/** The configuration as a table: for `gavan config show`, and for docs/config.md. */
import { catalogRow } from '../../exposure/catalog.ts'
import type { Endpoint } from '../../model/connection.ts'
import type { Network } from '../../model/network.ts'
import type { AcmeConfig, Config, ConfigProblem, RelayHost, ServiceConfig, Source } from './config.ts'
import { SECOND } from '../../std/clock.ts'
import { ALL_KEYS, envName, KEYS } from './keys.ts'

export type EffectiveRow = {
  readonly key: string
  /** As TOML would have it; null: not set. Never a secret. */
  readonly value: string | null
  readonly source: Source
}

const SHOWN_ELSEWHERE: readonly string[] = [
  'listen',
  'portsOffset',
  'smarthostPasswordFile',
  'smarthostCaFile',
  'tlsAcmeEabKeyFile',
  'tlsAcmeCaFile',
  'tlsClientCaFile',
  'oauthCaFile',
  'oauthClientSecretFile',
] satisfies (keyof typeof KEYS)[]

const acmeDnsText = (dns: AcmeConfig['dns'] | null): object | undefined =>
  dns === null ? undefined : { server: endpointText(dns.server), zone: dns.zone }

const endpointOf = (endpoint: Endpoint | null | undefined): string | undefined =>
  endpoint === null || endpoint === undefined ? undefined : endpointText(endpoint)

const endpointText = ({ address, port }: Endpoint): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`

/** Every key with the value that holds and who decided it. */
export function effectiveConfig(config: Config): readonly EffectiveRow[] {
  const { relay, resolver, log } = config
  const { smarthost } = relay
  const values: Record<keyof typeof KEYS, unknown> = {
    hostname: config.hostname,
    domains: config.domains,
    postmaster: config.postmaster,
    clients: config.clients,
    dataDir: config.dataDir,
    inside: config.inside.map((network) => network.text),
    natPublic: someOf(config.nat.public),
    natNeverBan: someOf(config.nat.neverBan.map((network) => network.text)),
    natProxies: someOf(config.nat.proxies.map((network) => network.text)),
    listen: undefined,
    portsOffset: undefined,
    tlsCert: someOf(config.certificates.map((pair) => pair.certFile)),
    tlsKey: someOf(config.certificates.map((pair) => pair.keyFile)),
    tlsAcme: config.acme?.directory ?? 'off',
    tlsAcmeContact: config.acme?.contact ?? undefined,
    tlsNames: someOf(config.acme?.names ?? []),
    tlsAcmeDns: acmeDnsText(config.acme?.dns ?? null),
    tlsAcmeKey: config.acme?.key,
    tlsAcmeProfile: config.acme?.profile ?? undefined,
    tlsAcmeEabKid: config.acme?.binding?.keyId,
    tlsAcmeEabKeyFile: undefined,
    tlsAcmeCaFile: undefined,
    tlsClientCertificates: config.access.clientCertificates !== null,
    tlsClientCaFile: undefined,
    oauthIssuer: config.access.oauth?.issuer,
    oauthAudience: config.access.oauth?.audiences,
    oauthClaim: config.access.oauth?.claim,
    oauthScope: config.access.oauth?.scope ?? undefined,
    oauthCaFile: undefined,
    oauthClientId: config.access.oauth?.client?.id,
    oauthClientSecretFile: undefined,
    pop3LoginDelay: config.access.pop3LoginDelayMs / SECOND,
    mtaStsMode: config.mtaSts ?? 'off',
    screeningEnabled: config.screening !== null,
    screeningDmarc: config.screening?.dmarc,
    screeningDnsbl: config.screening?.dnsbl,
    screeningClamav: endpointOf(config.screening?.clamav),
    screeningRspamd: endpointOf(config.screening?.rspamd),
    screeningWhenDown: config.screening?.whenDown,
    screeningGreetingDelay: config.screening === null ? undefined : config.screening.greetingDelayMs / SECOND,
    traceDays: config.traceDays,
    smarthostHost: smarthost?.host,
    smarthostPort: smarthost?.port,
    smarthostSecurity: smarthost?.security,
    smarthostUser: smarthost?.credentials?.user,
    smarthostPasswordFile: undefined,
    smarthostPassword: smarthost?.credentials?.password.toString(),
    smarthostVerify: smarthost?.verify,
    smarthostCaFile: undefined,
    relayRoutes:
      relay.routes.size === 0
        ? undefined
        : Object.fromEntries([...relay.routes].map(([domain, host]) => [domain, routeText(host)])),
    resolverServers: resolver.servers?.map(endpointText),
    resolverTrustAd: resolver.trustAd,
    workers: config.workers,
    messageSize: config.limits.messageMaxOctets,
    sendingMessages: config.limits.sending.messages,
    sendingRecipients: config.limits.sending.recipients,
    logLevel: log.level,
    logFormat: log.format,
    metricsListen: config.metrics === null ? 'off' : `${config.metrics.address}:${config.metrics.port}`,
    adminSocket: config.admin.socket,
  }
  const sourceOf = (key: string): Source => config.sources.get(key) ?? 'default'
  const rows = Object.entries(KEYS)
    // What went into other keys or files is shown there.
    .filter(([id]) => !SHOWN_ELSEWHERE.includes(id))
    .map(([id, key]): EffectiveRow => ({
      key: key.name,
      value: toml(values[id as keyof typeof KEYS]),
      source: sourceOf(key.name),
    }))
  const ports = config.services.map((service): EffectiveRow => {
    const key = `ports.${service.service}`
    return { key, value: toml(portTable(service, config)), source: sourceOf(key) }
  })
  return [...rows, ...ports]
}

function portTable(service: ServiceConfig, { inside }: Config): object {
  const { enabled, port, addresses, networks, plainLogin, handedOn } = service
  if (!enabled) return { enabled }
  return {
    enabled,
    port,
    addresses,
    networks:
      networks === inside ? 'inside' : networks === 'anywhere' ? networks : networks.map((each: Network) => each.text),
    ...(catalogRow(service.service).plainLoginAllowed ? { plain_login: plainLogin } : {}),
    ...(handedOn === true ? { handed_on: handedOn } : {}),
  }
}

function routeText({ host, port, security }: RelayHost): object {
  return { host, port, security }
}

function someOf<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list
}

function toml(value: unknown): string | null {
  if (value === undefined) return null
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const parts = Object.entries(value).map(
      ([key, item]) => `${/^[\w-]+$/.test(key) ? key : JSON.stringify(key)} = ${toml(item)}`,
    )
    return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`
  }
  return JSON.stringify(value)
}

export type KeyDescription = {
  readonly key: string
  readonly env: string
  /** What it may hold, in words. */
  readonly values: string
  readonly otherwise: string
  readonly about: string
  /** A line of the file; empty for what may not stand there. */
  readonly example: string
}

/** All keys, in the order of the file; docs/config.md is made from it. */
export function describeKeys(): readonly KeyDescription[] {
  return ALL_KEYS.map((key) => ({
    key: key.name,
    env: envName(key.name),
    values: key.kind.words,
    otherwise: key.otherwise,
    about: key.about,
    example: key.example,
  }))
}

/** Problems for a person: place and cause, and under it what to do. */
export function printProblems(problems: readonly ConfigProblem[]): string {
  return problems
    .map(({ where, key, cause, fix }) => {
      const place = [where, key === where ? '' : key].filter((part) => part !== '').join(': ')
      const told = `${place === '' ? '' : `${place}: `}${cause}`
      return fix === null
        ? told
        : `${told}\n${fix
            .split('\n')
            .map((line) => `    ${line}`)
            .join('\n')}`
    })
    .join('\n')
}
