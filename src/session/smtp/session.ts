import { ConnectionLost, ReadTimedOut, type Connection } from '../../model/connection.ts'
import {
  SASL_RESPONSE_MAX_OCTETS,
  SMTP_BEFORE_EHLO_TIMEOUT_MS,
  SMTP_COMMAND_LINE_MAX_OCTETS,
  SMTP_COMMAND_TIMEOUT_MS,
  SMTP_ERROR_DELAY_MS,
  SMTP_ERRORS_MAX,
  SMTP_ERRORS_SLOW_FROM,
  SMTP_JUNK_COMMANDS_MAX,
  STRESS_COMMAND_TIMEOUT_MS,
  STRESS_ERRORS_MAX,
  STRESS_JUNK_COMMANDS_MAX,
} from '../../model/limits.ts'
import { SMTP_CONNECTIONS, SMTP_REJECTS } from '../../model/metrics.ts'
import { reply, type SmtpReply } from '../../model/reply.ts'
import { parseCommand, type CommandProblem, type SmtpCommand } from '../../protocol/smtp/command.ts'
import { printReply } from '../../protocol/smtp/print-reply.ts'
import { outOfOrder } from '../../protocol/smtp/state.ts'
import type { SmtpPolicy } from '../../roles/contract.ts'
import { never } from '../../std/assert.ts'
import { sleep, type Clock } from '../../std/clock.ts'
import { calm, type Load } from '../../std/load.ts'
import type { Log } from '../../std/log.ts'
import { noMetrics, type Metrics } from '../../std/metrics.ts'
import type { Random } from '../../std/random.ts'
import type { Result } from '../../std/result.ts'
import { ConversationOver, createInput } from '../input.ts'
import { createLoginGate } from '../sasl.ts'
import { auth } from './command/auth.ts'
import { burl } from './command/burl.ts'
import { bdat, data } from './command/data.ts'
import { mail } from './command/mail.ts'
import { rcpt } from './command/rcpt.ts'
import { expn, hello, help, noop, quit, rset, vrfy } from './command/simple.ts'
import { startTls } from './command/starttls.ts'
import type { Done, SmtpContext } from './context.ts'

export type SmtpSessionOptions = {
  readonly policy: SmtpPolicy
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics?: Metrics
  readonly load?: Load
  /** Fires at shutdown: the transaction in course is finished, then 421. */
  readonly signal?: AbortSignal
  /** REQUIRETLS (RFC 8689) is offered over TLS; for a server whose relay keeps it. Default: not. */
  readonly offerRequireTls?: boolean
}

/** Runs one SMTP conversation to its end. Never throws: what goes wrong here ends here (R31). */
export async function smtpSession(connection: Connection, options: SmtpSessionOptions): Promise<void> {
  const log = options.log.with({ cid: connection.id, service: connection.service, remote: connection.remote.address })
  const context = createContext(connection, { ...options, log })
  log.debug({ event: 'smtp.connected', port: connection.remote.port, tls: connection.tls?.version ?? null })
  let why = 'quit'
  try {
    if (await spokeFirst(context)) {
      why = 'spoke first'
      context.say(refuse(context, NOT_GREETED))
    } else {
      context.say(reply(220, null, `${options.policy.hostname} ESMTP`))
      why = await converse(context, options.signal)
    }
  } catch (error) {
    why = farewell(context, error)
  }
  await hangUp(context)
  const role = connection.service === 'mx' ? 'mx' : 'submission'
  context.metrics.add(SMTP_CONNECTIONS, { role, tls: connection.tls?.version ?? 'none' })
  log.debug({ event: 'smtp.closed', why, transactions: context.transactions })
}

/** RFC 5321 §4.3.1: a client waits for the greeting, and RFC 2920 §3.1: for the answer to EHLO. */
const NOT_GREETED = reply(554, '5.5.1', 'Protocol error: you spoke before you were greeted')
const NOT_WAITED = reply(554, '5.5.0', 'Protocol error: you did not wait for the answer to your greeting')

