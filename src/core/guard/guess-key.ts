import { createHmac } from 'node:crypto'

const KEPT_OCTETS = 15

/**
 * A keyed hash of user and password: the same wrong password is known again, and is not kept. The key lives and dies with
 * the process; all its threads have the same.
 */
export function createGuessKey(key: Uint8Array): (user: string, password: string) => string {
  return (user, password) =>
    createHmac('sha256', key)
      .update(`${user.length}:${user}${password}`)
      .digest()
      .subarray(0, KEPT_OCTETS)
      .toString('base64url')
}
