/** What kinds of values keys have: how they are checked, and how they read from the environment, where all is text. */
import { isAbsolute } from 'node:path'
import { domainToASCII } from 'node:url'
import * as v from 'valibot'
import { parseAddress, printAddress } from '../../format/address/address.ts'
import { parseDomain } from '../../format/address/domain.ts'
import type { Endpoint } from '../../model/connection.ts'
import { parseIp, parseNetwork } from '../../model/network.ts'
import type { Network } from '../../model/network.ts'

export type Kind<T> = {
  /** For people: `a host name`. */
  readonly words: string
  readonly schema: v.GenericSchema<unknown, T>
  /** From an environment variable or flag to what the file would hold. */
  readonly fromText: (text: string) => unknown
}

const asText = (text: string): string => text
const asList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** A schema that parses text by a function that gives a value, or null for "not one". */
function parsed<T>(words: string, parse: (text: string) => T | null): v.GenericSchema<unknown, T> {
  return v.pipe(
    v.string(`must be ${words}, in quotes`),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value)
      if (value !== null) return value
      addIssue({ message: `"${dataset.value}" is not ${words}` })
      return NEVER
    }),
  )
}

function listOf<T>(item: v.GenericSchema<unknown, T>, words: string): v.GenericSchema<unknown, T[]> {
  return v.array(item, `must be a list: ${words}`)
}

function textual<T>(words: string, parse: (text: string) => T | null): Kind<T> {
  return { words, schema: parsed(words, parse), fromText: asText }
}

function list<T>(words: string, item: Kind<T>): Kind<T[]> {
  return { words, schema: listOf(item.schema, words), fromText: asList }
}

export function oneOf<const T extends readonly string[]>(...options: T): Kind<T[number]> {
  const words = options.map((option) => `"${option}"`).join(', ')
  return {
    words: `one of ${words}`,
    schema: v.picklist(options, ({ received }) => `${received} is none of ${words}`),
    fromText: asText,
  }
}

export function whole(least: number, most: number): Kind<number> {
  const words = `a whole number from ${least} to ${most}`
  const message = `must be ${words}`
  return {
    words,
    schema: v.pipe(v.number(message), v.integer(message), v.minValue(least, message), v.maxValue(most, message)),
    fromText: (value) => (/^\d{1,15}$/.test(value) ? Number(value) : value),
  }
}

export const flag: Kind<boolean> = {
  words: 'true or false',
  schema: v.boolean('must be true or false'),
  fromText: (value) => (value === 'true' ? true : value === 'false' ? false : value),
}

/** Lower-case A-labels, at least two: a name that others can look up. `localhost` too. */
export const hostName = textual('a full host name such as mail.example.org', (name) => {
  const ascii = asciiDomain(name)
  return ascii !== null && (ascii.includes('.') || ascii === 'localhost') && parseIp(ascii) === null ? ascii : null
})

export const domainName = textual('a domain such as example.org', (name) => {
  const domain = parseDomain(name)
  return domain.ok && parseIp(name) === null ? domain.value : null
})

function asciiDomain(name: string): string | null {
  const domain = parseDomain(name)
  if (!domain.ok) return null
  return /^[a-z0-9.-]+$/.test(domain.value) ? domain.value : domainToASCII(domain.value)
}

/** A name or address to connect to. */
export const remoteHost = textual('a host name or address', (name) =>
  parseIp(name) === null ? asciiDomain(name) : name.toLowerCase(),
)

export const ipAddress = textual('an IP address', (address) =>
  parseIp(address) === null ? null : address.toLowerCase(),
)

export const path = textual('a path', (value) => (value === '' || value.includes('\0') ? null : value))

export const words = textual('text', (value) => (value === '' ? null : value))

export const wordList = list('texts such as ["mail"]', words)

export const httpsUrl = textual('a URL with https', (value) =>
  URL.canParse(value) && value.startsWith('https://') && new URL(value).search === '' ? value : null,
)

export const mailAddress = textual('an address such as anna@example.org', (value) => {
  const read = parseAddress(value)
  return read.ok ? printAddress(read.value) : null
})

export const port = whole(0, 65_535)

