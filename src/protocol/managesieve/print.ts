/** What a ManageSieve server says: RFC 5804 §1.2, §1.3, §4. */

/** RFC 5804 §1.3; the last two with what they carry. */
export type ResponseCode =
  | 'AUTH-TOO-WEAK'
  | 'ENCRYPT-NEEDED'
  | 'QUOTA/MAXSCRIPTS'
  | 'QUOTA/MAXSIZE'
  | 'TRYLATER'
  | 'ACTIVE'
  | 'NONEXISTENT'
  | 'ALREADYEXISTS'
  | 'WARNINGS'
  | { readonly tag: string }

export type ManageSieveReply = {
  readonly condition: 'OK' | 'NO' | 'BYE'
  readonly code?: ResponseCode
  /** For a person; may have several lines. */
  readonly text?: string
}

/** RFC 5804 §4: quoted strings SHOULD NOT be longer, and hold no line ends. */
const QUOTED_MAX_OCTETS = 1024
const NEEDS_LITERAL = /[\0\r\n]/

/** As quoted when it can be, else as a literal. */
export function printString(text: string): string {
  const octets = Buffer.byteLength(text)
  if (octets > QUOTED_MAX_OCTETS || NEEDS_LITERAL.test(text)) return `{${octets}}\r\n${text}`
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

/** With its CRLF. */
export function printReply({ condition, code, text }: ManageSieveReply): string {
  const coded = code === undefined ? '' : ` (${typeof code === 'string' ? code : `TAG ${printString(code.tag)}`})`
  return `${condition}${coded}${text === undefined ? '' : ` ${printString(text)}`}\r\n`
}
