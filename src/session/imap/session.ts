import type { Clock } from '../../std/clock.ts'
import { calm, type Load } from '../../std/load.ts'
import type { Log } from '../../std/log.ts'
import type { Random } from '../../std/random.ts'
import { ConnectionLost, type Connection } from '../../model/connection.ts'
import {
  IMAP_AUTOLOGOUT_MS,
  IMAP_BEFORE_LOGIN_TIMEOUT_MS,
  MESSAGE_MAX_OCTETS,
  STRESS_COMMAND_TIMEOUT_MS,
} from '../../model/limits.ts'
import { never } from '../../std/assert.ts'
import type { ContentSearch, UrlAccess } from '../../core/contract.ts'
import { createReader } from '../../protocol/imap/reader.ts'
import type { AccessPolicy } from '../../roles/contract.ts'
import { createLoginGate } from '../sasl.ts'
import { capabilities } from './capability.ts'
import { untagged, type At, type Conversation, type Feature, type ImapState } from './command.ts'
import { BrokenAnswer } from './fetch/print-messages.ts'
import { createInput, Ended, type Woken } from './input.ts'
import { tellOthers, tellSelected } from './notify/tell.ts'
import { createOutput } from './output.ts'
import { createRunner } from './run.ts'

export type ImapSessionOptions = {
  readonly policy: AccessPolicy
  readonly contentSearch: ContentSearch
  readonly urls: UrlAccess
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly load?: Load
  readonly hostname: string
  /** APPENDLIMIT (RFC 7889); default MESSAGE_MAX_OCTETS. */
  readonly messageMaxOctets?: number
  /** Fires when the server shuts down: the session says BYE at the next command's end. */
  readonly drain: AbortSignal
}

/** Why a session ended, for the log. */
type End = 'logout' | 'peer' | 'timeout' | 'drain' | 'lost' | 'refused' | 'failed'

/** One IMAP conversation (RFC 9051), from the greeting to the close. Resolves when the connection is closed; never rejects. */
export async function imapSession(connection: Connection, options: ImapSessionOptions): Promise<void> {
  const log = options.log.with({ cid: connection.id })
  const started = options.clock.monotonic()
  log.info({ event: 'imap.connected', service: connection.service, remote: connection.remote.address })
  const conversation = createConversation(connection, { ...options, log })
  const end = await converse(conversation, log)
  conversation.close()
  log.info({ event: 'imap.closed', why: end, ms: Math.round(options.clock.monotonic() - started) })
  if (end === 'failed' || end === 'lost') connection.destroy()
  else await connection.end().catch(() => connection.destroy())
}

async function converse(session: OpenConversation, log: Log): Promise<End> {
  const { output, hostname } = session
  try {
    await output.write(untagged(`OK [CAPABILITY ${session.capabilities()}] ${hostname} ready`))
    const runner = createRunner(session)
    for (;;) {
      const next = await runner.step()
      if (next === 'more') {
        await session.command()
      } else if (next === 'start-tls') {
        await output.flush()
        // Nothing that was said before TLS counts after it (RFC 9051 §6.2.1, S3).
        session.input.reader.discard()
        const tls = await session.connection.startTls()
        session.input.reader.discard()
        log.info({ event: 'imap.tls', version: tls.version, cipher: tls.cipher })
      } else if (next === 'start-deflate') session.connection.startDeflate()
      else if (next === 'log-out') {
        if (session.connection.deflated) await session.connection.stopDeflate() // RFC 8437 §4.1
        session.forget()
        log.info({ event: 'imap.unauthenticate' })
      } else if (next === 'close') {
        await output.flush()
        return 'logout'
      } else if (next === 'refused') {
        await output.write(untagged('BYE Too many errors'))
        await output.flush()
        return 'refused'
      } else if (next === 'deleted') return await deleted(session)
      if (next === 'more' && session.state.at === 'selected' && session.state.selected.gone)
        return await deleted(session)
      if (session.input.draining()) throw new Ended('drain')
    }
  } catch (error) {
    return await ended(session, error, log)
  }
}

async function deleted({ output }: OpenConversation): Promise<End> {
  await output.write(untagged('BYE Selected mailbox was deleted'))
  await output.flush()
  return 'refused'
}

