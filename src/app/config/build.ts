import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type * as v from 'valibot'
import { CATALOG } from '../../exposure/catalog.ts'
import type { CatalogRow } from '../../exposure/catalog.ts'
import type { Endpoint } from '../../model/connection.ts'
import {
  GREETING_DELAY_S,
  MESSAGE_MAX_OCTETS,
  SENDING_MESSAGES_PER_DAY,
  SENDING_RECIPIENTS_PER_DAY,
  METRICS_PORT,
  TRACE_DAYS,
} from '../../model/limits.ts'
import { LOOPBACK_NETWORKS, PRIVATE_NETWORKS } from '../../model/network.ts'
import type { Network } from '../../model/network.ts'
import type { ServiceName } from '../../model/service.ts'
import { SECOND } from '../../std/clock.ts'
import { Secret } from '../../std/secret.ts'
import type { Clients, Config, ConfigProblem, RelayHost, ServiceConfig, Source } from './config.ts'
import { accessOf } from './access.ts'
import { acmeOf } from './acme.ts'
import type { KEYS } from './keys.ts'
import type { PortSetting, RelaySetting } from './kinds.ts'
import type { Raw } from './sources.ts'

/** What each key came to; undefined: nobody decided. */
export type Values = {
  readonly [K in keyof typeof KEYS]: v.InferOutput<(typeof KEYS)[K]['kind']['schema']> | undefined
} & { readonly ports: ReadonlyMap<ServiceName, PortSetting> }

type Building = {
  readonly values: Values
  readonly raw: ReadonlyMap<string, Raw>
  readonly file: string | null
  /** What relative paths are relative to. */
  readonly directory: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cores: number
  /** Taken further here. */
  readonly problems: ConfigProblem[]
}

/** Unix socket paths are this long at most on every system. */
const SOCKET_PATH_MAX_OCTETS = 100

/** Completes the values by defaults and checks what several keys say together. @returns null when the hostname is missing */
export async function buildConfig(building: Building): Promise<Config | null> {
  const { values, raw, file, env } = building
  const complain = complainer(building)
  const inDirectory = (path: string): string => resolve(building.directory, path)

  if (values.hostname === undefined && !raw.has('hostname')) {
    complain(
      'hostname',
      'the hostname is missing',
      'hostname = "mail.example.org": the name under which others reach this machine',
    )
  }
  const inside = insideNetworks(values.inside, complain)
  const clients = values.clients ?? 'office'
  const services = servicesOf(values, { inside, clients }, complain)
  const certificates = certificatesOf(values, inDirectory, complain)
  const acme = await acmeOf(values, inDirectory, complain)
  const access = await accessOf(values, inDirectory, complain)
  const smarthost = await smarthostOf(values, inDirectory, complain)
  const routes = new Map<string, RelayHost>()
  for (const [domain, setting] of Object.entries(values.relayRoutes ?? {})) {
    const key = `relay.routes.${domain}`
    routes.set(
      domain,
      await relayHost(setting, null, inDirectory, (part, cause, fix) => complain(`${key}${part}`, cause, fix)),
    )
  }

  const dataDir = inDirectory(values.dataDir ?? firstOf(env['STATE_DIRECTORY']) ?? '/var/lib/gavan')
  const runtime = firstOf(env['RUNTIME_DIRECTORY'])
  const socket =
    values.adminSocket === undefined ? join(runtime ?? dataDir, 'ctl.sock') : inDirectory(values.adminSocket)
  if (Buffer.byteLength(socket) > SOCKET_PATH_MAX_OCTETS) {
    complain(
      'admin.socket',
      `the path "${socket}" is longer than ${SOCKET_PATH_MAX_OCTETS} octets`,
      'set admin.socket to a shorter path',
    )
  }
  if (values.hostname === undefined) return null
  return {
    file,
    hostname: values.hostname,
    domains: [...new Set(values.domains)],
    postmaster: values.postmaster ?? null,
    clients,
    dataDir,
    inside,
    nat: {
      public: values.natPublic ?? [],
      neverBan: values.natNeverBan ?? [],
      proxies: proxyNetworks(values.natProxies, complain),
    },
    services,
    certificates,
    acme,
    access,
    mtaSts: values.mtaStsMode === 'off' ? null : (values.mtaStsMode ?? 'testing'),
    screening:
      values.screeningEnabled === false
        ? null
        : {
            dmarc: values.screeningDmarc ?? 'reject',
            dnsbl: values.screeningDnsbl ?? [],
            clamav: values.screeningClamav ?? null,
            rspamd: values.screeningRspamd ?? null,
            whenDown: values.screeningWhenDown ?? 'accept',
            greetingDelayMs: (values.screeningGreetingDelay ?? GREETING_DELAY_S) * SECOND,
          },
    relay: { smarthost, routes },
    resolver: { servers: values.resolverServers ?? null, trustAd: values.resolverTrustAd ?? false },
    workers: values.workers ?? building.cores,
    limits: {
      messageMaxOctets: values.messageSize ?? MESSAGE_MAX_OCTETS,
      sending: {
        messages: values.sendingMessages ?? SENDING_MESSAGES_PER_DAY,
        recipients: values.sendingRecipients ?? SENDING_RECIPIENTS_PER_DAY,
      },
    },
    log: { level: values.logLevel ?? 'info', format: values.logFormat ?? 'auto' },
    traceDays: values.traceDays ?? TRACE_DAYS,
    admin: { socket },
    metrics: metricsEndpoint(values),
    sources: new Map([...raw].map(([key, { source }]): [string, Source] => [key, source])),
  }
}

