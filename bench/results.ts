/** Rounds become medians, medians a table. */
import { cpus, totalmem } from 'node:os'
import { isMoreBetter, median, type Measured, type Scenario, type Unit } from './scenario.ts'
import type { ServerName } from './server/server.ts'

/** Everything a scenario has measured, by server, a list for each round. */
export type Outcome = {
  readonly scenario: Scenario
  readonly rounds: Readonly<Partial<Record<ServerName, readonly (readonly Measured[])[]>>>
}

type Figure = { readonly value: number; readonly spread: number; readonly cpuMsEach: number | null }

type Row = {
  readonly what: string
  readonly unit: Unit
  readonly gavan: Figure | null
  readonly peer: Figure | null
}

function figure(rounds: readonly (readonly Measured[])[], what: string): Figure | null {
  const found = rounds.flatMap((round) => round.filter((each) => each.what === what))
  if (found.length === 0) return null
  const values = found.map(({ value }) => value)
  const cpu = found.flatMap(({ cpuMsEach }) => cpuMsEach ?? [])
  const middle = median(values)
  const spread = (Math.max(...values) - Math.min(...values)) / middle
  return { value: middle, spread, cpuMsEach: cpu.length === 0 ? null : median(cpu) }
}

export function rowsOf({ rounds }: Outcome): Row[] {
  const { gavan = [], 'postfix+dovecot': peer = [] } = rounds
  const names = new Map([...gavan, ...peer].flat().map(({ what, unit }) => [what, unit]))
  return [...names].map(([what, unit]) => ({ what, unit, gavan: figure(gavan, what), peer: figure(peer, what) }))
}

/** How many times better gavan is: above 1 it is ahead. */
const ratio = ({ gavan, peer, unit }: Row): number | null => {
  if (gavan === null || peer === null) return null
  return isMoreBetter(unit) ? gavan.value / peer.value : peer.value / gavan.value
}

function number(value: number): string {
  const size = Math.abs(value)
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  return size >= 0.1 ? value.toFixed(2) : value.toFixed(3)
}

const cell = (figureOf: Figure | null, unit: string): string =>
  figureOf === null ? '–' : `${number(figureOf.value)} ${unit}`
const cpuCell = (figureOf: Figure | null): string => {
  const each = figureOf?.cpuMsEach ?? null
  return each === null ? '–' : number(each)
}
const spreadCell = (row: Row): string =>
  [row.gavan, row.peer].map((each) => (each === null ? '–' : `${Math.round(each.spread * 100)}`)).join(' / ')

export function table(outcome: Outcome): string {
  const lines = rowsOf(outcome).map((row) => {
    const times = ratio(row)
    const shown = times === null ? '–' : `${number(times)} ×`
    const cells = [row.what, cell(row.gavan, row.unit), cell(row.peer, row.unit), shown]
    return `| ${[...cells, cpuCell(row.gavan), cpuCell(row.peer), spreadCell(row)].join(' | ')} |`
  })
  return [
    '| | gavan | Postfix + Dovecot | gavan is better by | CPU ms each: gavan | CPU ms each: peer | spread %: gavan / peer |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n')
}

export type Circumstances = {
  readonly date: Date
  readonly versions: Readonly<Record<string, string>>
  readonly fileSystem: string
  /** One-minute load averages at the beginning of each round. */
  readonly loads: readonly number[]
  readonly quick: boolean
  readonly command: string
  /** Of all scenarios, in their order. */
  readonly names: readonly string[]
}

const HEADING = '### '

/** The tables of a page, by scenario. */
export function sectionsOf(text: string): Map<string, string> {
  const [tables = ''] = text.split('\n## Doubts')
  const sections = tables.split(`\n${HEADING}`).slice(1)
  return new Map(sections.map((each) => [each.slice(0, each.indexOf('\n')), (HEADING + each).trim()]))
}

function section(outcome: Outcome, { date, versions, loads }: Circumstances): string {
  const { name, about } = outcome.scenario
  const load = `load average ${(loads[0] ?? 0).toFixed(2)} when the run began`
  return [
    HEADING + name,
    `${about}.`,
    `gavan ${versions['gavan']}, ${date.toISOString().slice(0, 10)}; ${load}.`,
    table(outcome),
  ].join('\n\n')
}

/** @param before tables of an earlier page, for scenarios that this run has not measured; each says of which state it is */
export function page(
  outcomes: readonly Outcome[],
  facts: Circumstances,
  before: ReadonlyMap<string, string> = new Map(),
): string {
  const { date, versions, fileSystem, loads, quick, command } = facts
  const processor = cpus()[0]?.model ?? 'unknown'
  const memory = (totalmem() / 2 ** 30).toFixed(0)
  const first = loads[0] ?? 0
  const measured = new Map(outcomes.map((outcome) => [outcome.scenario.name, section(outcome, facts)]))
  const sections = facts.names.flatMap((name) => measured.get(name) ?? before.get(name) ?? [])
  return `# Results

Made by \`${command}\`; do not edit. ${quick ? '**Small sizes (`--quick`): good for a look only.** ' : ''}What is measured and how: [README.md](README.md).

- ${date.toISOString().slice(0, 10)}; ${cpus().length} × ${processor}, ${memory} GiB; ${fileSystem}
- ${Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join('; ')}
- One-minute load average when the last run began: ${first.toFixed(2)}; before its rounds, with the bench's own load: ${Math.min(...loads).toFixed(2)} to ${Math.max(...loads).toFixed(2)}
- To repeat: \`apt-get install postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd openssl\`, then as root \`${command}\`

Each table says of which state of gavan it is. A figure is the median of three rounds, the two servers in turn, after one that is not counted where work can be repeated; what a large mailbox can do only once was done once. CPU is user and system time of all processes of a server, those that have ended too, for each operation; the load's own is not in it. Spread is the distance between the best and the worst round, as a share of the median.

${sections.join('\n\n')}

## Doubts

${doubts(first)}
`
}

const doubts = (load: number): string =>
  [
    load > 1.5
      ? `**Other work ran on the machine** (load average ${load.toFixed(2)} at the start): rates of both servers are too low, and ratios are not to be trusted; CPU for each operation is nearly right.`
      : null,
    'The load and both servers share the processor. Where a server is fast, the load is a good part of the work, and the difference between the servers is shown smaller than it is. The CPU columns do not have this fault.',
    'Starting processes is unusually dear on this virtual machine, which flatters one process that lasts. The CPU columns have this fault too.',
    'The disk is a virtual one: what an fsync costs, and whether it is one, is for the host to know. Both servers were given the same.',
    'The peer is set up for many users, not as the packages come (`server/dovecot.ts`): the defaults would be slower at logins and idle connections. Its spam and virus filters, and gavan’s, are not there.',
    'Dovecot checks a password that lies there in the clear, gavan one under Argon2id; both keep a cache of those that were right.',
    'Memory of idle connections, in gavan, moves with what V8 has not collected yet; see the spread. Dovecot’s hibernation needs an inotify instance for each connection first: `sysctl fs.inotify.max_user_instances=8192` lets it have as many connections as gavan here.',
  ]
    .flatMap((doubt) => (doubt === null ? [] : `- ${doubt}`))
    .join('\n')
