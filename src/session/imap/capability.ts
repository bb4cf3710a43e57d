import type { Connection } from '../../model/connection.ts'
import type { AccessPolicy } from '../../roles/contract.ts'
import { COMMANDS, STREAMED_COMMANDS } from './registry.ts'

/** Announced from the greeting on: what a client needs to know to log in. */
const EARLY = ['IMAP4rev1', 'IMAP4rev2', 'SASL-IR', 'LITERAL+', 'ENABLE', 'ID', 'IDLE']

/**
 * Extensions that are arguments, responses or behaviour of commands of the base.
 * Choice: no I18NLEVEL=1 (RFC 5256 §7 would like it): SORT and THREAD go by i;unicode-casemap, but a search for `и` does
 * not find `й`, which that collation asks for.
 * Choice: no MESSAGELIMIT and SAVELIMIT (RFC 9738): they tell a client after how many messages a command stops, and none of
 * ours does; what many messages cost is spread over turns and portions instead.
 */
const BESIDE_COMMANDS = [
  'CATENATE', // RFC 4469
  'CHILDREN', // RFC 3348
  'CONDSTORE', // RFC 7162
  'CONTEXT=SORT', // RFC 5267
  'ESORT', // RFC 5267
  'INPROGRESS', // RFC 9585
  'LIST-METADATA', // RFC 9590
  'LIST-MYRIGHTS', // RFC 8440
  'LIST-STATUS', // RFC 5819
  'OBJECTID', // RFC 8474
  'PARTIAL', // RFC 9394
  'PREVIEW', // RFC 8970
  'QRESYNC', // RFC 7162
  'QUOTA=RES-MESSAGE', // RFC 9208
  'QUOTA=RES-STORAGE', // RFC 9208
  'RIGHTS=kxte', // RFC 4314 §2.2
  'SAVEDATE', // RFC 8514
  'SEARCHRES', // RFC 5182
  'SORT=DISPLAY', // RFC 5957
  'SPECIAL-USE', // RFC 6154
  'THREAD=ORDEREDSUBJECT', // RFC 5256
  'THREAD=REFS', // as Dovecot and Cyrus
  'UIDONLY', // RFC 9586
  'UTF8=ACCEPT', // RFC 6855
  'WITHIN', // RFC 5032
]

const AFTER_LOGIN: readonly string[] = [
  ...new Set([
    ...[...COMMANDS, ...STREAMED_COMMANDS].flatMap(({ capability }) => capability ?? []),
    ...BESIDE_COMMANDS,
  ]),
]
  .filter((name) => !EARLY.includes(name))
  .toSorted()

/** RFC 9051 §7.2.2: what the connection offers as it is now; without the word CAPABILITY. */
export function capabilities(facts: {
  connection: Connection
  policy: AccessPolicy
  loggedIn: boolean
  messageMaxOctets: number
}): string {
  const { connection, policy } = facts
  const names = [...EARLY]
  // RFC 7889 §2.
  if (facts.loggedIn) {
    const now = connection.deflated ? AFTER_LOGIN.filter((name) => name !== 'COMPRESS=DEFLATE') : AFTER_LOGIN
    return [...names, `APPENDLIMIT=${facts.messageMaxOctets}`, ...now].join(' ')
  }
  if (connection.tls === null && connection.canStartTls) names.push('STARTTLS')
  if (policy.mayAuthenticate(connection)) for (const name of policy.mechanisms(connection)) names.push(`AUTH=${name}`)
  else names.push('LOGINDISABLED') // RFC 9051 §6.2.3
  return names.join(' ')
}
