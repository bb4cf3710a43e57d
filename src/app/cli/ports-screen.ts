/** The plan as a table and one port in words, for a terminal. */
import { styleText } from 'node:util'
import type { ExposurePlan, PlanRow, PlanWarning } from '../../exposure/contract.ts'
import type { Language, PlanWords } from '../../exposure/words/contract.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'
import type { ServiceName } from '../../model/service.ts'

/** What is at a port at this moment. */
export type Now =
  /** Our server. */
  | {
      readonly at: 'running'
      readonly connections: number
      /** Taken since the day began (UTC), and turned away because they came from outside. */
      readonly today: number
      readonly refusedToday: number
      /** The last from no inner network. */
      readonly stranger: { readonly secondsAgo: number; readonly address: string } | null
    }
  | { readonly at: 'free' }
  /** `by` null: the system does not tell this user. */
  | { readonly at: 'held'; readonly by: string | null }
  /** Somebody does, and this user may not ask whether it is our server. */
  | { readonly at: 'listens' }
  | { readonly at: 'unknown' }

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string
const painter =
  (colours: boolean): Paint =>
  (style, text) =>
    colours ? styleText(style, text, { validateStream: false }) : text

/** The reasons need as much beside the other columns; else they stand below, with who it is for. */
const REASON_WIDTH_MIN = 24
const GAP = '  '

type Line = {
  readonly off: boolean
  /** Port, role, protocol, opening, now. */
  readonly cells: readonly string[]
  /** More of what is there now. */
  readonly more: readonly string[]
  readonly who: string
  readonly why: string
}

/** @param width of the terminal, in characters */
export function portsTable(
  plan: ExposurePlan,
  now: ReadonlyMap<string, Now>,
  options: { readonly language: Language; readonly width: number; readonly colours: boolean },
): string {
  const words = PLAN_WORDS[options.language]
  const { labels } = words
  const paint = painter(options.colours)
  const rows = plan.rows.map((row) => rowLine(row, now.get(row.service), words))
  const lines = [...rows.slice(0, 1), outgoingLine(plan, words), ...rows.slice(1)]
  const head = [labels.port, labels.role, labels.protocol, labels.open, labels.now]
  const whoWidth = Math.max(width(labels.who), ...lines.map(({ who }) => width(who)))
  const table = [head, ...lines.flatMap(({ cells, more }) => [cells, ...more.map((text) => beneath(cells, text))])]
  const before = columnsWidth(table) + whoWidth + GAP.length
  const wide = options.width - before >= REASON_WIDTH_MIN
  const out = wide
    ? wideLines({
        head: { off: true, cells: head, more: [], who: labels.who, why: labels.why },
        lines,
        room: options.width - before,
      })
    : narrowLines(head, lines, options.width)
  return [
    ...out.map(({ dim, text }) => (dim ? paint('dim', text) : text)),
    '',
    `${labels.profile}: ${words.clients[plan.clients]}`,
    ...plan.warnings.flatMap((warning) => warningLines(warning, words, options.width, paint)),
    `${labels.change}: gavan set clients browser|office|anywhere`,
    `${labels.rules}: gavan firewall`,
  ].join('\n')
}

type Shown = { readonly dim: boolean; readonly text: string }

/** In columns, the last two as tall as they must be. */
function wideLines({ head, lines, room }: { head: Line; lines: readonly Line[]; room: number }): Shown[] {
  const all = [head, ...lines].map((line) => ({
    ...line,
    cells: [...line.cells.slice(0, 3), line.who, ...line.cells.slice(3)],
  }))
  const widths = widthsOf(all.flatMap(({ cells, more }) => [cells, ...more.map((text) => beneath(cells, text))]))
  return all.flatMap(({ cells, off, more, why }) => {
    const reason = wrap(why, room)
    return Array.from({ length: Math.max(reason.length, 1 + more.length) }, (_, index) => ({
      dim: off,
      text: join([...(index === 0 ? cells : beneath(cells, more[index - 1] ?? '')), reason[index] ?? ''], widths),
    }))
  })
}

/** Another line of the last column. */
const beneath = (cells: readonly string[], text: string): string[] => [...cells.slice(0, -1).map(() => ''), text]

/** Where there is no room beside: who it is for and why, below. */
function narrowLines(head: readonly string[], lines: readonly Line[], total: number): Shown[] {
  const widths = widthsOf([head, ...lines.map(({ cells }) => cells)])
  const indent = ' '.repeat((widths[0] ?? 0) + GAP.length)
  return [
    { dim: true, text: join(head, widths) },
    ...lines.flatMap(({ cells, off, more, who, why }) => [
      { dim: off, text: join(cells, widths) },
      ...[...(more.length > 0 ? [more.join(', ')] : []), `${who}: ${why}`]
        .flatMap((text) => wrap(text, Math.max(REASON_WIDTH_MIN, total - indent.length)))
        .map((text) => ({ dim: true, text: indent + text })),
    ]),
  ]
}

const widthsOf = (table: readonly (readonly string[])[]): number[] =>
  (table[0] ?? []).map((_, column) => Math.max(...table.map((cells) => width(cells[column] ?? ''))))
const columnsWidth = (table: readonly (readonly string[])[]): number =>
  widthsOf(table).reduce((sum, each) => sum + each + GAP.length, 0)
const join = (cells: readonly string[], widths: readonly number[]): string =>
  cells
    .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
    .join(GAP)
    .trimEnd()

