/** Bearer tokens and client certificates for transcripts and sessions: an issuer's verdicts without an issuer. */
import type { TokenVerifier } from '../src/core/contract.ts'
import type { PeerCertificate } from '../src/model/connection.ts'

type Verdict = Awaited<ReturnType<TokenVerifier['verify']>>

/** RFC 7628 §4.1 has this token. */
export const GOOD_TOKEN = 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=='

const VERDICTS: Readonly<Record<string, Verdict>> = {
  [GOOD_TOKEN]: { at: 'ok', login: 'anna@here.test' },
  nobodys: { at: 'ok', login: 'nobody@here.test' },
  narrow: { at: 'refused', status: 'insufficient_scope', why: 'it does not grant mail' },
  silence: { at: 'try-later', why: 'the issuer does not answer' },
}

export const testTokens: TokenVerifier = {
  configuration: 'https://id.test/.well-known/openid-configuration',
  verify: async (token) =>
    VERDICTS[token.reveal()] ?? { at: 'refused', status: 'invalid_token', why: 'none of the keys has signed it' },
}

/** Of a CA for clients. */
export const certificateOf = (address: string): PeerCertificate => ({
  fingerprint: 'AA:BB',
  addresses: [address],
  trusted: true,
})
