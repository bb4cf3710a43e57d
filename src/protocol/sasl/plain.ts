import { Secret } from '../../std/secret.ts'
import { askResponse, malformed, readText, type SaslExchange } from './exchange.ts'

const EMPTY = Buffer.alloc(0)

/** PLAIN, RFC 4616 §2: `[authzid] NUL authcid NUL passwd`. */
export function* plainExchange(initialResponse: Buffer | null): SaslExchange {
  const message = initialResponse ?? (yield* askResponse(EMPTY))
  const first = message.indexOf(0)
  const second = message.indexOf(0, first + 1)
  if (first === -1 || second === -1) return malformed('PLAIN needs two NULs')
  const authzid = readText(message.subarray(0, first))
  const login = readText(message.subarray(first + 1, second))
  const password = readText(message.subarray(second + 1))
  if (authzid === null || login === null || password === null) return malformed('PLAIN is not clean UTF-8')
  if (login === '' || password === '') return malformed('empty name or password')
  // Choice: nobody acts for another here, so an authorization identity must be the login itself.
  if (authzid !== '' && authzid !== login) return malformed('authorization identity differs from the login')
  return { at: 'password', login, password: new Secret(password) }
}

/** LOGIN, obsolete but asked for by old clients (draft-murchison-sasl-login): name, then password. */
export function* loginExchange(initialResponse: Buffer | null): SaslExchange {
  const name = readText(initialResponse ?? (yield* askResponse(Buffer.from('Username:'))))
  const password = readText(yield* askResponse(Buffer.from('Password:')))
  if (name === null || password === null) return malformed('LOGIN is not clean UTF-8')
  if (name === '' || password === '') return malformed('empty name or password')
  return { at: 'password', login: name, password: new Secret(password) }
}