/** Says goodbye as far as there is someone to say it to. */
async function ended({ output }: OpenConversation, error: unknown, log: Log): Promise<End> {
  if (error instanceof ConnectionLost) return 'lost'
  if (error instanceof BrokenAnswer) {
    log.error({ event: 'imap.answer.broken', error: String(error.cause) })
    return 'failed'
  }
  const known = error instanceof Ended
  if (!known)
    log.error({ event: 'imap.failed', error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  try {
    if (!known) await output.write(untagged('BYE [SERVERBUG] Internal error')) // R31
    else await output.write(farewell(error.why))
    await output.flush()
  } catch (again) {
    if (!(again instanceof ConnectionLost)) log.error({ event: 'imap.failed', error: String(again) })
    return 'lost'
  }
  if (!known) return 'failed'
  return error.why === 'end' ? 'peer' : error.why
}

function farewell(why: Ended['why']): string {
  switch (why) {
    case 'end':
      return ''
    case 'timeout':
      return untagged('BYE Idle for too long')
    case 'drain':
      return untagged('BYE [UNAVAILABLE] Server is shutting down')
    default:
      return never(why)
  }
}

export type OpenConversation = Omit<Conversation<At>, 'state' | 'tag'> & {
  state: ImapState
  tag: string
  readonly load: Load
  /** Waits for octets of a command, and tells meanwhile what the client wants to hear (RFC 5465). @throws Ended */
  command(): Promise<void>
  /** A whole command has come: the time-out begins anew. */
  active(): void
  /** Who is logged in, and all that was said since; but not TLS (RFC 8437 §3). */
  forget(): void
  close(): void
}

/** Expunges between commands change the numbers under a client; only some want that (RFC 5465 §6.1.2). */
async function* news(session: OpenConversation): AsyncGenerator<string | Uint8Array, void, void> {
  yield* tellSelected(session, { expunge: session.notify?.selected?.delayed === false })
  yield* tellOthers(session)
}

function createConversation(connection: Connection, options: ImapSessionOptions): OpenConversation {
  const { clock, drain, load = calm, messageMaxOctets = MESSAGE_MAX_OCTETS } = options
  const reader = createReader()
  const input = createInput(connection, { reader, drain })
  const output = createOutput(connection)
  const enabled = new Set<Feature>()
  let begun = clock.monotonic()
  let deadline = begun + IMAP_BEFORE_LOGIN_TIMEOUT_MS
  const remaining = (): number => {
    const isShort = conversation.state.at === 'connected' && load.stressed
    return Math.max((isShort ? begun + STRESS_COMMAND_TIMEOUT_MS : deadline) - clock.monotonic(), 0)
  }
  /** Before login a wait is no longer than the time under stress, so that stress is noticed when it comes. */
  const patience = (): number =>
    Math.max(1, conversation.state.at === 'connected' ? Math.min(remaining(), STRESS_COMMAND_TIMEOUT_MS) : remaining())
  const leave = (state: ImapState): void => {
    if (state.at === 'selected') state.selected.stopWatching()
  }

  const conversation: OpenConversation = {
    ...options,
    messageMaxOctets,
    load,
    connection,
    input,
    output,
    enabled,
    gate: createLoginGate({
      clock,
      signal: drain,
      delayMs: () => options.policy.authenticator.failureDelayMs(connection),
    }),
    state: { at: 'connected' },
    tag: '*',
    notify: null,
    entries: null,
    savedSearch: new Uint32Array(0),
    utf8: () => enabled.has('IMAP4REV2') || enabled.has('UTF8=ACCEPT'),
    form: () => (conversation.utf8() ? 'utf8' : 'utf7'),
    become(state) {
      if (
        conversation.state.at === 'selected' &&
        !(state.at === 'selected' && state.selected === conversation.state.selected)
      ) {
        leave(conversation.state)
      }
      if (conversation.state.at === 'connected' && state.at !== 'connected') reader.loggedIn()
      conversation.state = state
    },
    capabilities: () => {
      const loggedIn = conversation.state.at !== 'connected'
      return capabilities({ connection, policy: options.policy, loggedIn, messageMaxOctets })
    },
    async more() {
      await output.flush()
      // The deadline stands however the octets drip (S14); a message that comes in may take its time.
      for (;;) {
        const woken: Woken = await input.wait({ timeoutMs: patience(), notices: false })
        if (woken === 'chunk' || woken === 'notice') return
        if (woken !== 'timeout' || remaining() <= 0) throw new Ended(woken)
      }
    },
    async command() {
      const { notify, state } = conversation
      if (notify !== null && !reader.isWithin()) {
        for await (const piece of news(conversation)) await output.write(piece)
        if (state.at === 'selected' && state.selected.gone) return
      }
      await output.flush()
      const woken = await input.wait({ timeoutMs: patience(), notices: notify !== null })
      if (woken === 'chunk' || woken === 'notice') return
      if (woken !== 'timeout' || remaining() <= 0) throw new Ended(woken)
    },
    async line(maxOctets) {
      for (;;) {
        const framed = reader.nextLine(maxOctets)
        if (framed.kind !== 'need-more') return framed
        await output.flush()
        await conversation.more()
      }
    },
    active() {
      if (conversation.state.at !== 'connected') deadline = clock.monotonic() + IMAP_AUTOLOGOUT_MS
    },
    forget() {
      conversation.become({ at: 'connected' })
      conversation.notify?.stop()
      conversation.entries?.stop()
      conversation.notify = null
      conversation.entries = null
      conversation.savedSearch = new Uint32Array(0)
      enabled.clear()
      reader.loggedOut()
      begun = clock.monotonic()
      deadline = begun + IMAP_BEFORE_LOGIN_TIMEOUT_MS
    },
    close() {
      leave(conversation.state)
      conversation.notify?.stop()
      conversation.entries?.stop()
      input.close()
    },
  }
  return conversation
}
