/** Macros of SPF (RFC 7208 §7). */

export type MacroFacts = {
  /** Octets of the visitor's address, 4 or 16. */
  readonly address: Uint8Array
  /** As `local-part@domain`. */
  readonly sender: string
  readonly helo: string
  /** The domain that is being looked at now. */
  readonly domain: string
  /** Only in explanations: who we are, and when, in seconds. */
  readonly receiver: string
  readonly nowSeconds: number
}

/** A macro-string, parsed: literals and macros in turn. */
export type MacroPiece =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'macro'
      /** Lower-case. */
      readonly letter: string
      readonly escape: boolean
      /** How many labels from the right; 0: all. */
      readonly labels: number
      readonly reverse: boolean
      readonly delimiters: string
    }

const MACRO = /^%\{([slodiphcrtv])(\d{0,3})(r?)([.\-+,/_=]*)\}/i

/**
 * Parses a macro-string (RFC 7208 §7.1).
 * @param options.explanation whether c, r and t may stand here, and spaces
 * @returns its pieces, or null when it is no macro-string
 */
export function parseMacros(text: string, options: { explanation: boolean }): readonly MacroPiece[] | null {
  const pieces: MacroPiece[] = []
  let literal = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (char !== '%') {
      if (char < (options.explanation ? ' ' : '!') || char > '~') return null
      literal += char
      continue
    }
    const escaped = { '%': '%', _: ' ', '-': '%20' }[text[at + 1] ?? '']
    if (escaped !== undefined) {
      literal += escaped
      at++
      continue
    }
    const macro = MACRO.exec(text.slice(at, at + 64))
    if (macro === null) return null
    const [whole, letter = '', digits = '', reverse = '', delimiters = ''] = macro
    if (digits !== '' && Number(digits) === 0) return null // RFC 7208 §7.1: not zero.
    if (!options.explanation && /[crt]/i.test(letter)) return null // RFC 7208 §7.2
    if (literal !== '') pieces.push({ kind: 'literal', text: literal })
    literal = ''
    const lower = letter.toLowerCase()
    pieces.push({
      kind: 'macro',
      letter: lower,
      escape: letter !== lower,
      labels: Number(digits),
      reverse: reverse !== '',
      delimiters: delimiters === '' ? '.' : delimiters,
    })
    at += whole.length - 1
  }
  if (literal !== '') pieces.push({ kind: 'literal', text: literal })
  return pieces
}

/** Whether expanding asks for the validated name of the address (the `p` macro). */
export const needsName = (pieces: readonly MacroPiece[]): boolean =>
  pieces.some((piece) => piece.kind === 'macro' && piece.letter === 'p')

/** @param name the validated name of the address, or `unknown` (RFC 7208 §7.3) */
export function expandMacros(pieces: readonly MacroPiece[], facts: MacroFacts, name: string): string {
  let text = ''
  for (const piece of pieces) text += piece.kind === 'literal' ? piece.text : expand(piece, facts, name)
  return text
}

function expand(piece: Extract<MacroPiece, { kind: 'macro' }>, facts: MacroFacts, name: string): string {
  let parts = splitAt(valueOf(piece.letter, facts, name), piece.delimiters)
  if (piece.reverse) parts = parts.toReversed()
  if (piece.labels > 0) parts = parts.slice(-piece.labels)
  const text = parts.join('.')
  // RFC 7208 §7.3: as in a URI, all but the unreserved characters.
  return piece.escape ? encodeURIComponent(text).replace(/[!'()*]/g, escapeMark) : text
}

const escapeMark = (mark: string): string => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`

function splitAt(text: string, delimiters: string): string[] {
  const parts = ['']
  for (const char of text) {
    if (delimiters.includes(char)) parts.push('')
    else parts[parts.length - 1] += char
  }
  return parts
}

function valueOf(letter: string, facts: MacroFacts, name: string): string {
  const at = facts.sender.lastIndexOf('@')
  switch (letter) {
    case 's':
      return facts.sender
    case 'l':
      return facts.sender.slice(0, at)
    case 'o':
      return facts.sender.slice(at + 1)
    case 'd':
      return facts.domain
    case 'i':
      return dotted(facts.address)
    case 'p':
      return name
    case 'v':
      return facts.address.length === 4 ? 'in-addr' : 'ip6'
    case 'h':
      return facts.helo
    case 'c':
      return readable(facts.address)
    case 'r':
      return facts.receiver
    default: // 't'
      return String(facts.nowSeconds)
  }
}

/** IPv6 as nibbles (RFC 7208 §7.3). */
function dotted(address: Uint8Array): string {
  if (address.length === 4) return address.join('.')
  return [...Buffer.from(address).toString('hex')].join('.')
}

/** RFC 5952 §4.2: the longest run of zero groups, of two at least, is left out. */
function readable(address: Uint8Array): string {
  if (address.length === 4) return address.join('.')
  const groups: string[] = []
  for (let at = 0; at < 16; at += 2) groups.push(((address[at]! << 8) | address[at + 1]!).toString(16))
  const runs = groups.map((_, at) => ({ at, length: groups.slice(at).findIndex((group) => group !== '0') }))
  const zeros = runs.map(({ at, length }) => ({ at, length: length === -1 ? 8 - at : length }))
  const longest = zeros.reduce((best, run) => (run.length > best.length ? run : best))
  if (longest.length < 2) return groups.join(':')
  return `${groups.slice(0, longest.at).join(':')}::${groups.slice(longest.at + longest.length).join(':')}`
}
