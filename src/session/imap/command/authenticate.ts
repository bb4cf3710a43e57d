import { SASL_RESPONSE_MAX_OCTETS } from '../../../model/limits.ts'
import { parseAuthenticate } from '../../../protocol/imap/command/authenticate.ts'
import { decodeBase64, decodeInitialResponse } from '../../../protocol/sasl/base64.ts'
import { runSasl } from '../../sasl.ts'
import { bad, command, no, type Session } from '../command.ts'
import { loginEnded, privacyRequired, tooOften } from './login.ts'

export const authenticate = command({
  name: 'AUTHENTICATE',
  rfc: 'RFC 9051 §6.2.2',
  capability: null, // AUTH= lists the mechanisms; see capability.ts
  states: ['connected'],
  parse: parseAuthenticate,
  async *run(conversation, args) {
    const { connection, policy, random } = conversation
    if (!policy.mayAuthenticate(connection)) return privacyRequired()
    if (!policy.authenticator.mayTry(connection)) return tooOften(conversation)
    const offered = policy.mechanisms(connection)
    const mechanism = offered.find((name) => name === args.mechanism)
    if (mechanism === undefined) return no('Mechanism is not available', 'CANNOT')
    const initialResponse = args.initial === null ? null : (decodeInitialResponse(args.initial) ?? 'malformed')
    if (initialResponse === 'malformed') return bad('Initial response is not base64')
    const challenge = (bytes: Buffer): Promise<Buffer | null | 'malformed'> => exchange(conversation, bytes)
    return loginEnded(
      conversation,
      await runSasl({
        mechanism,
        initialResponse,
        offered,
        authenticator: policy.authenticator,
        connection,
        random,
        challenge,
      }),
    )
  },
})

async function exchange(conversation: Session, challenge: Buffer): Promise<Buffer | null | 'malformed'> {
  await conversation.output.write(`+ ${challenge.toString('base64')}\r\n`)
  const framed = await conversation.line(SASL_RESPONSE_MAX_OCTETS)
  if (framed.kind === 'bad') return 'malformed'
  const line = framed.line.toString('latin1')
  return line === '*' ? null : (decodeBase64(line) ?? 'malformed')
}
