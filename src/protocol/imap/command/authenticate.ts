import { Fault, type Cursor } from '../cursor.ts'

export type AuthenticateArgs = {
  readonly mechanism: string
  /** As sent, still base64; `=` is an empty response (RFC 4959 §3). Null when the client waits for a challenge. */
  readonly initial: string | null
}

/** RFC 9051 §6.2.2. */
export function parseAuthenticate(cursor: Cursor): AuthenticateArgs {
  cursor.space()
  const mechanism = cursor.word()
  if (!cursor.skip(' ')) return { mechanism, initial: null }
  const initial = cursor.bytes.toString('latin1', cursor.at)
  cursor.at = cursor.bytes.length
  if (!/^[A-Za-z0-9+/=]+$/.test(initial)) throw new Fault('Initial response is not base64')
  return { mechanism, initial }
}