function metricsEndpoint({ metricsListen, portsOffset = 0 }: Values): Endpoint | null {
  if (metricsListen !== undefined) return metricsListen === 'off' ? null : metricsListen
  const port = METRICS_PORT + portsOffset
  return port < 65_536 ? { address: '127.0.0.1', port } : null
}

export type Complain = (key: string, cause: string, fix: string | null) => void

function complainer({ raw, file, problems }: Building): Complain {
  return (key, cause, fix) => {
    // `ports.imap.plain_login` was given as `ports.imap`.
    let given = raw.get(key)
    for (let name = key; given === undefined && name.includes('.'); given = raw.get(name))
      name = name.slice(0, name.lastIndexOf('.'))
    problems.push({ key, from: given?.source ?? 'default', where: given?.where ?? file ?? '', cause, fix })
  }
}

/** systemd lists several directories with colons between. */
function firstOf(list: string | undefined): string | undefined {
  return list?.split(':').find((part) => part !== '')
}

function insideNetworks(given: readonly Network[] | undefined, complain: Complain): readonly Network[] {
  for (const network of given ?? []) {
    if (network.prefixBits > 0) continue
    complain(
      'inside',
      `${network.text} is every address there is`,
      'name the networks of your own; clients = "anywhere" opens ports to all',
    )
  }
  return [...LOOPBACK_NETWORKS, ...(given ?? PRIVATE_NETWORKS)]
}

/** Whoever connects from there says himself who he is. */
function proxyNetworks(given: readonly Network[] | undefined, complain: Complain): readonly Network[] {
  for (const network of given ?? []) {
    if (network.prefixBits > 0) continue
    complain('nat.proxies', `${network.text} is every address there is`, 'name the addresses of your load balancers')
  }
  return given ?? []
}

// Services -------------------------------------------------------------------------------------------------------------

function servicesOf(
  values: Values,
  about: { inside: readonly Network[]; clients: Clients },
  complain: Complain,
): ServiceConfig[] {
  const services = CATALOG.map((row) => serviceOf(row, values, about, complain))
  const overlapping = services.find(({ enabled, addresses }) => enabled && overlap(addresses) !== null)
  if (overlapping !== undefined) {
    const own = values.ports.get(overlapping.service)?.addresses !== undefined
    const key = own ? `ports.${overlapping.service}.addresses` : 'listen'
    complain(key, overlap(overlapping.addresses) ?? '', 'keep one of the two')
  }
  const byPort = new Map<number, ServiceConfig>()
  for (const service of services) {
    if (!service.enabled || service.port === 0) continue
    const other = byPort.get(service.port)
    if (other === undefined) byPort.set(service.port, service)
    else
      complain(
        `ports.${service.service}`,
        `port ${service.port} is that of ${other.service} too`,
        'give one of them another port',
      )
  }
  return services
}

/** Two listeners of which only one can have the port. */
function overlap(addresses: readonly string[]): string | null {
  const twice = addresses.find((address, index) => addresses.indexOf(address) !== index)
  if (twice !== undefined) return `${twice} stands there twice`
  for (const [every, mark] of [
    ['0.0.0.0', '.'],
    ['::', ':'],
  ] as const) {
    const other = addresses.find(
      (address) => address !== every && address.includes(mark) && !(mark === '.' && address.includes(':')),
    )
    if (addresses.includes(every) && other !== undefined) return `${every} is every address, ${other} too`
  }
  return null
}

