/** AUTHORIZATION state: USER, PASS (RFC 1939 §7), AUTH (RFC 5034), STLS (RFC 2595 §4). */
import type { AccountRef } from '../../../core/contract.ts'
import {
  POP3_BEFORE_LOGIN_TIMEOUT_MS,
  POP3_COMMAND_LINE_MAX_OCTETS,
  POP3_SASL_LINE_MAX_OCTETS,
} from '../../../model/limits.ts'
import { decodeBase64, decodeInitialResponse } from '../../../protocol/sasl/base64.ts'
import { never } from '../../../std/assert.ts'
import { Secret } from '../../../std/secret.ts'
import { runSasl, type SaslOutcome } from '../../sasl.ts'
import { error, okay, type Pop3Context, type Pop3Done } from '../context.ts'
import { inLanguage } from '../language.ts'
import { openMaildrop } from '../maildrop.ts'

// S5: said before any password is looked at.
const NEEDS_TLS = error('[SYS/PERM] Encryption is needed before logging in: send STLS')

export function user(context: Pop3Context, name: string): Pop3Done {
  if (!context.policy.mayAuthenticate(context.connection)) return NEEDS_TLS
  context.user = name
  return okay('Send PASS')
}

export async function pass(context: Pop3Context, password: string): Promise<Pop3Done> {
  const { connection, policy, user: name } = context
  if (!policy.mayAuthenticate(connection)) return NEEDS_TLS
  if (name === null) return error('Send USER first')
  context.user = null
  if (!policy.authenticator.mayTry(connection)) return settle(context, { at: 'try-later' })
  return settle(context, await policy.authenticator.password(connection, name, new Secret(password)))
}

export async function auth(
  context: Pop3Context,
  command: { mechanism: string | null; initialResponse: string | null },
): Promise<Pop3Done> {
  const { connection, policy, random } = context
  const { authenticator } = policy
  const offered = policy.mechanisms(connection)
  // Interop: some clients ask with a bare AUTH for the list (an older habit than CAPA).
  if (command.mechanism === null) return okay(['Mechanisms follow', ...offered, '.'].join('\r\n'))
  if (!policy.mayAuthenticate(connection)) return NEEDS_TLS
  const mechanism = offered.find((name) => name === command.mechanism)
  if (mechanism === undefined) return error('Mechanism not offered')
  const initialResponse = command.initialResponse === null ? null : decodeInitialResponse(command.initialResponse)
  if (initialResponse === null && command.initialResponse !== null) return error('Malformed base64')
  const challenge = (bytes: Buffer): ReturnType<typeof ask> => ask(context, bytes)
  const outcome = await runSasl({ mechanism, initialResponse, offered, authenticator, connection, random, challenge })
  return settle(context, outcome)
}

async function ask(context: Pop3Context, challenge: Buffer): Promise<Buffer | null | 'malformed'> {
  const { input } = context
  context.say(`+ ${challenge.toString('base64')}\r\n`)
  input.framer.lineMaxOctets = POP3_SASL_LINE_MAX_OCTETS // RFC 5034 §4
  const framed = await input.line({ timeoutMs: POP3_BEFORE_LOGIN_TIMEOUT_MS, mayDrain: true })
  input.framer.lineMaxOctets = POP3_COMMAND_LINE_MAX_OCTETS
  if (framed.kind === 'bad') return 'malformed'
  const text = framed.line.toString('latin1')
  return text === '*' ? null : (decodeBase64(text) ?? 'malformed')
}

async function settle(context: Pop3Context, outcome: SaslOutcome): Promise<Pop3Done> {
  switch (outcome.at) {
    case 'ok':
      return enter(context, outcome.account)
    case 'refused': {
      await context.flush()
      const close = (await context.loginGate.refused()) === 'close'
      return { ...error('[AUTH] Wrong name or password'), close } // RFC 3206 §5
    }
    case 'try-later':
      return error('[SYS/TEMP] Cannot check the password now, try again later')
    case 'cancelled':
      return error('Cancelled')
    case 'malformed':
      return error(`Authentication exchange refused: ${outcome.why}`)
    default:
      return never(outcome)
  }
}

async function enter(context: Pop3Context, account: AccountRef): Promise<Pop3Done> {
  const lock = context.locks.take(account.accountId)
  if (lock.at === 'too-soon') return error('[LOGIN-DELAY] You have logged in a moment ago, wait a little') // RFC 2449 §8.1.1
  // RFC 1939 §4, RFC 2449 §8.1.2. IMAP goes on beside: its expunges are told by -ERR, ours by EXPUNGE.
  if (lock.at === 'in-use') return error('[IN-USE] Another POP3 session has the mailbox')
  context.release = lock.release
  try {
    context.drop = await openMaildrop(context.policy.open(account))
  } catch (failure) {
    lock.release()
    throw failure
  }
  const { drop } = context
  context.log.info({ event: 'pop3.login', accountId: account.accountId, messages: drop.count })
  return okay(`Logged in, ${drop.count} messages`)
}

/** @returns null when TLS is up: then there is nothing more to say */
export async function stls(context: Pop3Context): Promise<Pop3Done | null> {
  const { connection, input, log } = context
  if (connection.tls !== null) return error('TLS is up already')
  if (!connection.canStartTls) return error('TLS is not available')
  if (context.utf8) return error('STLS comes before UTF8') // RFC 6856 §2.1
  context.say(`${inLanguage(context.language, '+OK Begin TLS')}\r\n`)
  await context.flush()
  input.framer.discard()
  const tls = await connection.startTls()
  // RFC 2595 §4: all that was said before is forgotten (S3).
  input.framer.discard()
  context.user = null
  context.language = 'en' // RFC 6856 §8: it may have been somebody's between.
  log.debug({ event: 'pop3.tls', version: tls.version, cipher: tls.cipher })
  return null
}
