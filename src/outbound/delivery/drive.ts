import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { assert, never } from '../../std/assert.ts'
import type { Clock } from '../../std/clock.ts'
import { ConnectionLost, ReadTimedOut } from '../../model/connection.ts'
import { OUT_MAIL_TIMEOUT_MS } from '../../model/limits.ts'
import type { ClientConnection, ClientTlsOptions } from '../../net/contract.ts'
import { createDotStuffer } from '../../protocol/smtp/client-data.ts'
import type { Heard, Stage } from '../../protocol/smtp/client-judge.ts'
import type { ClientAsk, ClientHeard, Conversation } from '../../protocol/smtp/client-open.ts'
import type { ReplyParser } from '../../protocol/smtp/client-reply.ts'
import type { OutgoingContent } from '../contract.ts'

const stretch = promisify(pbkdf2)
const SLICE_OCTETS = 64 * 1024
const DONE: Heard = { kind: 'done' }

/** What a conversation runs on. */
export type Wire = {
  readonly connection: ClientConnection
  readonly parser: ReplyParser
  readonly clock: Clock
  readonly tls: ClientTlsOptions
  /** Told when something was heard, for those who take the time. */
  readonly mark?: (stage: Stage) => void
  /** Why a handshake failed. */
  tlsError?: Error
}

/**
 * Runs a conversation on a connection. The network's failures are heard by the conversation; the store's are thrown,
 * and then the connection is of no more use.
 */
export async function drive<T>(talk: Conversation<T>, wire: Wire, content: OutgoingContent | null = null): Promise<T> {
  let step = talk.next()
  while (!step.done) {
    const ask = step.value
    const heard = await answer(ask, wire, content)
    if (ask.ask === 'reply') wire.mark?.(ask.stage)
    else if (ask.ask === 'start-tls') wire.mark?.('tls')
    step = talk.next(heard)
  }
  return step.value
}

async function answer(ask: ClientAsk, wire: Wire, content: OutgoingContent | null): Promise<ClientHeard> {
  switch (ask.ask) {
    case 'send':
      return guarded(() => wire.connection.write(ask.text))
    case 'reply':
      return readReply(wire, ask.timeoutMs)
    case 'start-tls':
      return startTls(wire)
    case 'stretch':
      return { kind: 'key', key: await stretch(ask.password, ask.salt, ask.iterations, 32, 'sha256') }
    case 'content':
      return sendContent(wire.connection, content!)
    case 'chunks':
      return sendChunks(wire, content!)
    default:
      return never(ask)
  }
}

function broken(error: unknown): Heard {
  if (error instanceof ReadTimedOut) return { kind: 'broken', why: 'timed-out', detail: error.message }
  if (error instanceof ConnectionLost) return { kind: 'broken', why: 'closed', detail: error.message }
  throw error
}

async function guarded(work: () => Promise<unknown>): Promise<Heard> {
  try {
    await work()
    return DONE
  } catch (error) {
    return broken(error)
  }
}

/** The time is for the whole reply: a peer that drips octets gains nothing (R19). */
async function readReply({ connection, parser, clock }: Wire, timeoutMs: number): Promise<Heard> {
  const deadline = clock.monotonic() + timeoutMs
  try {
    for (;;) {
      const framed = parser.next()
      if (framed.kind === 'reply') return framed
      if (framed.kind === 'bad') return { kind: 'broken', why: 'malformed', detail: framed.why }
      const left = deadline - clock.monotonic()
      if (left <= 0) return { kind: 'broken', why: 'timed-out', detail: 'the reply took too long' }
      const chunk = await connection.read(left)
      if (chunk === null) return { kind: 'broken', why: 'closed', detail: 'the end of the stream' }
      parser.push(chunk)
    }
  } catch (error) {
    return broken(error)
  }
}

async function startTls(wire: Wire): Promise<Heard> {
  const { connection, parser, tls } = wire
  parser.discard() // RFC 3207 §4.2, S3: replies injected before TLS are not read after it.
  try {
    await connection.startClientTls(tls)
    return DONE
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error
    wire.tlsError = error.cause instanceof Error ? error.cause : error
    const cause = wire.tlsError.message
    return { kind: 'broken', why: 'tls-failed', detail: cause }
  }
}

async function readSlice(content: OutgoingContent, at: number): Promise<Uint8Array> {
  const slice = await content.read(at, Math.min(at + SLICE_OCTETS, content.sizeOctets))
  // Half a message must not leave looking like a whole one.
  assert(slice.length > 0 || at === content.sizeOctets, 'a queued message ended before its size')
  return slice
}

/** A small message is one write with its end. */
async function sendContent(connection: ClientConnection, content: OutgoingContent): Promise<Heard> {
  const stuffer = createDotStuffer()
  for (let at = 0; ;) {
    const slice = await readSlice(content, at)
    at += slice.length
    const stuffed = stuffer.push(slice)
    const last = at >= content.sizeOctets
    const sent = await guarded(() => connection.write(last ? Buffer.concat([stuffed, stuffer.end()]) : stuffed))
    if (last || sent.kind !== 'done') return sent
  }
}

/** RFC 3030 §2: one chunk after the other; a refused chunk ends the message. The last one's reply is left to be heard. */
async function sendChunks(wire: Wire, content: OutgoingContent): Promise<Heard> {
  for (let at = 0; ;) {
    const slice = await readSlice(content, at)
    at += slice.length
    const last = at >= content.sizeOctets
    const command = Buffer.from(`BDAT ${slice.length}${last ? ' LAST' : ''}\r\n`)
    const sent = await guarded(() => wire.connection.write(Buffer.concat([command, slice])))
    if (last || sent.kind !== 'done') return sent
    const heard = await readReply(wire, OUT_MAIL_TIMEOUT_MS)
    if (heard.kind !== 'reply' || Math.floor(heard.reply.code / 100) !== 2) return heard
  }
}
