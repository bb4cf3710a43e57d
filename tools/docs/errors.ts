/** docs/errors.md: what a peer may be told when something is not done. */
import { lineOf, scan } from '../scan.ts'
import { cell, link, page, type Place, type Source } from './page.ts'

type Refusal = Place & { readonly code: string; readonly text: string }

const TEXT = /(?:'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`)/.source
const SMTP = new RegExp(`\\breply\\(\\s*([45]\\d\\d),\\s*(?:'([\\d.]+)'|null),\\s*${TEXT}`, 'g')
const IMAP = new RegExp(`\\b(no|bad)\\(\\s*${TEXT}(?:,\\s*'([A-Z-]+)')?`, 'g')
const POP3 = /(?:(?<=['`])-ERR |\berror\(['`])(?:\[([A-Z/-]+)\] )?(?!\$\{text\})([^'`]+)/g

/** A place in a text that is filled in when it is said. */
const readable = (text: string): string =>
  text.replace(/\$\{[^}]*\}/g, '…').replace(/\\(.)/g, (_, char: string) => (/[rn]/.test(char) ? '' : char))

function find(
  { path, text }: Source,
  pattern: RegExp,
  read: (found: RegExpMatchArray) => Omit<Refusal, keyof Place>,
): Refusal[] {
  const { code } = scan(text)
  return [...text.matchAll(pattern)]
    .filter((found) => code[found.index] === text[found.index] || "'`".includes(code[found.index - 1] ?? ''))
    .map((found) => ({ ...read(found), path, line: lineOf(text, found.index) }))
}

export const smtpRefusals = (source: Source): Refusal[] =>
  find(source, SMTP, ([, code, status, plain, template]) => ({
    code: status === undefined ? code! : `${code} ${status}`,
    text: readable(plain ?? template ?? ''),
  }))

export const imapRefusals = (source: Source): Refusal[] =>
  find(source, IMAP, ([, status, plain, template, code]) => ({
    code: code === undefined ? status!.toUpperCase() : `${status!.toUpperCase()} [${code}]`,
    text: readable(plain ?? template ?? ''),
  }))

export const pop3Refusals = (source: Source): Refusal[] =>
  find(source, POP3, ([, code, text]) => ({
    code: code === undefined ? '-ERR' : `-ERR [${code}]`,
    text: readable(text!),
  }))

function table(refusals: readonly Refusal[]): string[] {
  const rows = [...Map.groupBy(refusals, ({ code, text }) => `| ${code} | ${cell(text)} |`)]
    .toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([row, uses]) => `${row} ${uses.map(link).join(', ')} |`)
  return ['| answer | text | said in |', '|---|---|---|', ...rows, '']
}

export function errorsPage(sources: readonly Source[]): string {
  const from = (part: RegExp, refusals: (source: Source) => Refusal[]): Refusal[] =>
    sources.filter(({ path }) => part.test(path)).flatMap(refusals)
  return page(
    'Refusals',
    'What a peer is told when something is not done, by protocol. 4yz: try again; 5yz: this way it will never be done. `…` is filled in.',
    [
      '## SMTP',
      '',
      ...table(from(/^src\/(?:session\/smtp|protocol\/smtp|roles|session\/sasl|core)/, smtpRefusals)),
      '## IMAP',
      '',
      ...table(from(/^src\/session\/imap/, imapRefusals)),
      '## POP3',
      '',
      ...table(from(/^src\/session\/pop3/, pop3Refusals)),
    ],
  )
}
