import { StoreError, type MaildropLocks } from '../../core/contract.ts'
import { ConnectionLost, type Connection } from '../../model/connection.ts'
import {
  POP3_AUTOLOGOUT_MS,
  POP3_BEFORE_LOGIN_TIMEOUT_MS,
  POP3_COMMAND_LINE_MAX_OCTETS,
  POP3_ERRORS_MAX,
  STRESS_COMMAND_TIMEOUT_MS,
  STRESS_ERRORS_MAX,
} from '../../model/limits.ts'
import { LEGAL, parseCommand, type Pop3Command } from '../../protocol/pop3/command.ts'
import type { AccessPolicy } from '../../roles/contract.ts'
import { assert, never } from '../../std/assert.ts'
import type { Clock } from '../../std/clock.ts'
import { calm, type Load } from '../../std/load.ts'
import type { Log } from '../../std/log.ts'
import type { Random } from '../../std/random.ts'
import { ConversationOver, createInput } from '../input.ts'
import { createLoginGate } from '../sasl.ts'
import { capa } from './command/capa.ts'
import { lang } from './command/lang.ts'
import { list, stat, uidl } from './command/listing.ts'
import { auth, pass, stls, user } from './command/login.ts'
import { retr } from './command/retr.ts'
import { dele, quit, rset } from './command/update.ts'
import { inLanguage } from './language.ts'
import { error, okay, TRY_LATER, type Pop3Context, type Pop3Done } from './context.ts'

export type Pop3SessionOptions = {
  readonly policy: AccessPolicy
  readonly locks: MaildropLocks
  readonly hostname: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly load?: Load
  /** Fires at shutdown: the command in course is finished, then the connection closes. */
  readonly signal?: AbortSignal
}

/** Output up to this much waits for the next read, so that pipelined commands are answered together. */
const OUTPUT_BATCH_OCTETS = 64 * 1024

/** Runs one POP3 conversation to its end. Never throws: what goes wrong here ends here (R31). */
export async function pop3Session(connection: Connection, options: Pop3SessionOptions): Promise<void> {
  const log = options.log.with({ cid: connection.id, service: connection.service, remote: connection.remote.address })
  const context = createContext(connection, { ...options, log })
  log.debug({ event: 'pop3.connected', port: connection.remote.port, tls: connection.tls?.version ?? null })
  let why = 'quit'
  try {
    context.say(`+OK ${options.hostname} POP3\r\n`)
    why = await converse(context)
  } catch (failure) {
    why = farewell(context, failure)
  }
  context.release() // Before the answer to QUIT is out: who comes next finds it free.
  await hangUp(context)
  log.debug({ event: 'pop3.closed', why })
}

function createContext(connection: Connection, options: Pop3SessionOptions): Pop3Context {
  const { policy, locks, clock, random, log, load = calm, signal } = options
  let waiting: Uint8Array[] = []
  let waitingOctets = 0
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return
    const bytes = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting)
    waiting = []
    waitingOctets = 0
    await connection.write(bytes)
  }
  const queue = (bytes: Uint8Array): void => {
    if (bytes.length === 0) return
    waiting.push(bytes)
    waitingOctets += bytes.length
  }
  return {
    connection,
    policy,
    clock,
    random,
    log,
    load,
    input: createInput({
      connection,
      clock,
      lineMaxOctets: POP3_COMMAND_LINE_MAX_OCTETS,
      signal,
      load,
      beforeWait: flush,
    }),
    loginGate: createLoginGate({
      clock,
      delayMs: () => policy.authenticator.failureDelayMs(connection),
      ...(signal === undefined ? {} : { signal }),
    }),
    say: (text) => queue(Buffer.from(text)),
    async send(bytes) {
      queue(bytes)
      if (waitingOctets >= OUTPUT_BATCH_OCTETS) await flush()
    },
    flush,
    answering: false,
    user: null,
    utf8: false,
    language: 'en',
    locks,
    drop: null,
    release: () => {},
  }
}

