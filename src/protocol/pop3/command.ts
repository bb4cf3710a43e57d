/** POP3 commands as a server reads them: RFC 1939, 2449, 2595, 5034, 6856. */
import { isAscii, isUtf8 } from 'node:buffer'
import { err, ok, type Result } from '../../std/result.ts'

export type Pop3Command =
  | { readonly verb: 'USER'; readonly name: string }
  | { readonly verb: 'PASS'; readonly password: string }
  /** RFC 5034 §4. `mechanism` null asks for the list; `initialResponse` is still base64, or `=`. */
  | { readonly verb: 'AUTH'; readonly mechanism: string | null; readonly initialResponse: string | null }
  | { readonly verb: 'LIST' | 'UIDL'; readonly number: number | null }
  | { readonly verb: 'RETR' | 'DELE'; readonly number: number }
  | { readonly verb: 'TOP'; readonly number: number; readonly lines: number }
  | { readonly verb: 'STAT' | 'RSET' }
  /** RFC 6856 §3. `range` null asks for the list. */
  | { readonly verb: 'LANG'; readonly range: string | null }
  | { readonly verb: 'CAPA' | 'STLS' | 'UTF8' | 'NOOP' | 'QUIT' }

export type Pop3Verb = Pop3Command['verb']

export type Pop3State = 'authorization' | 'transaction'

/** RFC 1939 §4–6, RFC 2449 §5, RFC 2595 §4, RFC 6856 §2. */
export const LEGAL: Readonly<Record<Pop3State, readonly Pop3Verb[]>> = {
  authorization: ['USER', 'PASS', 'AUTH', 'CAPA', 'STLS', 'UTF8', 'LANG', 'NOOP', 'QUIT'],
  transaction: ['CAPA', 'LANG', 'STAT', 'LIST', 'UIDL', 'RETR', 'TOP', 'DELE', 'RSET', 'NOOP', 'QUIT'],
}

/** RFC 4647 §2.1 basic language range. */
const LANGUAGE_RANGE = /^(?:\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,30})$/

type Parsed = Result<Pop3Command, string>

/** @param line without CRLF. @returns the command, or the text that tells what is wrong; never throws */
export function parseCommand(line: Buffer): Parsed {
  if (!isAscii(line) && !isUtf8(line)) return err('Command is not valid UTF-8') // RFC 6856 §2.2
  const text = line.toString('utf8')
  const space = text.indexOf(' ')
  const verb = (space === -1 ? text : text.slice(0, space)).toUpperCase()
  const argument = space === -1 ? '' : text.slice(space + 1)
  switch (verb) {
    case 'USER':
      return argument.trim() === '' ? err('Syntax: USER name') : ok({ verb, name: argument.trim() })
    case 'PASS':
      // RFC 1939 §7: blanks belong to the password.
      return argument === '' ? err('Syntax: PASS password') : ok({ verb, password: argument })
    case 'AUTH':
      return parseAuth(argument.trim())
    case 'LIST':
    case 'UIDL': {
      if (argument.trim() === '') return ok({ verb, number: null })
      const number = messageNumber(argument)
      return number === null ? err(`Syntax: ${verb} [message]`) : ok({ verb, number })
    }
    case 'RETR':
    case 'DELE': {
      const number = messageNumber(argument)
      return number === null ? err(`Syntax: ${verb} message`) : ok({ verb, number })
    }
    case 'TOP': {
      const [first = '', second = '', ...surplus] = argument.trim().split(/ +/)
      const number = messageNumber(first)
      const lines = /^[0-9]{1,9}$/.test(second) ? Number(second) : null
      if (number === null || lines === null || surplus.length > 0) return err('Syntax: TOP message lines')
      return ok({ verb, number, lines })
    }
    case 'LANG': {
      const range = argument.trim()
      if (range !== '' && !LANGUAGE_RANGE.test(range)) return err('Syntax: LANG [language]')
      return ok({ verb, range: range === '' ? null : range.toLowerCase() })
    }
    case 'CAPA':
    case 'STLS':
    case 'UTF8':
    case 'STAT':
    case 'NOOP':
    case 'RSET':
    case 'QUIT':
      return argument.trim() === '' ? ok({ verb }) : err(`${verb} takes no arguments`)
    default:
      return err('Unknown command')
  }
}

/** RFC 1939 §3: decimal, from 1. */
function messageNumber(text: string): number | null {
  return /^[0-9]{1,10}$/.test(text.trim()) && Number(text) > 0 ? Number(text) : null
}

function parseAuth(argument: string): Parsed {
  const [mechanism = '', initialResponse = null, ...surplus] = argument.split(/ +/)
  if (surplus.length > 0) return err('Syntax: AUTH mechanism [initial-response]')
  return ok({ verb: 'AUTH', mechanism: mechanism === '' ? null : mechanism.toUpperCase(), initialResponse })
}
