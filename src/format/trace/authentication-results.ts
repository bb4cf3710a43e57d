/** What was found out about a letter, as a field of its header (RFC 8601). */

/** One result (RFC 8601 §2.2); texts in any form: they are quoted or cut here. */
export type MethodResult = {
  readonly method: string
  readonly result: string
  /** For people, as a comment. */
  readonly comment?: string
  readonly properties: readonly (readonly [type: string, property: string, value: string])[]
}

const COMMENT_MAX_CHARACTERS = 200
const VALUE_MAX_CHARACTERS = 320

/**
 * One field, folded, with its CRLF.
 * @param maxOctets results that would make it longer are left out, the last ones first
 */
export function printAuthenticationResults(
  authservId: string,
  results: readonly MethodResult[],
  maxOctets: number,
): string {
  const head = `Authentication-Results: ${value(authservId)}`
  if (results.length === 0) return `${head}; none\r\n`
  let text = head
  for (const result of results) {
    const more = `;\r\n\t${printResult(result)}`
    if (text.length + more.length + 2 > maxOctets) break
    text += more
  }
  return `${text}\r\n`
}

function printResult({ method, result, comment, properties }: MethodResult): string {
  const said = comment === undefined || comment === '' ? '' : ` (${commentText(comment)})`
  const all = properties.map(([type, property, text]) => `\r\n\t ${type}.${property}=${value(text)}`)
  return `${method}=${result}${said}${all.join('')}`
}

const commentText = (text: string): string =>
  text
    .replace(/[^ -~]/g, '?')
    .replace(/[()\\]/g, "'")
    .slice(0, COMMENT_MAX_CHARACTERS)

/** A token (RFC 2045 §5.1) or an address as it stands; anything else quoted. Non-ASCII is left out: not every reader can. */
function value(text: string): string {
  const plain = text.replace(/[^ -~]/g, '?').slice(0, VALUE_MAX_CHARACTERS)
  if (/^[!#$%&'*+\-.^_`{|}~@\w]+$/.test(plain)) return plain
  return `"${plain.replace(/["\\]/g, '\\$&')}"`
}

/** Whose results a field tells, lower-case; null where that cannot be read. @param text the field's value, with its folds */
export function authservIdOf(text: string): string | null {
  let at = 0
  for (;;) {
    const space = /^\s+/.exec(text.slice(at))
    if (space !== null) at += space[0].length
    else if (text[at] === '(') {
      const end = commentEnd(text, at)
      if (end === -1) return null
      at = end
    } else break
  }
  const rest = text.slice(at, at + 1000)
  const quoted = /^"((?:[^"\\]|\\[\s\S])*)"/.exec(rest)
  if (quoted !== null) return (quoted[1] ?? '').replace(/\\([\s\S])/g, '$1').toLowerCase()
  return /^[^\s;()<>@,"/[\]?=]+/.exec(rest)?.[0].toLowerCase() ?? null
}

/** @returns where a comment ends, nested ones within it; -1: nowhere */
function commentEnd(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (char === '\\') at++
    else if (char === '(') depth++
    else if (char === ')' && --depth === 0) return at + 1
  }
  return -1
}
