/** SMTP commands as a server reads them: RFC 5321 §4.1 and the extensions we offer. */
import { isAscii, isUtf8 } from 'node:buffer'
import type { Address, ReversePath } from '../../model/address.ts'
import type { DsnNotify, Envelope } from '../../model/envelope.ts'
import { DOMAIN_MAX_OCTETS } from '../../model/limits.ts'
import { reply, type SmtpReply } from '../../model/reply.ts'
import { parsePath } from '../../format/address/address.ts'
import { err, ok, type Result } from '../../std/result.ts'
import { parseMailParameters, parseRcptParameters } from './parameters.ts'

export type MailCommand = {
  readonly verb: 'MAIL'
  readonly reversePath: ReversePath
  /** RFC 1870; null when not declared. */
  readonly sizeOctets: number | null
  readonly body: Envelope['body']
  readonly smtputf8: boolean
  readonly requireTls: boolean
  readonly ret?: 'FULL' | 'HDRS'
  readonly envelopeId?: string
}

export type RcptCommand = {
  readonly verb: 'RCPT'
  /** RFC 5321 §4.5.1: `<Postmaster>` needs no domain. */
  readonly forwardPath: Address | 'postmaster'
  readonly notify?: DsnNotify
  readonly originalRecipient?: string
}

export type AuthCommand = {
  readonly verb: 'AUTH'
  readonly mechanism: string
  /** Still base64, or `=`. */
  readonly initialResponse: string | null
}

export type SmtpCommand =
  | { readonly verb: 'EHLO' | 'HELO'; readonly name: string }
  | MailCommand
  | RcptCommand
  | AuthCommand
  | { readonly verb: 'BDAT'; readonly sizeOctets: number; readonly last: boolean }
  | { readonly verb: 'BURL'; readonly url: string; readonly last: boolean }
  | { readonly verb: 'DATA' | 'RSET' | 'NOOP' | 'QUIT' | 'STARTTLS' | 'HELP' | 'VRFY' | 'EXPN' }

export type SmtpVerb = SmtpCommand['verb']

export type CommandProblem = { readonly verb: SmtpVerb | 'HTTP' | null; readonly reply: SmtpReply }

type Parsed = Result<SmtpCommand, CommandProblem>

const problem = (verb: CommandProblem['verb'], code: number, status: string, text: string): Parsed =>
  err({ verb, reply: reply(code, status, text) })

/** Cross-protocol requests: a browser made to talk to us. */
const HTTP = /^(?:GET|POST|PUT|HEAD|OPTIONS|CONNECT|DELETE) /
/** Choice: any printable name without blanks, brackets of comments, or quotes; RFC 5321 §4.1.4 forbids to refuse a false one. */
const HELO_NAME = /^[\x21\x23-\x27\x2a-\x3b\x3d\x3f-\x5b\x5d-\x7e]+$/

/** @param line without CRLF. @returns the command, or the reply that tells what is wrong; never throws */
export function parseCommand(line: Buffer): Parsed {
  if (!isAscii(line) && !isUtf8(line)) return problem(null, 500, '5.5.2', 'Command is not valid UTF-8')
  const text = line.toString('utf8').trimEnd()
  const space = text.indexOf(' ')
  const verb = (space === -1 ? text : text.slice(0, space)).toUpperCase()
  const argument = space === -1 ? '' : text.slice(space + 1)
  switch (verb) {
    case 'EHLO':
    case 'HELO':
      return parseHello(verb, argument.trim())
    case 'MAIL':
      return parseMail(argument)
    case 'RCPT':
      return parseRcpt(argument)
    case 'BDAT':
      return parseBdat(argument)
    case 'BURL':
      return parseBurl(argument)
    case 'AUTH':
      return parseAuth(argument)
    case 'DATA':
    case 'RSET':
    case 'QUIT':
    case 'STARTTLS':
      // RFC 5321 §4.3.2, RFC 3207 §4: no parameters.
      return argument === '' ? ok({ verb }) : problem(verb, 501, '5.5.4', `${verb} takes no parameters`)
    case 'VRFY':
      return argument === '' ? problem(verb, 501, '5.5.4', 'Syntax: VRFY name') : ok({ verb })
    case 'NOOP':
    case 'HELP':
    case 'EXPN':
      return ok({ verb })
    default:
      if (HTTP.test(text)) return problem('HTTP', 554, '5.7.0', 'This is a mail server')
      return problem(null, 500, '5.5.2', 'Command not recognized')
  }
}