/** `512K`, `50M`, `50 MiB`, powers of 1024; or a number of octets. */
export const size: Kind<number> = {
  words: 'a size such as "50M"',
  schema: v.pipe(
    v.union([v.pipe(v.number(), v.transform(String)), v.string()], 'must be a size such as "50M"'),
    v.rawTransform<string, number>(({ dataset, addIssue, NEVER }) => {
      const match = /^(\d{1,12}) ?([KMG]?)(?:i?B)?$/i.exec(dataset.value)
      const octets = Number(match?.[1]) * 1024 ** ' KMG'.indexOf((match?.[2] ?? '').toUpperCase() || ' ')
      if (Number.isSafeInteger(octets) && octets > 0) return octets
      addIssue({ message: `"${dataset.value}" is not a size such as "50M"` })
      return NEVER
    }),
  ),
  fromText: asText,
}

/** `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`. */
export const dnsServer = textual('an address, with a port if it is not 53', (value): Endpoint | null => {
  if (parseIp(value) !== null) return { address: value, port: 53 }
  const match = /^(?:\[([^\]]{1,64})\]|([^:]{1,64})):(\d{1,5})$/.exec(value)
  const address = match?.[1] ?? match?.[2] ?? ''
  const number = Number(match?.[3])
  return parseIp(address) !== null && number > 0 && number < 65_536 ? { address, port: number } : null
})

/** `off`, or as `127.0.0.1:9465`. */
export const endpointOrOff = textual('"off", or an address with a port', (value): Endpoint | 'off' | null =>
  value === 'off' ? value : readEndpoint(value),
)

/** `127.0.0.1:3310`. */
export const endpoint = textual('an address with a port', (value): Endpoint | null => {
  const read = readEndpoint(value)
  return read?.port === 0 ? null : read
})

function readEndpoint(value: string): Endpoint | null {
  const match = /^(?:\[([^\]]{1,64})\]|([^:]{1,64})):(\d{1,5})$/.exec(value)
  const address = match?.[1] ?? match?.[2] ?? ''
  const number = Number(match?.[3])
  return parseIp(address) !== null && number < 65_536 ? { address, port: number } : null
}

const network: v.GenericSchema<unknown, Network> = v.pipe(
  v.string('must be a network such as "192.168.88.0/24"'),
  v.rawTransform<string, Network>(({ dataset, addIssue, NEVER }) => {
    const result = parseNetwork(dataset.value)
    if (result.ok) return result.value
    addIssue({ message: result.error })
    return NEVER
  }),
)

export const networks: Kind<Network[]> = {
  words: 'networks such as ["192.168.88.0/24", "10.8.0.0/24"]',
  schema: listOf(network, 'networks such as ["192.168.88.0/24"]'),
  fromText: asList,
}

export const domainNames = list('domains such as ["example.org"]', domainName)
export const ipAddresses = list('addresses such as ["0.0.0.0", "::"]', ipAddress)
export const dnsServers = list('addresses such as ["127.0.0.1"]', dnsServer)

/** A host name, or a wildcard of one. */
const certificateName = textual('a host name such as imap.example.org', (name) => {
  const host = asciiDomain(name.startsWith('*.') ? name.slice(2) : name)
  if (host === null || !host.includes('.') || parseIp(host) !== null) return null
  return name.startsWith('*.') ? `*.${host}` : host
})
export const certificateNames = list('host names such as ["imap.example.org"]', certificateName)

/** Directories of Let's Encrypt, and what comes before the first real order. */
export const ACME_DIRECTORIES = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
} as const

const isKnownDirectory = (text: string): text is keyof typeof ACME_DIRECTORIES => Object.hasOwn(ACME_DIRECTORIES, text)

/** `off`, or the directory's URL. */
export const acmeDirectory = textual('"letsencrypt", "letsencrypt-staging", "off", or a URL with https', (value) => {
  if (value === 'off') return value
  if (isKnownDirectory(value)) return ACME_DIRECTORIES[value]
  return URL.canParse(value) && value.startsWith('https://') ? new URL(value).href : null
})

export type AcmeDnsSetting = { readonly server: Endpoint; readonly zone: string; readonly key_file: string }

export const acmeDns: Kind<AcmeDnsSetting> = {
  words: 'a table { server, zone, key_file }',
  schema: v.strictObject(
    { server: dnsServer.schema, zone: domainName.schema, key_file: path.schema },
    'must be a table { server, zone, key_file }',
  ),
  fromText: (value) =>
    Object.fromEntries(
      asList(value).map((part) => {
        const equals = part.indexOf('=')
        return [part.slice(0, Math.max(0, equals)).trim(), part.slice(equals + 1).trim()]
      }),
    ),
}

