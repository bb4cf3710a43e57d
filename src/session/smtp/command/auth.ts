import { SASL_RESPONSE_MAX_OCTETS, SMTP_COMMAND_TIMEOUT_MS } from '../../../model/limits.ts'
import { reply, type SmtpReply } from '../../../model/reply.ts'
import { decodeBase64, decodeInitialResponse } from '../../../protocol/sasl/base64.ts'
import type { AuthCommand } from '../../../protocol/smtp/command.ts'
import { never } from '../../../std/assert.ts'
import { runSasl, type SaslOutcome } from '../../sasl.ts'
import type { Done, SmtpContext } from '../context.ts'

/** AUTH, RFC 4954. */
export async function auth(context: SmtpContext, command: AuthCommand): Promise<Done> {
  const { connection, policy, random } = context
  const { authenticator } = policy
  const offered = policy.mechanisms(connection)
  if (offered === null || authenticator === null) {
    return { reply: reply(502, '5.5.1', 'No AUTH on this port; mail clients send through port 587 with STARTTLS') } // D5
  }
  if (offered.length === 0) return { reply: reply(530, '5.7.0', 'Must issue a STARTTLS command first') }
  if (context.account !== null) return { reply: reply(503, '5.5.1', 'Already authenticated') }
  const mechanism = offered.find((name) => name === command.mechanism)
  if (mechanism === undefined) return { reply: reply(504, '5.5.4', 'Mechanism not offered') }
  const initialResponse = command.initialResponse === null ? null : decodeInitialResponse(command.initialResponse)
  if (initialResponse === null && command.initialResponse !== null) {
    return { reply: reply(501, '5.5.2', 'Malformed base64') }
  }
  const challenge = (bytes: Buffer): ReturnType<typeof ask> => ask(context, bytes)
  const outcome = await runSasl({ mechanism, initialResponse, offered, authenticator, connection, random, challenge })
  return settle(context, outcome)
}

async function ask(context: SmtpContext, challenge: Buffer): Promise<Buffer | null | 'malformed'> {
  const { input } = context
  context.say(reply(334, null, challenge.toString('base64')))
  const before = input.framer.lineMaxOctets
  input.framer.lineMaxOctets = SASL_RESPONSE_MAX_OCTETS
  const framed = await input.line({ timeoutMs: SMTP_COMMAND_TIMEOUT_MS, mayDrain: true })
  input.framer.lineMaxOctets = before
  if (framed.kind === 'bad') return 'malformed'
  const text = framed.line.toString('latin1')
  return text === '*' ? null : (decodeBase64(text) ?? 'malformed') // RFC 4954 §4
}

async function settle(context: SmtpContext, outcome: SaslOutcome): Promise<Done> {
  switch (outcome.at) {
    case 'ok':
      context.account = outcome.account
      return { reply: reply(235, '2.7.0', 'Authentication succeeded') }
    case 'refused': {
      await context.flush()
      const close = (await context.loginGate.refused()) === 'close'
      return { reply: WRONG, close, pardoned: true }
    }
    case 'try-later':
      return { reply: reply(454, '4.7.0', 'Temporary authentication failure, try again later') }
    case 'cancelled':
      return { reply: reply(501, '5.7.0', 'Authentication cancelled') }
    case 'malformed':
      return { reply: reply(501, '5.5.2', `Authentication exchange refused: ${outcome.why}`) }
    default:
      return never(outcome)
  }
}

const WRONG: SmtpReply = reply(535, '5.7.8', 'Authentication credentials invalid')