function parseHello(verb: 'EHLO' | 'HELO', name: string): Parsed {
  if (name === '') return problem(verb, 501, '5.5.4', `Syntax: ${verb} hostname`)
  if (name.length > DOMAIN_MAX_OCTETS || !HELO_NAME.test(name)) return problem(verb, 501, '5.5.4', 'Malformed hostname')
  return ok({ verb, name })
}

/** What follows `FROM:` or `TO:`. Interop: many clients put blanks behind the colon. */
function afterColon(argument: string, keyword: string): string | null {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return null
  return argument.slice(keyword.length).trimStart()
}

function parseMail(argument: string): Parsed {
  const text = afterColon(argument, 'FROM:')
  if (text === null) return problem('MAIL', 501, '5.5.4', 'Syntax: MAIL FROM:<address>')
  const path = parsePath(text)
  if (!path.ok) return problem('MAIL', 501, '5.1.7', `Bad sender address: ${path.error.why}`)
  const parameters = parseMailParameters(path.value.rest)
  if (!parameters.ok) return err({ verb: 'MAIL', reply: parameters.error })
  return ok({ verb: 'MAIL', reversePath: path.value.address, ...parameters.value })
}

function parseRcpt(argument: string): Parsed {
  const text = afterColon(argument, 'TO:')
  if (text === null) return problem('RCPT', 501, '5.5.4', 'Syntax: RCPT TO:<address>')
  const postmaster = /^<postmaster>/i.exec(text)
  const path = postmaster === null ? parsePath(text) : null
  if (path?.ok === false) return problem('RCPT', 501, '5.1.3', `Bad recipient address: ${path.error.why}`)
  const forwardPath = path === null ? 'postmaster' : path.value.address
  if (forwardPath === null) return problem('RCPT', 501, '5.1.3', 'Bad recipient address: empty')
  const parameters = parseRcptParameters(path === null ? text.slice(postmaster![0].length) : path.value.rest)
  if (!parameters.ok) return err({ verb: 'RCPT', reply: parameters.error })
  return ok({ verb: 'RCPT', forwardPath, ...parameters.value })
}

/** RFC 3030 §2. */
function parseBdat(argument: string): Parsed {
  const match = /^([0-9]{1,15})(?: (LAST))?$/i.exec(argument)
  if (match === null) return problem('BDAT', 501, '5.5.4', 'Syntax: BDAT size [LAST]')
  return ok({ verb: 'BDAT', sizeOctets: Number(match[1]), last: match[2] !== undefined })
}

/** RFC 4468 §3.5. */
function parseBurl(argument: string): Parsed {
  const match = /^([\x21-\x7e]+)(?: (LAST))?$/i.exec(argument)
  if (match === null) return problem('BURL', 501, '5.5.4', 'Syntax: BURL url [LAST]')
  return ok({ verb: 'BURL', url: match[1]!, last: match[2] !== undefined })
}

/** RFC 4954 §4. */
function parseAuth(argument: string): Parsed {
  const [mechanism = '', initialResponse = null, ...surplus] = argument.split(' ')
  if (mechanism === '' || surplus.length > 0 || initialResponse === '') {
    return problem('AUTH', 501, '5.5.4', 'Syntax: AUTH mechanism [initial-response]')
  }
  return ok({ verb: 'AUTH', mechanism: mechanism.toUpperCase(), initialResponse })
}
