/** The plan as a table and one port in words, for a terminal. */
import { styleText } from 'node:util'
import type { ExposurePlan, PlanRow } from '../../exposure/contract.ts'
import type { Language, PlanWords } from '../../exposure/words/contract.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'

/** What is at a port at this moment. */
export type Now =
  | { readonly at: 'running'; readonly connections: number; readonly today: number }
  | { readonly at: 'free' }
  | { readonly at: 'held'; readonly by: string }
  | { readonly at: 'unknown' }

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string
const painter =
  (colours: boolean): Paint =>
  (style, text) =>
    colours ? styleText(style, text, { validateStream: false }) : text

/** @param width of the terminal, in characters; the reasons take what the rest leaves */
export function portsTable(
  plan: ExposurePlan,
  now: ReadonlyMap<string, Now>,
  options: { readonly language: Language; readonly width: number; readonly colours: boolean },
): string {
  const words = PLAN_WORDS[options.language]
  const { labels } = words
  const paint = painter(options.colours)
  const head = [labels.port, labels.role, labels.protocol, labels.who, labels.open, labels.now, labels.why]
  const rows = plan.rows.map((row) => ({ row, cells: cellsOf(row, now.get(row.service), words) }))
  const outgoing = outgoingCells(plan, words)
  const first = rows.slice(0, 1)
  const lines = [...first, { row: null, cells: outgoing }, ...rows.slice(1)]
  const widths = head.map((title, column) =>
    Math.max(width(title), ...lines.map(({ cells }) => width(cells[column] ?? ''))),
  )
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 0)
  const room = Math.max(24, options.width - before)
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd()
  const out = [paint('dim', line(head))]
  for (const { row, cells } of lines) {
    const wrapped = wrap(cells.at(-1) ?? '', room)
    const shown = line([...cells.slice(0, -1), wrapped[0] ?? ''])
    out.push(row?.opening === 'off' ? paint('dim', shown) : shown)
    for (const rest of wrapped.slice(1)) out.push(' '.repeat(before) + rest)
  }
  out.push('', `${labels.profile}: ${words.clients[plan.clients]}`)
  for (const { id, severity, facts } of plan.warnings) {
    const [mark, style] = severity === 'problem' ? (['✗', 'red'] as const) : (['!', 'yellow'] as const)
    const wrapped = wrap(words.warning[id](facts), options.width - 2)
    out.push(`${paint(style, mark)} ${wrapped[0] ?? ''}`, ...wrapped.slice(1).map((rest) => `  ${rest}`))
  }
  out.push(`${labels.change}: gavan set clients browser|office|anywhere     ${labels.rules}: gavan firewall`)
  return out.join('\n')
}

function cellsOf(row: PlanRow, now: Now | undefined, words: PlanWords): string[] {
  const protocol = { smtp: 'SMTP', imap: 'IMAP', pop3: 'POP3', http: 'HTTP', managesieve: 'Sieve' }[row.protocol]
  const name =
    row.protocol === 'http' ? (row.tls === 'implicit' ? 'HTTPS' : 'HTTP') : `${protocol}, ${words.tls[row.tls]}`
  return [
    String(row.port),
    words.roles[row.role],
    name,
    words.who[row.service],
    words.opening[row.opening],
    nowCell(row, now, words),
    words.reason[row.reason],
  ]
}

function nowCell({ opening }: PlanRow, now: Now | undefined, { labels }: PlanWords): string {
  if (now === undefined || now.at === 'unknown') return '?'
  if (now.at === 'held') return `! ${now.by}`
  if (opening === 'off') return '–'
  return now.at === 'running' ? `✓ ${labels.connections(now.connections)}` : '–'
}

function outgoingCells({ outgoing }: ExposurePlan, words: PlanWords): string[] {
  const to = outgoing.to === 'anywhere' ? words.outgoing.anywhere : words.outgoing.smarthost(outgoing.to.host)
  return [`←${outgoing.port}`, words.roles.mta, 'SMTP', to, words.labels.allow, '', words.outgoing.why]
}

/** One port: what it is, who needs it, what is insisted on, what happens if it is shut. */
export function onePort(
  row: PlanRow,
  now: Now | undefined,
  options: { readonly language: Language; readonly width: number },
): string {
  const words = PLAN_WORDS[options.language]
  const { labels } = words
  const protocol = row.protocol === 'http' ? 'HTTP' : row.protocol.toUpperCase()
  const lines: [string, string][] = [
    [labels.whoLong, words.who[row.service]],
    [labels.openLong, `${words.opening[row.opening]}: ${words.reason[row.reason]}`],
    [labels.insists, words.insists[row.tls]],
    [labels.now.toLowerCase(), nowWords(now, words)],
    [labels.ifShut, words.ifShut[row.service]],
  ]
  if (row.service === 'submissions') lines.push(['RFC 8314', words.submissions])
  const labelWidth = Math.max(...lines.map(([label]) => width(label)))
  const indent = ' '.repeat(labelWidth + 4)
  const text = lines.map(([label, value]) => {
    const wrapped = wrap(value, Math.max(24, options.width - indent.length))
    return [
      `  ${label}${' '.repeat(labelWidth - width(label))}  ${wrapped[0] ?? ''}`,
      ...wrapped.slice(1).map((rest) => indent + rest),
    ].join('\n')
  })
  return [
    `${row.port}  ${words.roles[row.role]} · ${words.what[row.service]} · ${protocol}, ${words.tls[row.tls]}`,
    ...text,
  ].join('\n')
}

function nowWords(now: Now | undefined, { labels }: PlanWords): string {
  switch (now?.at) {
    case 'running':
      return `${labels.listens}, ${labels.connections(now.connections)}`
    case 'held':
      return labels.heldBy(now.by)
    case 'free':
      return labels.silent
    default:
      return '?'
  }
}

/** Columns of a terminal: all our texts are of single-width characters. */
const width = (text: string): number => [...text].length

function wrap(text: string, room: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) > room) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