/** Robots that only want to be rid of their mail do not wait for the greeting. @throws ConversationOver */
async function spokeFirst({ connection, policy }: SmtpContext): Promise<boolean> {
  const delayMs = policy.greetingDelayMs?.(connection) ?? 0
  if (delayMs === 0) return false
  try {
    if ((await connection.read(delayMs)) === null) throw new ConversationOver('eof')
    return true
  } catch (error) {
    if (!(error instanceof ReadTimedOut)) throw error
    policy.onSilence?.(connection)
    return false
  }
}

function refuse({ log, metrics }: SmtpContext, answer: SmtpReply): SmtpReply {
  log.info({ event: 'smtp.hasty', code: answer.code, status: answer.status, why: answer.lines[0] })
  metrics.add(SMTP_REJECTS, { reason: `${answer.code} ${answer.status}` })
  return answer
}

function createContext(connection: Connection, options: SmtpSessionOptions): SmtpContext {
  const { policy, clock, random, log, metrics = noMetrics, load = calm, signal } = options
  let waiting = ''
  const flush = async (): Promise<void> => {
    if (waiting === '') return
    const text = waiting
    waiting = ''
    await connection.write(text)
  }
  // RFC 4954 §4: AUTH lines may be long; the others are held to their own limit below.
  const lineMaxOctets = policy.authenticator === null ? SMTP_COMMAND_LINE_MAX_OCTETS : SASL_RESPONSE_MAX_OCTETS
  return {
    connection,
    policy,
    clock,
    random,
    log,
    metrics,
    load,
    input: createInput({ connection, clock, lineMaxOctets, signal, load, beforeWait: flush }),
    loginGate: createLoginGate({
      clock,
      delayMs: () => policy.authenticator?.failureDelayMs(connection) ?? 0,
      ...(signal === undefined ? {} : { signal }),
    }),
    offerRequireTls: options.offerRequireTls === true,
    say: (answer) => void (waiting += printReply(answer)),
    flush,
    state: { at: 'connected' },
    account: null,
    incoming: null,
    transactions: 0,
  }
}

/** The last words, as far as there are any. @returns why it ended, for the log */
function farewell(context: SmtpContext, error: unknown): string {
  if (error instanceof ConversationOver) {
    if (error.why === 'timeout') context.say(reply(421, '4.4.2', 'Timed out waiting for you'))
    if (error.why === 'drain') context.say(reply(421, '4.3.2', 'Shutting down, try again later'))
    return error.why
  }
  if (error instanceof ConnectionLost) return 'lost'
  context.log.error({ event: 'smtp.failed', cause: error instanceof Error ? (error.stack ?? error.message) : error })
  context.say(reply(421, '4.3.0', 'Local error, try again later'))
  return 'failed'
}

async function hangUp(context: SmtpContext): Promise<void> {
  context.input.close()
  try {
    await context.incoming?.abort()
    await context.flush()
    await context.connection.end()
  } catch (error) {
    if (!(error instanceof ConnectionLost)) context.log.error({ event: 'smtp.failed', cause: String(error) })
    context.connection.destroy()
  }
}

/** @returns why it ended */
async function converse(context: SmtpContext, signal: AbortSignal | undefined): Promise<string> {
  const manners = createManners(context, signal)
  for (;;) {
    const parsed = await readCommand(context)
    const done = parsed.ok ? await run(context, parsed.value) : problem(context, parsed.error)
    if (done === null) continue
    const verdict = await manners.judge(parsed.ok ? parsed.value.verb : null, done)
    context.say(done.reply)
    if (verdict !== null) context.say(verdict)
    if (done.close === true || verdict !== null) return done.reply.code === 221 ? 'quit' : `closed ${done.reply.code}`
  }
}

