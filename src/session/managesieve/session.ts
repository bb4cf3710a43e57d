import { StoreError, type AccountRef, type Scripts } from '../../core/contract.ts'
import { ConnectionLost, type Connection } from '../../model/connection.ts'
import {
  MANAGESIEVE_AUTOLOGOUT_MS,
  MANAGESIEVE_BEFORE_LOGIN_TIMEOUT_MS,
  MANAGESIEVE_ERRORS_MAX,
  MANAGESIEVE_LINE_MAX_OCTETS,
} from '../../model/limits.ts'
import { LEGAL, parseCommand, type ManageSieveCommand } from '../../protocol/managesieve/command.ts'
import { printReply } from '../../protocol/managesieve/print.ts'
import type { AccessPolicy } from '../../roles/contract.ts'
import { assert } from '../../std/assert.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { Random } from '../../std/random.ts'
import { ConversationOver, createInput } from '../input.ts'
import { createLoginGate } from '../sasl.ts'
import { authenticate, capabilities, startTls, unauthenticate } from './command/login.ts'
import { runOnScripts } from './command/scripts.ts'
import { bye, no, okay, type Done, type ManageSieveContext } from './context.ts'
import { readCommand } from './read.ts'

export type ManageSieveSessionOptions = {
  readonly policy: AccessPolicy
  /** The handle of a proven account. */
  readonly openScripts: (account: AccountRef) => Scripts
  readonly implementation: string
  /** What scripts may require. */
  readonly extensions: readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Fires at shutdown: the command in course is finished, then the connection closes. */
  readonly signal?: AbortSignal
}

/** Runs one ManageSieve conversation (RFC 5804) to its end. Never throws: what goes wrong here ends here (R31). */
export async function manageSieveSession(connection: Connection, options: ManageSieveSessionOptions): Promise<void> {
  const log = options.log.with({ cid: connection.id, service: connection.service, remote: connection.remote.address })
  const context = createContext(connection, { ...options, log })
  log.debug({ event: 'managesieve.connected', port: connection.remote.port })
  let why = 'quit'
  try {
    context.say(capabilities(context) + printReply(okay('Ready')))
    why = await converse(context)
  } catch (failure) {
    why = farewell(context, failure)
  }
  await hangUp(context)
  log.debug({ event: 'managesieve.closed', why })
}

function createContext(connection: Connection, options: ManageSieveSessionOptions): ManageSieveContext {
  const { policy, openScripts, implementation, extensions, clock, random, log, signal } = options
  let waiting = ''
  const flush = async (): Promise<void> => {
    if (waiting === '') return
    const bytes = Buffer.from(waiting)
    waiting = ''
    await connection.write(bytes)
  }
  return {
    connection,
    policy,
    openScripts,
    implementation,
    extensions,
    random,
    log,
    input: createInput({ connection, clock, lineMaxOctets: MANAGESIEVE_LINE_MAX_OCTETS, signal, beforeWait: flush }),
    loginGate: createLoginGate({
      clock,
      delayMs: () => policy.authenticator.failureDelayMs(connection),
      ...(signal === undefined ? {} : { signal }),
    }),
    say: (text) => void (waiting += text),
    flush,
    scripts: null,
  }
}

/** @returns why it ended, for the log */
function farewell(context: ManageSieveContext, failure: unknown): string {
  if (failure instanceof ConversationOver) {
    if (failure.why === 'drain') context.say(printReply(bye('Shutting down, try again later', 'TRYLATER')))
    if (failure.why === 'timeout') context.say(printReply(bye('Idle for too long')))
    return failure.why
  }
  if (failure instanceof ConnectionLost) return 'lost'
  const cause = failure instanceof Error ? (failure.stack ?? failure.message) : failure
  context.log.error({ event: 'managesieve.failed', cause })
  context.say(printReply(bye('Local error, try again later', 'TRYLATER')))
  return 'failed'
}

async function hangUp(context: ManageSieveContext): Promise<void> {
  context.input.close()
  try {
    await context.flush()
    await context.connection.end()
  } catch (failure) {
    if (!(failure instanceof ConnectionLost)) context.log.error({ event: 'managesieve.failed', cause: failure })
    context.connection.destroy()
  }
}

/** @returns why it ended */
async function converse(context: ManageSieveContext): Promise<string> {
  let errors = 0
  for (;;) {
    const done = await step(context)
    if (done === null) continue
    context.say(printReply(done))
    if (done.close === true) return done.condition === 'OK' ? 'quit' : 'closed'
    if (done.condition === 'NO' && ++errors >= MANAGESIEVE_ERRORS_MAX) {
      context.say(printReply(bye('Too many errors')))
      return 'errors'
    }
  }
}

/** Reads and runs one command. @returns null when it has said all itself */
async function step(context: ManageSieveContext): Promise<Done | null> {
  const before = context.scripts === null
  const read = await readCommand(context, before ? MANAGESIEVE_BEFORE_LOGIN_TIMEOUT_MS : MANAGESIEVE_AUTOLOGOUT_MS)
  if (read.at === 'flood') return bye('The command is too large')
  if (read.at === 'bad') {
    if (read.why === 'too-large') return no('The script is too large', 'QUOTA/MAXSIZE')
    return no(read.why === 'line-too-long' ? 'Line too long' : 'Lines end with CRLF and hold no CR, LF or NUL')
  }
  const parsed = parseCommand(read.bytes)
  if (!parsed.ok) return no(parsed.error)
  const command = parsed.value
  if (!LEGAL[before ? 'before-login' : 'logged-in'].includes(command.verb))
    return no(before ? 'Log in first' : 'Not after logging in')
  try {
    return await run(context, command)
  } catch (failure) {
    if (!(failure instanceof StoreError)) throw failure
    context.log.error({ event: 'managesieve.store.failed', kind: failure.kind, cause: failure.message })
    return no('Local error, try again later', 'TRYLATER')
  }
}

async function run(context: ManageSieveContext, command: ManageSieveCommand): Promise<Done | null> {
  switch (command.verb) {
    case 'CAPABILITY':
      context.say(capabilities(context))
      return okay()
    case 'NOOP': // RFC 5804 §2.13
      return command.tag === null ? okay('Done') : { ...okay('Done'), code: { tag: command.tag } }
    case 'LOGOUT':
      return { ...okay('Bye'), close: true }
    case 'STARTTLS':
      return startTls(context)
    case 'AUTHENTICATE':
      return authenticate(context, command)
    case 'UNAUTHENTICATE':
      return unauthenticate(context)
    default: {
      const { scripts } = context
      assert(scripts !== null, 'LEGAL lets these in after login only')
      return runOnScripts(scripts, command, context.say)
    }
  }
}