function serviceOf(
  row: CatalogRow,
  values: Values,
  { inside, clients }: { inside: readonly Network[]; clients: Clients },
  complain: Complain,
): ServiceConfig {
  const { service } = row
  const setting = values.ports.get(service) ?? {}
  const atClients = row.reach === 'mail-programs'
  const reach = setting.networks ?? (atClients && clients !== 'anywhere' ? 'inside' : 'anywhere') // D7, D11
  const plainLogin = setting.plain_login ?? false
  const key = `ports.${service}.plain_login`
  if (plainLogin && !row.plainLoginAllowed) {
    complain(
      key,
      `plain_login is not for ${service}: it takes no password without TLS`,
      'remove it; D10 knows it for imap and pop3',
    )
  } else if (plainLogin && reach !== 'inside') {
    const cause = 'plain_login would let passwords travel in the clear from outside'
    complain(
      key,
      cause,
      `set ports.${service}.networks = "inside" as well: plain logins are for the inner networks only (D10)`,
    )
  }
  const port = setting.port ?? row.port + (values.portsOffset ?? 0)
  const handedOn = setting.handed_on === true
  if (handedOn && service !== 'http')
    complain(`ports.${service}.handed_on`, `handed_on is not for ${service}: only http can be handed on`, 'remove it')
  else if (handedOn && port === row.port)
    complain(
      `ports.${service}.port`,
      `the program that hands on has port ${port}`,
      'ports.http = { port = 2080, handed_on = true }',
    )
  return {
    service,
    enabled: setting.enabled ?? enabledByDefault(row, values, clients),
    addresses: setting.addresses ?? (handedOn ? ['127.0.0.1'] : (values.listen ?? ['0.0.0.0', '::'])),
    port,
    tls: row.tls,
    networks: reach === 'inside' ? inside : reach,
    plainLogin,
    ...(handedOn ? { handedOn } : {}),
  }
}

function enabledByDefault(row: CatalogRow, values: Values, clients: Clients): boolean {
  if (row.service === 'pop3s') {
    const pop3 = values.ports.get('pop3')?.enabled // D12: one switch.
    if (pop3 !== undefined) return pop3
  }
  return row.enabled && !(clients === 'browser' && row.reach === 'mail-programs')
}

// TLS ------------------------------------------------------------------------------------------------------------------

function certificatesOf(
  values: Values,
  inDirectory: (path: string) => string,
  complain: Complain,
): Config['certificates'] {
  const certs = values.tlsCert ?? []
  const keys = values.tlsKey ?? []
  if (certs.length !== keys.length) {
    complain(
      certs.length > keys.length ? 'tls.cert' : 'tls.key',
      `tls.cert names ${certs.length} and tls.key ${keys.length} files`,
      'each certificate needs its key, in the same order',
    )
  }
  return certs.map((cert, index) => ({ certFile: inDirectory(cert), keyFile: inDirectory(keys[index] ?? '') }))
}

// Relaying -------------------------------------------------------------------------------------------------------------

async function smarthostOf(
  values: Values,
  inDirectory: (path: string) => string,
  complain: Complain,
): Promise<RelayHost | null> {
  const { smarthostHost: host, smarthostPort: port, smarthostSecurity: security, smarthostUser: user } = values
  const { smarthostPasswordFile, smarthostVerify: verify, smarthostCaFile, smarthostPassword } = values
  if (host === undefined) {
    const others = [port, security, user, smarthostPasswordFile, smarthostPassword, verify, smarthostCaFile]
    if (others.some((value) => value !== undefined)) {
      complain(
        'relay.smarthost.host',
        'the smarthost has settings but no host',
        'relay.smarthost.host = "smtp.provider.example"',
      )
    }
    return null
  }
  const setting = { host, port, security, user, password_file: smarthostPasswordFile, verify, ca_file: smarthostCaFile }
  return relayHost(setting, smarthostPassword ?? null, inDirectory, (part, cause, fix) =>
    complain(`relay.smarthost${part}`, cause, fix),
  )
}

async function relayHost(
  setting: RelaySetting,
  givenPassword: string | null,
  inDirectory: (path: string) => string,
  complain: (part: string, cause: string, fix: string | null) => void,
): Promise<RelayHost> {
  const { host, user, security = 'starttls' } = setting
  const readSetting = async (part: '.password_file' | '.ca_file', path: string | undefined): Promise<string | null> => {
    if (path === undefined) return null
    try {
      return await readFile(inDirectory(path), 'utf8')
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      complain(part, `${inDirectory(path)} cannot be read: ${code}`, null)
      return null
    }
  }
  const kept = await readSetting('.password_file', setting.password_file)
  const password = givenPassword ?? kept?.replace(/\r?\n$/, '') ?? null
  const wantsPassword = user !== undefined && setting.password_file === undefined && givenPassword === null
  if (wantsPassword) complain('.user', 'there is a user but no password', 'name a password_file')
  if (user === undefined && password !== null)
    complain('.password_file', 'there is a password but no user', 'set user as well')
  if (user !== undefined && security === 'opportunistic') {
    complain('.security', 'a password is never sent without TLS', 'security = "starttls", or "implicit"')
  }
  const ca = await readSetting('.ca_file', setting.ca_file)
  if (ca !== null && !ca.includes('-----BEGIN CERTIFICATE-----'))
    complain('.ca_file', 'it holds no PEM certificate', null)
  return {
    host,
    port: setting.port ?? (security === 'implicit' ? 465 : 587),
    security,
    credentials: user === undefined || password === null ? null : { user, password: new Secret(password) },
    verify: setting.verify ?? true,
    ...(ca === null ? {} : { ca }),
  }
}
