/** What a remote server offers (RFC 5321 §4.1.1.1). */
export type Extensions = {
  /** False after HELO. */
  readonly esmtp: boolean
  readonly pipelining: boolean
  readonly startTls: boolean
  readonly eightBitMime: boolean
  readonly smtpUtf8: boolean
  readonly chunking: boolean
  readonly binaryMime: boolean
  readonly dsn: boolean
  readonly requireTls: boolean
  /** RFC 1870; null: SIZE is not offered. 0: offered without a limit. */
  readonly sizeOctets: number | null
  /** Upper case, in the server's order. */
  readonly auth: readonly string[]
  /** RFC 9422: recipients a transaction, messages a connection; null: not said. */
  readonly recipientsMax: number | null
  readonly messagesMax: number | null
}

export const NO_EXTENSIONS: Extensions = {
  esmtp: false,
  pipelining: false,
  startTls: false,
  eightBitMime: false,
  smtpUtf8: false,
  chunking: false,
  binaryMime: false,
  dsn: false,
  requireTls: false,
  sizeOctets: null,
  auth: [],
  recipientsMax: null,
  messagesMax: null,
}

const DIGITS = /^\d{1,15}$/

function count(text: string | undefined): number | null {
  return text !== undefined && DIGITS.test(text) ? Number(text) : null
}

/**
 * @param lines of the 250 to EHLO; the first is the greeting. Keywords in any case; unknown ones are ignored.
 */
export function parseEhlo(lines: readonly string[]): Extensions {
  const offered = new Map<string, readonly string[]>()
  const auth = new Set<string>()
  for (const line of lines.slice(1)) {
    const words = line.trim().split(/[ \t]+/)
    let keyword = words[0]!.toUpperCase()
    // Interop: `AUTH=PLAIN LOGIN`, from drafts older than RFC 2554.
    if (keyword.startsWith('AUTH=')) {
      words.splice(0, 1, 'AUTH', keyword.slice('AUTH='.length))
      keyword = 'AUTH'
    }
    if (keyword === 'AUTH') for (const name of words.slice(1)) auth.add(name.toUpperCase())
    if (!offered.has(keyword)) offered.set(keyword, words.slice(1))
  }
  const limit = (name: string): number | null => {
    const found = offered.get('LIMITS')?.find((word) => word.toUpperCase().startsWith(`${name}=`))
    const value = count(found?.slice(name.length + 1))
    return value === null || value === 0 ? null : value
  }
  return {
    esmtp: true,
    pipelining: offered.has('PIPELINING'),
    startTls: offered.has('STARTTLS'),
    eightBitMime: offered.has('8BITMIME'),
    smtpUtf8: offered.has('SMTPUTF8'),
    chunking: offered.has('CHUNKING'),
    binaryMime: offered.has('BINARYMIME') && offered.has('CHUNKING'), // RFC 3030 §3: BINARYMIME needs CHUNKING.
    dsn: offered.has('DSN'),
    requireTls: offered.has('REQUIRETLS'),
    sizeOctets: offered.has('SIZE') ? (count(offered.get('SIZE')![0]) ?? 0) : null,
    auth: [...auth],
    recipientsMax: limit('RCPTMAX'),
    messagesMax: limit('MAILMAX'),
  }
}
