/** `gavan probe HOST`: from any other machine, what of a mail server's ports answers, and whether with the right words. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Command } from 'commander'
import { CATALOG, type CatalogRow } from '../../exposure/catalog.ts'
import type { Language } from '../../exposure/words/contract.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'
import { PROBE_TIMEOUT_MS } from '../../model/limits.ts'
import { ConnectFailed } from '../../net/contract.ts'
import { createDialler } from '../../net/dial.ts'
import { languageOf } from '../language.ts'
import { createSystemRandom, systemClock } from '../machine.ts'
import { CliError, EXIT, print, printJson, printTable } from './output.ts'

export type ProbeFlags = { readonly offset: string; readonly port: readonly string[] }

type Answer = {
  readonly service: string
  readonly port: number
  readonly address: string
  /** `turned-away`: the service is there, and not for who asks from here. `wrong`: somebody answers, and not as it should. */
  readonly state: 'open' | 'turned-away' | 'refused' | 'timed-out' | 'wrong' | 'no-route'
  /** The greeting, or the certificate's names. */
  readonly says: string
}

export async function runProbe(host: string, flags: ProbeFlags, command: Command): Promise<void> {
  const { json, lang } = command.optsWithGlobals() as { json?: true; lang?: 'en' | 'ru' }
  const offset = Number(flags.offset)
  if (!/^\d{1,5}$/.test(flags.offset) || offset > OFFSET_MAX)
    throw new CliError(EXIT.usage, `"${flags.offset}" is no offset`, `0 to ${OFFSET_MAX}`)
  const rows = CATALOG.filter(({ port }) => flags.port.length === 0 || flags.port.includes(String(port + offset)))
  if (rows.length === 0)
    throw new CliError(
      EXIT.usage,
      `${flags.port.join(', ')}: no port of a mail server`,
      `one of ${CATALOG.map(({ port }) => port + offset).join(', ')}`,
    )
  const addresses = await lookup(host, { all: true }).catch(() => [])
  if (addresses.length === 0) throw new CliError(EXIT.failed, `${host} has no address`, null)
  const answers = (
    await Promise.all(
      addresses.flatMap(({ address }) => rows.map((row) => probe(row, host, address, row.port + offset))),
    )
  ).toSorted((a, b) => a.port - b.port || a.address.localeCompare(b.address))
  const needed = answers.filter(({ service }) => service === 'mx')
  if (needed.length > 0 && needed.every(({ state }) => state !== 'open')) process.exitCode = EXIT.failed
  if (json === true) return printJson({ host, answers })
  const language = lang ?? languageOf(process.env)
  printTable(
    [PLAN_WORDS[language].labels.port, '', '', ''],
    answers.map(({ port, address, state, says }) => [String(port), MARKS[language][state], address, says]),
  )
  print('')
  print(EXPLAINED[language])
}

/** So that 4190 with it is a port. */
const OFFSET_MAX = 60_000

const MARKS: Readonly<Record<Language, Readonly<Record<Answer['state'], string>>>> = {
  en: {
    open: '✓ open',
    refused: '– refused',
    'turned-away': '– not for us',
    'timed-out': '– no answer',
    wrong: '! another service',
    'no-route': '? no way there from here',
  },
  ru: {
    open: '✓ открыт',
    refused: '– отказ',
    'turned-away': '– не для нас',
    'timed-out': '– нет ответа',
    wrong: '! другая служба',
    'no-route': '? отсюда туда нет пути',
  },
}

const EXPLAINED: Readonly<Record<Language, string>> = {
  en: 'Not for us: it is there, for inner networks only. Refused: nobody listens, but packets arrive. No answer: a firewall drops them, or they are not forwarded.',
  ru: 'Не для нас: служба есть, но только для внутренних сетей. Отказ: никто не слушает, но пакеты доходят. Нет ответа: их отбрасывает брандмауэр или не передаёт маршрутизатор.',
}

/** How each protocol greets who only connects. */
const GREETINGS: Partial<Record<CatalogRow['protocol'], RegExp>> = {
  smtp: /^220[ -]/,
  imap: /^\* OK/,
  pop3: /^\+OK/,
  managesieve: /^"/,
}

async function probe(row: CatalogRow, host: string, address: string, port: number): Promise<Answer> {
  const base = { service: row.service, port, address }
  if (row.tls === 'implicit')
    return { ...base, ...(await overTls(host, address, port, GREETINGS[row.protocol] ?? null)) }
  try {
    const dialler = createDialler({ clock: systemClock, random: createSystemRandom() })
    const connection = await dialler.dial({ address, port, timeoutMs: PROBE_TIMEOUT_MS })
    try {
      if (row.protocol === 'http') return { ...base, state: 'open', says: '' }
      const chunk = await connection.read(PROBE_TIMEOUT_MS)
      return {
        ...base,
        ...judge(chunk === null ? '' : Buffer.from(chunk).toString('latin1'), GREETINGS[row.protocol]!),
      }
    } finally {
      connection.destroy()
    }
  } catch (error) {
    if (error instanceof ConnectFailed) return { ...base, state: stateOf(error.code), says: '' }
    return { ...base, state: 'wrong', says: '' }
  }
}

/** How mail servers end it before it begins (RFC 5321 §3.1, RFC 9051 §7.1.5, RFC 1939 §3, RFC 5804 §1.3). */
const TURNED_AWAY = /^(?:[45]\d\d[ -]|\* BYE|-ERR|BYE\b)/

function judge(text: string, expected: RegExp): Pick<Answer, 'state' | 'says'> {
  const line = text
    .split(/\r?\n/, 1)[0]!
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 100)
  const state = expected.test(line) ? 'open' : TURNED_AWAY.test(line) ? 'turned-away' : 'wrong'
  return { state, says: line }
}

function overTls(
  servername: string,
  host: string,
  port: number,
  expected: RegExp | null,
): Promise<Pick<Answer, 'state' | 'says'>> {
  return new Promise((resolve) => {
    const named = isIP(servername) === 0 ? { servername } : {} // RFC 6066 §3: an address is no server name.
    const socket = connectTls({ host, port, ...named, rejectUnauthorized: false, minVersion: 'TLSv1.2' })
    const done = (answer: Pick<Answer, 'state' | 'says'>): void => {
      socket
        .removeAllListeners()
        .on('error', () => {})
        .destroy()
      resolve(answer)
    }
    let connected = false
    socket.once('connect', () => (connected = true))
    socket.setTimeout(PROBE_TIMEOUT_MS, () => done({ state: connected ? 'wrong' : 'timed-out', says: '' }))
    socket.once('error', (error: NodeJS.ErrnoException) =>
      done(connected ? withoutTls(error.code) : { state: stateOf(error.code ?? ''), says: '' }),
    )
    socket.once('secureConnect', () => {
      const names = socket.getPeerX509Certificate()?.subject?.replaceAll('\n', ', ') ?? ''
      if (expected === null) return done({ state: 'open', says: names })
      socket.once('data', (chunk: Buffer) => done(judge(chunk.toString('latin1'), expected)))
    })
  })
}

/** Closed before the first octet: that is how a port of TLS turns somebody away. */
function withoutTls(code: string | undefined): Pick<Answer, 'state' | 'says'> {
  if (code === 'ECONNRESET' || code === 'EPIPE') return { state: 'turned-away', says: 'closed at once' }
  return { state: 'wrong', says: 'no TLS there' }
}

function stateOf(code: string): Answer['state'] {
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return 'refused'
  return code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL' || code === 'EHOSTUNREACH' ? 'no-route' : 'timed-out'
}
