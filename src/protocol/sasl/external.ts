import { askResponse, malformed, readText, type SaslExchange } from './exchange.ts'

/** EXTERNAL (RFC 4422 appendix A): who it is was said in the TLS handshake; the message is as whom to act, or empty. */
export function* externalExchange(initialResponse: Buffer | null): SaslExchange {
  const login = readText(initialResponse ?? (yield* askResponse(Buffer.alloc(0))))
  if (login === null) return malformed('authorization identity is not clean UTF-8')
  return { at: 'external', login: login === '' ? null : login }
}