function rowLine(row: PlanRow, now: Now | undefined, words: PlanWords): Line {
  return {
    off: row.opening === 'off',
    cells: [
      String(row.port),
      words.roles[row.role],
      protocolOf(row, words),
      words.opening[row.opening],
      nowCell(row, now, words),
    ],
    more: now?.at === 'running' ? evidence(now, words) : [],
    who: words.who[row.service],
    why: words.reason[row.reason],
  }
}

function evidence({ refusedToday, stranger }: Extract<Now, { at: 'running' }>, { labels }: PlanWords): string[] {
  return [
    ...(refusedToday > 0 ? [labels.refusedToday(refusedToday)] : []),
    ...(stranger === null ? [] : [labels.seen(stranger.secondsAgo, stranger.address)]),
  ]
}

function protocolOf({ protocol, tls }: PlanRow, words: PlanWords): string {
  if (protocol === 'http') return tls === 'implicit' ? 'HTTPS' : 'HTTP'
  return `${protocol === 'managesieve' ? 'Sieve' : protocol.toUpperCase()}, ${words.tls[tls]}`
}

function nowCell({ opening }: PlanRow, now: Now | undefined, { labels }: PlanWords): string {
  switch (now?.at) {
    case undefined:
    case 'unknown':
      return '?'
    case 'held':
      return `! ${now.by ?? '?'}`
    case 'listens':
      return opening === 'off' ? '?' : `? ${labels.listens}`
    case 'free':
      return '–'
    case 'running': {
      const { connections, today } = now
      const counts = [
        ...(connections > 0 ? [labels.live(connections)] : []),
        ...(today > 0 ? [labels.today(today)] : []),
      ]
      return `✓ ${counts.join(', ') || labels.listens}`
    }
  }
}

function outgoingLine({ outgoing }: ExposurePlan, words: PlanWords): Line {
  const who = outgoing.to === 'anywhere' ? words.outgoing.anywhere : words.outgoing.smarthost(outgoing.to.host)
  return {
    off: false,
    cells: [`←${outgoing.port}`, words.roles.mta, 'SMTP', words.labels.allow, ''],
    more: [],
    who,
    why: words.outgoing.why,
  }
}

/** Those of one port; an address that is missing may be of several. */
export function warningsOf(plan: ExposurePlan, service: ServiceName): PlanWarning[] {
  return plan.warnings.filter(
    (warning) =>
      warning.service === service ||
      (warning.id === 'address-missing' && String(warning.facts['service']).split(', ').includes(service)),
  )
}

function warningLines({ id, severity, facts }: PlanWarning, words: PlanWords, total: number, paint: Paint): string[] {
  const [mark, style] = severity === 'problem' ? (['✗', 'red'] as const) : (['!', 'yellow'] as const)
  const [first = '', ...rest] = wrap(words.warning[id](facts), total - 2)
  return [`${paint(style, mark)} ${first}`, ...rest.map((text) => `  ${text}`)]
}

/** One port: what it is, who needs it, what is insisted on, what happens if it is shut, and what is wrong with it. */
export function onePort(
  row: PlanRow,
  now: Now | undefined,
  options: { readonly language: Language; readonly width: number; readonly warnings: readonly PlanWarning[] },
): string {
  const words = PLAN_WORDS[options.language]
  const { labels } = words
  const lines: [string, string][] = [
    [labels.whoLong, words.who[row.service]],
    [labels.openLong, `${words.openOutside[row.opening]}: ${words.reason[row.reason]}`],
    [labels.insists, words.insists[row.tls]],
    [labels.nowLong, nowWords(now, words)],
    [labels.ifShut, words.ifShut[row.service]],
  ]
  if (row.service === 'submissions') lines.push(['RFC 8314', words.submissions])
  const labelWidth = Math.max(...lines.map(([label]) => width(label)))
  const indent = ' '.repeat(labelWidth + 4)
  const text = lines.map(([label, value]) => {
    const wrapped = wrap(value, Math.max(REASON_WIDTH_MIN, options.width - indent.length))
    return [
      `  ${label}${' '.repeat(labelWidth - width(label))}  ${wrapped[0] ?? ''}`,
      ...wrapped.slice(1).map((rest) => indent + rest),
    ].join('\n')
  })
  return [
    ...wrap(
      `${row.port}  ${words.roles[row.role]} · ${words.what[row.service]} · ${protocolOf(row, words)}`,
      options.width,
    ),
    ...text,
    ...options.warnings.flatMap((warning) => warningLines(warning, words, options.width, (_, plain) => plain)),
  ].join('\n')
}

function nowWords(now: Now | undefined, { labels }: PlanWords): string {
  switch (now?.at) {
    case 'running': {
      const { connections, today, refusedToday, stranger } = now
      return [
        labels.listens,
        labels.connections(connections),
        labels.today(today),
        ...(refusedToday > 0 ? [labels.refusedToday(refusedToday)] : []),
        stranger === null ? labels.noStranger : labels.stranger(stranger.secondsAgo, stranger.address),
      ].join(', ')
    }
    case 'held':
      return now.by === null ? labels.heldByUnknown : labels.heldBy(now.by)
    case 'free':
      return labels.silent
    case 'listens':
      return labels.listensUnasked
    default:
      return '?'
  }
}

/** Columns of a terminal: all our texts are of single-width characters. */
const width = (text: string): number => [...text].length

/** A double space at the beginning of a title stays. */
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
