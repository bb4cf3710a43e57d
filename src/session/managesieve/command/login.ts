/** AUTHENTICATE (RFC 5804 §2.1), STARTTLS (§2.2), UNAUTHENTICATE (§2.14.1), and the capabilities (§1.7). */
import { MANAGESIEVE_BEFORE_LOGIN_TIMEOUT_MS, SIEVE_REDIRECTS_MAX } from '../../../model/limits.ts'
import { parseResponse } from '../../../protocol/managesieve/command.ts'
import { printReply, printString } from '../../../protocol/managesieve/print.ts'
import { decodeBase64, decodeInitialResponse } from '../../../protocol/sasl/base64.ts'
import { never } from '../../../std/assert.ts'
import { runSasl, type SaslOutcome } from '../../sasl.ts'
import { no, okay, type Done, type ManageSieveContext } from '../context.ts'
import { readCommand } from '../read.ts'

/** RFC 5804 §1.7; with the reply that ends them. */
export function capabilities({ connection, policy, ...context }: ManageSieveContext): string {
  const { implementation, extensions, scripts } = context
  const mayLogIn = scripts === null && policy.mayAuthenticate(connection)
  const list: (readonly string[])[] = [
    ['IMPLEMENTATION', implementation],
    ['VERSION', '1.0'],
    ['SASL', mayLogIn ? policy.mechanisms(connection).join(' ') : ''],
    ['SIEVE', extensions.join(' ')],
    ['NOTIFY', 'mailto'],
    ['MAXREDIRECTS', String(SIEVE_REDIRECTS_MAX)],
    ['UNAUTHENTICATE'],
  ]
  if (scripts !== null) list.push(['OWNER', `${scripts.account.address.localPart}@${scripts.account.address.domain}`])
  else if (connection.tls === null && connection.canStartTls) list.push(['STARTTLS'])
  return list.map((words) => `${words.map(printString).join(' ')}\r\n`).join('')
}

export async function authenticate(
  context: ManageSieveContext,
  command: { mechanism: string; initialResponse: string | null },
): Promise<Done> {
  const { connection, policy, random } = context
  const { authenticator } = policy
  if (!policy.mayAuthenticate(connection)) return no('Encryption is needed before logging in', 'ENCRYPT-NEEDED')
  const offered = policy.mechanisms(connection)
  const mechanism = offered.find((name) => name === command.mechanism)
  if (mechanism === undefined) return no('Mechanism not offered')
  const initialResponse = command.initialResponse === null ? null : decodeInitialResponse(command.initialResponse)
  if (initialResponse === null && command.initialResponse !== null) return no('Malformed base64')
  const challenge = (bytes: Buffer): ReturnType<typeof ask> => ask(context, bytes)
  const outcome = await runSasl({ mechanism, initialResponse, offered, authenticator, connection, random, challenge })
  return settle(context, outcome)
}

async function ask(context: ManageSieveContext, challenge: Buffer): Promise<Buffer | null | 'malformed'> {
  context.say(`${printString(challenge.toString('base64'))}\r\n`)
  const read = await readCommand(context, MANAGESIEVE_BEFORE_LOGIN_TIMEOUT_MS)
  if (read.at !== 'command') return 'malformed'
  const response = parseResponse(read.bytes)
  if (!response.ok) return 'malformed'
  return response.value === '*' ? null : (decodeBase64(response.value) ?? 'malformed')
}

async function settle(context: ManageSieveContext, outcome: SaslOutcome): Promise<Done> {
  switch (outcome.at) {
    case 'ok':
      context.scripts = context.openScripts(outcome.account)
      context.log.info({ event: 'managesieve.login', accountId: outcome.account.accountId })
      return okay('Logged in')
    case 'refused': {
      await context.flush()
      const close = (await context.loginGate.refused()) === 'close'
      return { ...no('Wrong name or password'), close }
    }
    case 'try-later':
      return no('Cannot check the password now', 'TRYLATER')
    case 'cancelled':
      return no('Cancelled')
    case 'malformed':
      return no(`Authentication exchange refused: ${outcome.why}`)
    default:
      return never(outcome)
  }
}

/** @returns null when TLS is up: then the capabilities have been said again (RFC 5804 §2.2) */
export async function startTls(context: ManageSieveContext): Promise<Done | null> {
  const { connection, input, log } = context
  if (connection.tls !== null) return no('TLS is up already')
  if (!connection.canStartTls) return no('TLS is not available')
  context.say(printReply(okay('Begin TLS')))
  await context.flush()
  input.framer.discard()
  const tls = await connection.startTls()
  input.framer.discard() // S3: nothing said before TLS counts after it.
  log.debug({ event: 'managesieve.tls', version: tls.version, cipher: tls.cipher })
  context.say(capabilities(context) + printReply(okay('TLS is up')))
  return null
}

export function unauthenticate(context: ManageSieveContext): Done {
  context.scripts = null
  return okay('Logged out')
}
