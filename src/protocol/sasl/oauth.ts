/** Bearer tokens: OAUTHBEARER (RFC 7628), and XOAUTH2, which came before it. */
import { Secret } from '../../std/secret.ts'
import { askAboutToken, askResponse, malformed, readText, type OauthError, type SaslExchange } from './exchange.ts'

const EMPTY = Buffer.alloc(0)
/** RFC 7628 §3.1 kvsep. */
const SEPARATOR = '\x01'
/** RFC 6750 §2.1 b64token. */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i
const KEY = /^[A-Za-z]+$/
const VALUE = /^[\t\n\r\x20-\x7e]*$/

type ClientMessage = { readonly login: string | null; readonly token: string }

/** The pairs of `key=value` between separators, and nothing behind. @returns null when malformed or doubled */
function parsePairs(text: string): ReadonlyMap<string, string> | null {
  if (!text.endsWith(SEPARATOR + SEPARATOR)) return null
  const pairs = new Map<string, string>()
  for (const pair of text.slice(0, -2).split(SEPARATOR)) {
    const equals = pair.indexOf('=')
    const [key, value] = [pair.slice(0, Math.max(0, equals)).toLowerCase(), pair.slice(equals + 1)]
    if (!KEY.test(key) || !VALUE.test(value) || pairs.has(key)) return null
    pairs.set(key, value)
  }
  return pairs
}

function tokenOf(pairs: ReadonlyMap<string, string> | null): string | null {
  return BEARER.exec(pairs?.get('auth') ?? '')?.[1] ?? null
}

/** RFC 7628 §3.1 client-resp: the GS2 header, a separator, the pairs, a separator. @returns why not, as text */
export function parseOauthBearer(text: string): ClientMessage | string {
  const at = text.indexOf(SEPARATOR)
  const header = at === -1 ? null : /^([ny]|p=[A-Za-z0-9.-]+),(?:a=([^,]*))?,$/.exec(text.slice(0, at))
  if (header === null) return 'malformed GS2 header'
  if (header[1]!.startsWith('p=')) return 'channel binding is not supported with OAUTHBEARER'
  const given = header[2] ?? ''
  // RFC 5801 §4 saslname.
  if (/=(?!2C|3D)/.test(given)) return 'malformed authorization identity'
  const token = tokenOf(parsePairs(text.slice(at + 1)))
  if (token === null) return 'no Bearer token'
  const login = given.replaceAll('=2C', ',').replaceAll('=3D', '=')
  return { login: login === '' ? null : login, token }
}

/** `user=…^Aauth=Bearer …^A^A`. @returns why not, as text */
export function parseXoauth2(text: string): ClientMessage | string {
  const at = text.indexOf(SEPARATOR)
  const login = text.startsWith('user=') && at !== -1 ? text.slice('user='.length, at) : ''
  if (login === '') return 'malformed XOAUTH2 message'
  const token = tokenOf(parsePairs(text.slice(at + 1)))
  return token === null ? 'no Bearer token' : { login, token }
}

/** RFC 7628 §3.2.2: told as a challenge, since SASL has no other place for it. */
function printBearerError({ status, configuration }: OauthError): string {
  return JSON.stringify({ status, ...(configuration === null ? {} : { 'openid-configuration': configuration }) })
}

/** What clients of XOAUTH2 look for: the status of HTTP. */
const printXoauth2Error = ({ status }: OauthError): string =>
  JSON.stringify({ status: status === 'invalid_token' ? '401' : '403', schemes: 'bearer' })

type Flavour = {
  parse(text: string): ClientMessage | string
  printError(error: OauthError): string
  /** What the client says to the error: one octet 0x01 (RFC 7628 §3.2.3), or nothing. */
  readonly acknowledgement: readonly string[]
}

const BEARER_FLAVOUR: Flavour = {
  parse: parseOauthBearer,
  printError: printBearerError,
  // Interop: libcurl and others answer with nothing.
  acknowledgement: [SEPARATOR, ''],
}
const XOAUTH2_FLAVOUR: Flavour = {
  parse: parseXoauth2,
  printError: printXoauth2Error,
  acknowledgement: ['', SEPARATOR],
}

function* tokenExchange(initialResponse: Buffer | null, flavour: Flavour): SaslExchange {
  const text = readText(initialResponse ?? (yield* askResponse(EMPTY)))
  const message = text === null ? 'message is not UTF-8' : flavour.parse(text)
  if (typeof message === 'string') return malformed(message)
  const verdict = yield* askAboutToken(message.login, new Secret(message.token))
  if (verdict.good) return { at: 'token', good: true }
  const answer = yield* askResponse(Buffer.from(flavour.printError(verdict.error)))
  return flavour.acknowledgement.includes(answer.toString('latin1'))
    ? { at: 'token', good: false }
    : malformed('surplus response')
}

export const oauthBearerExchange = (initialResponse: Buffer | null): SaslExchange =>
  tokenExchange(initialResponse, BEARER_FLAVOUR)

export const xoauth2Exchange = (initialResponse: Buffer | null): SaslExchange =>
  tokenExchange(initialResponse, XOAUTH2_FLAVOUR)
