import { never } from '../../../std/assert.ts'
import type { AccountRef } from '../../../core/contract.ts'
import { parseLogin } from '../../../protocol/imap/command/login.ts'
import type { SaslOutcome } from '../../sasl.ts'
import { bad, command, no, ok, untagged, type Session, type Tagged } from '../command.ts'

export const login = command({
  name: 'LOGIN',
  rfc: 'RFC 9051 §6.2.3',
  capability: null,
  states: ['connected'],
  parse: parseLogin,
  async *run(conversation, args) {
    const { connection, policy } = conversation
    // RFC 9051 §6.2.3: under LOGINDISABLED the password is not even looked at (S5).
    if (!policy.mayAuthenticate(connection)) return privacyRequired()
    if (!policy.authenticator.mayTry(connection)) return tooOften(conversation)
    return loginEnded(conversation, await policy.authenticator.password(connection, args.login, args.password))
  },
})

export const privacyRequired = (): Tagged => no('Start TLS first', 'PRIVACYREQUIRED')

/** The address has failed too often, here or elsewhere (S6); asking again costs as much time as failing. */
export function tooOften(session: Session): Promise<Tagged> {
  session.log.info({ event: 'imap.login.limited' })
  return refuse(session, no('Too many failed logins, try later', 'LIMIT'))
}

async function refuse({ gate, output }: Session, refused: Tagged): Promise<Tagged> {
  if ((await gate.refused()) === 'go-on') return refused
  await output.write(untagged('BYE Too many failed logins'))
  return { ...refused, then: 'close' }
}

/** What LOGIN and AUTHENTICATE answer; a failed one waits first (S6). */
export async function loginEnded(session: Session, outcome: SaslOutcome): Promise<Tagged> {
  switch (outcome.at) {
    case 'ok':
      return loggedIn(session, outcome.account)
    case 'refused':
      session.log.info({ event: 'imap.login.refused' })
      return refuse(session, no('Wrong name or password', 'AUTHENTICATIONFAILED'))
    case 'try-later':
      return no('Logins are not possible at the moment, try later', 'UNAVAILABLE')
    case 'cancelled':
      return bad('Authentication cancelled') // RFC 9051 §6.2.2
    case 'malformed':
      return bad(`Authentication exchange is malformed: ${outcome.why}`)
    default:
      return never(outcome)
  }
}

function loggedIn(session: Session, account: AccountRef): Tagged {
  session.become({ at: 'logged-in', handle: session.policy.open(account) })
  const { localPart, domain } = account.address
  session.log.info({ event: 'imap.login', account: `${localPart}@${domain}` })
  return ok('Logged in', `CAPABILITY ${session.capabilities()}`)
}