/** One path or several. */
export const paths: Kind<string[]> = {
  words: 'a path, or a list of paths',
  schema: v.union(
    [
      v.pipe(
        path.schema,
        v.transform((value) => [value]),
      ),
      v.array(path.schema),
    ],
    'must be a path, or a list of paths',
  ),
  fromText: asList,
}

export const absolute = (value: string): boolean => isAbsolute(value)

// A port's switch, or its table --------------------------------------------------------------------------------------

export type PortSetting = {
  readonly enabled?: boolean | undefined
  readonly port?: number | undefined
  readonly addresses?: string[] | undefined
  readonly networks?: 'inside' | 'anywhere' | Network[] | undefined
  readonly plain_login?: boolean | undefined
  readonly handed_on?: boolean | undefined
}

const portTable: v.GenericSchema<unknown, PortSetting> = v.strictObject({
  enabled: v.optional(flag.schema),
  port: v.optional(port.schema),
  addresses: v.optional(ipAddresses.schema),
  networks: v.optional(
    v.lazy((input) =>
      Array.isArray(input)
        ? networks.schema
        : (v.picklist(['inside', 'anywhere'], 'must be "inside", "anywhere", or a list of networks') as v.GenericSchema<
            unknown,
            'inside' | 'anywhere'
          >),
    ),
  ),
  plain_login: v.optional(flag.schema),
  handed_on: v.optional(flag.schema),
})

export const portSetting: Kind<PortSetting> = {
  words: '"on", "off", or a table { enabled, port, addresses, networks, plain_login, handed_on }',
  schema: v.lazy((input): v.GenericSchema<unknown, PortSetting> =>
    typeof input === 'object' && input !== null && !Array.isArray(input)
      ? portTable
      : v.pipe(
          v.picklist(['on', 'off'], 'must be "on", "off", or a table'),
          v.transform((value): PortSetting => ({ enabled: value === 'on' })),
        ),
  ),
  fromText: asText,
}

export const PORT_TABLE_KEYS = ['enabled', 'port', 'addresses', 'networks', 'plain_login'] as const

// Where a domain's mail goes -------------------------------------------------------------------------------------------

export type RelaySetting = {
  readonly host: string
  readonly port?: number | undefined
  readonly security?: 'opportunistic' | 'starttls' | 'implicit' | undefined
  readonly user?: string | undefined
  readonly password_file?: string | undefined
  readonly verify?: boolean | undefined
  readonly ca_file?: string | undefined
}

export const security = oneOf('starttls', 'implicit', 'opportunistic')

const routeTable: v.GenericSchema<unknown, RelaySetting> = v.strictObject({
  host: remoteHost.schema,
  port: v.optional(port.schema),
  security: v.optional(security.schema),
  user: v.optional(words.schema),
  password_file: v.optional(path.schema),
  verify: v.optional(flag.schema),
  ca_file: v.optional(path.schema),
})

export const ROUTE_TABLE_KEYS = ['host', 'port', 'security', 'user', 'password_file', 'verify', 'ca_file'] as const

/** `HOST:PORT`, an IPv6 host in brackets: opportunistic, as a mail server would. */
const routeText = parsed('HOST:PORT', (value): RelaySetting | null => {
  const match = /^(?:\[([^\]]{1,64})\]|([^:]{1,255})):(\d{1,5})$/.exec(value)
  const host = match?.[1] ?? match?.[2] ?? ''
  const number = Number(match?.[3])
  const known = parseIp(host) === null ? asciiDomain(host) : host
  return known !== null && number > 0 && number < 65_536
    ? { host: known, port: number, security: 'opportunistic' }
    : null
})

export const routes: Kind<Record<string, RelaySetting>> = {
  words: 'a table: domain = "HOST:PORT", or domain = { host, port, security, user, password_file, verify, ca_file }',
  schema: v.record(
    domainName.schema as v.GenericSchema<string, string>,
    v.lazy((input) => (typeof input === 'string' ? routeText : routeTable)),
    'must be a table of domains',
  ),
  fromText: (value) =>
    Object.fromEntries(
      asList(value).map((part) => {
        const equals = part.indexOf('=')
        return [part.slice(0, Math.max(0, equals)), part.slice(equals + 1)]
      }),
    ),
}