async function readCommand(context: SmtpContext): Promise<Result<SmtpCommand, CommandProblem>> {
  const { state, input } = context
  const framed = await input.line({
    timeoutMs: state.at === 'connected' ? SMTP_BEFORE_EHLO_TIMEOUT_MS : SMTP_COMMAND_TIMEOUT_MS,
    // Deviation: RFC 5321 §4.5.3.2.7 asks for 5 minutes; while the places run out, a peer has 30 seconds (S14).
    stressTimeoutMs: STRESS_COMMAND_TIMEOUT_MS,
    mayDrain: state.at === 'connected' || state.at === 'ready',
  })
  if (framed.kind === 'bad') {
    const text = framed.why === 'line-too-long' ? 'Line too long' : 'Lines must end with CRLF and hold no CR, LF or NUL'
    return { ok: false, error: { verb: null, reply: reply(500, '5.5.2', text) } }
  }
  const parsed = parseCommand(framed.line)
  const long = framed.line.length > SMTP_COMMAND_LINE_MAX_OCTETS - '\r\n'.length
  if (!long || (parsed.ok && parsed.value.verb === 'AUTH')) return parsed
  return { ok: false, error: { verb: null, reply: reply(500, '5.5.2', 'Line too long') } }
}

function problem(context: SmtpContext, error: CommandProblem): Done {
  // An unreadable BDAT is followed by octets whose end nobody knows, and HTTP by more of its kind.
  const close = error.verb === 'BDAT' || error.verb === 'HTTP'
  if (error.verb === 'HTTP') context.log.info({ event: 'smtp.http' })
  return { reply: error.reply, close }
}

/** @returns null when the command has said all itself */
async function run(context: SmtpContext, command: SmtpCommand): Promise<Done | null> {
  const misplaced = outOfOrder(context.state, command.verb)
  const refusal: Done | null = misplaced === null ? null : { reply: misplaced }
  if (command.verb === 'BDAT') return bdat(context, command, refusal)
  if (command.verb === 'BURL') return burl(context, command, refusal)
  // On a port without AUTH its place does not matter; what matters is where to go (D5).
  if (command.verb === 'AUTH' && context.policy.authenticator === null) return auth(context, command)
  if (refusal !== null) return refusal
  switch (command.verb) {
    case 'EHLO':
    case 'HELO':
      if (context.input.framer.heldOctets() > 0 && context.policy.mustWait?.(context.connection) === true)
        return { reply: NOT_WAITED, close: true }
      return hello(context, { verb: command.verb, name: command.name })
    case 'MAIL':
      return mail(context, command)
    case 'RCPT':
      return rcpt(context, command)
    case 'DATA':
      return data(context)
    case 'AUTH':
      return auth(context, command)
    case 'STARTTLS':
      return startTls(context)
    case 'RSET':
      return rset(context)
    case 'NOOP':
      return noop
    case 'VRFY':
      return vrfy
    case 'EXPN':
      return expn
    case 'HELP':
      return help
    case 'QUIT':
      return quit
    default:
      return never(command)
  }
}

const JUNK: readonly (SmtpCommand['verb'] | null)[] = ['NOOP', 'RSET', 'VRFY', 'EXPN', 'HELP', 'EHLO', 'HELO']

/** Slows down and ends conversations that are mostly errors, or only pass the time. */
function createManners(
  context: SmtpContext,
  signal: AbortSignal | undefined,
): { judge(verb: SmtpCommand['verb'] | null, done: Done): Promise<SmtpReply | null> } {
  const { load, metrics } = context
  let errors = 0
  let junk = 0
  let greetings = 0
  return {
    async judge(verb, done) {
      const { code, status } = done.reply
      if (code >= 400) metrics.add(SMTP_REJECTS, { reason: status === null ? String(code) : `${code} ${status}` })
      if (verb === 'DATA' || verb === 'BDAT' || verb === 'BURL') junk = greetings = 0
      if (JUNK.includes(verb)) {
        junk++
        if (verb === 'EHLO' || verb === 'HELO') greetings++
        const isStressful = load.stressed && junk - greetings > STRESS_JUNK_COMMANDS_MAX
        if (isStressful || junk > SMTP_JUNK_COMMANDS_MAX) {
          return reply(421, '4.7.0', 'Too many commands without a message')
        }
      }
      if (code < 500 || done.pardoned === true) return null
      errors++
      const errorsMax = load.stressed ? STRESS_ERRORS_MAX : SMTP_ERRORS_MAX
      if (errors >= errorsMax) return reply(421, '4.7.0', 'Too many errors')
      if (errors >= SMTP_ERRORS_SLOW_FROM) {
        await context.flush()
        await sleep(context.clock, SMTP_ERROR_DELAY_MS, signal)
      }
      return null
    },
  }
}
