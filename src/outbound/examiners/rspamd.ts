import * as v from 'valibot'
import { printPath } from '../../format/address/address.ts'
import type { Arrival, Examined, Examiner } from '../../core/screening/contract.ts'
import type { Endpoint } from '../../model/connection.ts'
import { JUNK_POINTS, RSPAMD_SYMBOLS_TOLD_MAX, EXAMINERS_TIMEOUT_MS } from '../../model/limits.ts'
import { reply } from '../../model/reply.ts'
import type { Dialler } from '../../net/contract.ts'
import { call } from './call.ts'
import { octetsOf, printable } from './octets.ts'

const TEXT_MAX_CHARACTERS = 200
const HEADER_END = '\r\n\r\n'

/** https://docs.rspamd.com/developers/protocol: as far as it matters here. */
const ANSWER = v.object({
  action: v.string(),
  score: v.number(),
  required_score: v.optional(v.number()),
  symbols: v.optional(v.record(v.string(), v.object({ score: v.optional(v.number()) }))),
  messages: v.optional(v.record(v.string(), v.unknown())),
})
type Answer = v.InferOutput<typeof ANSWER>

/** Asks rspamd's normal worker about each letter, on a connection of its own (`/checkv2`). Its action is done. */
export function createRspamd(options: { dialler: Dialler; endpoint: Endpoint; hostname: string }): Examiner {
  const { dialler, endpoint } = options
  return {
    name: 'rspamd',
    examine: (letter, signal) =>
      call({ dialler, endpoint, timeoutMs: EXAMINERS_TIMEOUT_MS, signal }, async ({ connection, answer }) => {
        await connection.write(requestHead(letter.arrival, letter.sizeOctets, options))
        for await (const chunk of octetsOf(letter)) await connection.write(chunk)
        return judge(readAnswer(await answer(isWhole)))
      }),
  }
}

/** Values go on one line each, whatever the stranger has said. */
function requestHead(
  { remoteAddress, helo, envelope, traceId }: Arrival,
  sizeOctets: number,
  about: { endpoint: Endpoint; hostname: string },
): string {
  const { address, port } = about.endpoint
  const bare = (path: string): string => path.slice(1, -1)
  const fields: readonly (readonly [string, string])[] = [
    ['Host', `${address.includes(':') ? `[${address}]` : address}:${port}`],
    ['Connection', 'close'],
    ['Content-Length', String(sizeOctets)],
    ['IP', remoteAddress],
    ['Helo', helo],
    ['From', bare(printPath(envelope.reversePath))],
    ...envelope.recipients.map((recipient) => ['Rcpt', bare(printPath(recipient.address))] as const),
    ['Queue-Id', traceId],
    ['MTA-Name', about.hostname],
  ]
  const lines = fields.map(([name, value]) => `${name}: ${value.replace(/[\r\n\0]/g, ' ')}\r\n`)
  return `POST /checkv2 HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** RFC 9112 §6.3; whoever sends no length ends with the connection. */
function isWhole(text: Buffer): boolean {
  const end = text.indexOf(HEADER_END)
  if (end === -1) return false
  const length = /^content-length:[ \t]*(\d{1,9})[ \t]*\r?$/im.exec(text.toString('latin1', 0, end))?.[1]
  return length !== undefined && text.length >= end + HEADER_END.length + Number(length)
}

/** @throws Error when it is no answer */
function readAnswer(text: Buffer): Answer {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text.toString('latin1', 0, 20))?.[1]
  if (status !== '200' || !text.includes(HEADER_END)) throw new Error(`rspamd answers ${status ?? 'no HTTP'}`)
  return v.parse(ANSWER, JSON.parse(text.toString('utf8', text.indexOf(HEADER_END) + HEADER_END.length)))
}

function judge({ action, score, required_score: required, symbols = {}, messages = {} }: Answer): Examined {
  const heaviest = Object.entries(symbols)
    .map(([name, symbol]) => [name, symbol.score ?? 0] as const)
    .filter(([, weight]) => weight !== 0)
    .toSorted(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .slice(0, RSPAMD_SYMBOLS_TOLD_MAX)
    .map(([name, weight]) => `${name} ${weight.toFixed(1)}`)
  const limit = required === undefined ? '' : ` of ${required}`
  const why = heaviest.length === 0 ? '' : `: ${heaviest.join(', ')}`
  const says = printable(`${action}, score ${score.toFixed(1)}${limit}${why}`, TEXT_MAX_CHARACTERS)
  const words = messages['smtp_message']
  const told = (otherwise: string): string =>
    typeof words === 'string' && words !== '' ? printable(words, TEXT_MAX_CHARACTERS) : otherwise
  const finding = (points: number): Examined['findings'] => [{ by: 'rspamd', points, says }]
  switch (action) {
    case 'reject':
      return { findings: finding(JUNK_POINTS), refused: reply(550, '5.7.1', told('Message refused as junk')) }
    case 'soft reject':
      return { findings: finding(0), refused: reply(451, '4.7.1', told('Try again later')) }
    case 'add header':
    case 'rewrite subject':
    case 'quarantine':
      return { findings: finding(JUNK_POINTS), refused: null }
    default:
      // `greylist` is a score only: where rspamd wants a letter to wait it says `soft reject`.
      return { findings: finding(0), refused: null }
  }
}
