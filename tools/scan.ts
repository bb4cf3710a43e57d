/**
 * Enough of TypeScript's lexis to tell code from comments and from text. TypeScript 7 has no API for scripts, and a regular
 * expression alone finds `process` in a sentence about processes.
 */
export type Comment = { readonly text: string; readonly start: number; readonly end: number }

export type Scanned = {
  /** As long as the source: comments and the insides of strings, templates and regular expressions are blanks. */
  readonly code: string
  readonly comments: readonly Comment[]
}

const REGEX_AFTER = new Set('(,=:[!&|?{};+-*%<>~^\n')
const REGEX_AFTER_WORD = /(?:^|[^\w$.])(?:return|typeof|case|in|of|void|delete|await|yield|else|do)$/

/** A slash begins a regular expression where a value may begin, and divides elsewhere. */
function regexMayStart(code: string): boolean {
  const before = code.trimEnd()
  return before === '' || REGEX_AFTER.has(before.at(-1)!) || REGEX_AFTER_WORD.test(before.slice(-12))
}

const blank = (text: string): string => text.replace(/[^\n]/g, ' ')

function endOfLine(source: string, at: number): number {
  const end = source.indexOf('\n', at)
  return end < 0 ? source.length : end
}

/** @returns the index after the closing quote */
function endOfString(source: string, start: number): number {
  const quote = source[start]
  let at = start + 1
  while (at < source.length && source[at] !== quote && source[at] !== '\n') at += source[at] === '\\' ? 2 : 1
  return Math.min(at + 1, source.length)
}

/** @returns the index after the closing slash */
function endOfRegex(source: string, start: number): number {
  let inClass = false
  for (let at = start + 1; at < source.length; at++) {
    const char = source[at]
    if (char === '\\') at++
    else if (char === '\n') return at
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '/' && !inClass) return at + 1
  }
  return source.length
}

/** @returns the index of the `${` or after the closing backquote */
function endOfTemplateText(source: string, start: number): number {
  for (let at = start; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === '`') return at + 1
    else if (source[at] === '$' && source[at + 1] === '{') return at
  }
  return source.length
}

export function scan(source: string): Scanned {
  const comments: Comment[] = []
  /** For each open template the depth of braces at which its `${` was opened. */
  const templates: number[] = []
  let code = ''
  let depth = 0
  let at = 0
  const skipTo = (end: number, keepEdges: boolean): void => {
    const text = source.slice(at, end)
    code += keepEdges && text.length > 1 ? text[0]! + blank(text.slice(1, -1)) + text.at(-1)! : blank(text)
    at = end
  }
  const templateText = (): void => {
    const end = endOfTemplateText(source, at + 1)
    const opens = source[end] === '$'
    code += source[at]!
    at++
    skipTo(opens ? end : end - 1, false)
    if (!opens) skipTo(end, true)
    if (!opens) return
    code += '${'
    at += 2
    templates.push(depth++)
  }
  while (at < source.length) {
    const two = source.slice(at, at + 2)
    const char = source[at]!
    if (two === '//' || two === '/*') {
      const close = source.indexOf('*/', at + 2)
      const end = two === '//' ? endOfLine(source, at) : close < 0 ? source.length : close + 2
      comments.push({ text: source.slice(at, end), start: at, end })
      skipTo(end, false)
    } else if (char === "'" || char === '"') skipTo(endOfString(source, at), true)
    else if (char === '/' && regexMayStart(code)) skipTo(endOfRegex(source, at), true)
    else if (char === '`') templateText()
    else if (char === '}' && templates.at(-1) === depth - 1) {
      templates.pop()
      depth--
      templateText()
    } else {
      if (char === '{') depth++
      else if (char === '}') depth--
      code += char
      at++
    }
  }
  return { code, comments }
}

/** 1 for the first line. */
export function lineOf(source: string, at: number): number {
  let line = 1
  for (let end = source.indexOf('\n'); end >= 0 && end < at; end = source.indexOf('\n', end + 1)) line++
  return line
}
