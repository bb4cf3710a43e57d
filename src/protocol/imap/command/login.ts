import { Secret } from '../../../std/secret.ts'
import type { Cursor } from '../cursor.ts'

/** RFC 9051 §6.2.3. */
export function parseLogin(cursor: Cursor): { login: string; password: Secret } {
  cursor.space()
  const login = cursor.astring()
  cursor.space()
  return { login, password: new Secret(cursor.astring()) }
}