/** @returns why it ended, for the log */
function farewell(context: Pop3Context, failure: unknown): string {
  if (failure instanceof ConversationOver) {
    // RFC 1939 §3: the autologout timer closes without a word and without UPDATE.
    const bye = inLanguage(context.language, '-ERR [SYS/TEMP] Shutting down, try again later')
    if (failure.why === 'drain') context.say(`${bye}\r\n`)
    return failure.why
  }
  if (failure instanceof ConnectionLost) return 'lost'
  const cause = failure instanceof Error ? (failure.stack ?? failure.message) : failure
  context.log.error({ event: 'pop3.failed', cause })
  // In the middle of a message a line would pass for a part of it.
  if (context.answering) context.connection.destroy()
  else context.say(`${inLanguage(context.language, TRY_LATER.say ?? '')}\r\n`)
  return 'failed'
}

async function hangUp(context: Pop3Context): Promise<void> {
  context.input.close()
  try {
    await context.flush()
    await context.connection.end()
  } catch (failure) {
    if (!(failure instanceof ConnectionLost)) context.log.error({ event: 'pop3.failed', cause: failure })
    context.connection.destroy()
  }
}

/** @returns why it ended */
async function converse(context: Pop3Context): Promise<string> {
  let errors = 0
  for (;;) {
    const done = await step(context)
    if (done === null) continue
    if (done.say !== null) context.say(`${inLanguage(context.language, done.say)}\r\n`)
    if (done.close === true) return 'quit'
    const errorsMax = context.drop === null && context.load.stressed ? STRESS_ERRORS_MAX : POP3_ERRORS_MAX
    if (done.say?.startsWith('-ERR') === true && ++errors >= errorsMax) {
      context.say(`${inLanguage(context.language, '-ERR Too many errors')}\r\n`)
      return 'errors'
    }
  }
}

/** Reads and runs one command. @returns null when it has said all itself */
async function step(context: Pop3Context): Promise<Pop3Done | null> {
  const { input, drop } = context
  const framed = await input.line({
    timeoutMs: drop === null ? POP3_BEFORE_LOGIN_TIMEOUT_MS : POP3_AUTOLOGOUT_MS,
    ...(drop === null ? { stressTimeoutMs: STRESS_COMMAND_TIMEOUT_MS } : {}),
    mayDrain: true,
  })
  if (framed.kind === 'bad') {
    return error(framed.why === 'line-too-long' ? 'Line too long' : 'Lines end with CRLF and hold no CR, LF or NUL')
  }
  const parsed = parseCommand(framed.line)
  if (!parsed.ok) return error(parsed.error)
  const command = parsed.value
  if (!LEGAL[drop === null ? 'authorization' : 'transaction'].includes(command.verb)) {
    return error(drop === null ? 'Log in first' : 'Already logged in')
  }
  try {
    return await run(context, command)
  } catch (failure) {
    if (!(failure instanceof StoreError) || context.answering) throw failure
    context.log.error({ event: 'pop3.store.failed', kind: failure.kind, cause: failure.message })
    return TRY_LATER
  }
}

async function run(context: Pop3Context, command: Pop3Command): Promise<Pop3Done | null> {
  switch (command.verb) {
    case 'CAPA':
      return capa(context)
    case 'NOOP':
      return okay('')
    case 'QUIT':
      return quit(context)
    case 'USER':
      return user(context, command.name)
    case 'PASS':
      return pass(context, command.password)
    case 'AUTH':
      return auth(context, command)
    case 'STLS':
      return stls(context)
    case 'LANG':
      return lang(context, command.range)
    case 'UTF8':
      context.utf8 = true
      return okay('UTF8 enabled')
    case 'STAT':
    case 'LIST':
    case 'UIDL':
    case 'RETR':
    case 'TOP':
    case 'DELE':
    case 'RSET':
      return runInDrop(context, command)
    default:
      return never(command)
  }
}

type DropCommand = Extract<Pop3Command, { verb: 'STAT' | 'LIST' | 'UIDL' | 'RETR' | 'TOP' | 'DELE' | 'RSET' }>

async function runInDrop(context: Pop3Context, command: DropCommand): Promise<Pop3Done> {
  const { drop } = context
  assert(drop !== null, 'LEGAL lets these in after login only')
  switch (command.verb) {
    case 'STAT':
      return stat(drop)
    case 'LIST':
      return list(context, drop, command.number)
    case 'UIDL':
      return uidl(context, drop, command.number)
    case 'RETR':
      return retr(context, drop, { number: command.number, lines: null })
    case 'TOP':
      return retr(context, drop, { number: command.number, lines: command.lines })
    case 'DELE':
      return dele(drop, command.number)
    case 'RSET':
      return rset(drop)
    default:
      return never(command)
  }
}
