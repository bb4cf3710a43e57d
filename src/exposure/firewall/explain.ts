/** The comment at the top of every format: what it is, how to undo it, which ports it opens to whom. */
import type { ExposurePlan } from '../contract.ts'
import { PLAN_WORDS } from '../words/words.ts'
import type { FirewallFormat, RuleOptions } from './contract.ts'
import { groupsOf, numbersOf, type PortOf } from './groups.ts'
import { FIREWALL_WORDS, type FirewallWords } from './words.ts'

export const wordsOf = ({ language }: RuleOptions): FirewallWords => FIREWALL_WORDS[language]

export const comment = (...texts: readonly string[]): readonly string[] => texts.map((text) => `# ${text}`.trimEnd())

type Head = {
  readonly format: FirewallFormat
  readonly undo: readonly string[]
  readonly notes?: readonly string[]
}

/** As comments. The command that made it comes first, so that whoever finds the text knows where it is from. */
export function headOf(
  plan: ExposurePlan,
  options: RuleOptions,
  { format, undo, notes = [] }: Head,
): readonly string[] {
  const words = wordsOf(options)
  const { outside, inside, shut } = groupsOf(plan)
  const hostOnly = shut.filter((port) => !inside.some(({ ports }) => ports.includes(port)))
  return [
    ...comment(commandOf(format, options)),
    ...undo.map((line, at) => `# ${at === 0 ? words.undo : ' '.repeat(words.undo.length)} ${line}`),
    ...(outside.length + shut.length === 0 ? [] : ['#']),
    ...comment(
      ...whatIs(words.openToAll, outside, options),
      ...inside.flatMap(({ ports, v4, v6 }) =>
        whatIs(words.insideOnly([...v4, ...v6].join(', ') || words.nobody), ports, options),
      ),
      ...whatIs(words.hostOnly, hostOnly, options),
    ),
    ...(notes.length === 0 ? [] : ['#', ...comment(...notes)]),
    '',
  ]
}

/** Host rules for a server behind NAT open nothing to the internet by themselves. */
export function layoutNotes(plan: ExposurePlan, options: RuleOptions): readonly string[] {
  return plan.layout === 'nat'
    ? [wordsOf(options).nat(plan.serverAddresses.v4.join(', ') || (plan.hostname ?? 'SERVER'))]
    : []
}

function whatIs(title: string, ports: readonly PortOf[], { language }: RuleOptions): readonly string[] {
  if (ports.length === 0) return []
  const { what } = PLAN_WORDS[language]
  return [`${title}:`, ...ports.map(({ port, service }) => `  ${String(port).padEnd(5)}${what[service]}`)]
}

function commandOf(format: FirewallFormat, options: RuleOptions): string {
  const { router, hairpin, allowIn, interface: name, onlySender } = options
  return [
    `gavan firewall --format ${format}`,
    ...(router ? ['--router'] : []),
    ...(hairpin ? ['--hairpin'] : []),
    ...(allowIn === null ? [] : [`--allow-in "${allowIn.family} ${allowIn.table} ${allowIn.chain}"`]),
    ...(name === null ? [] : [`--interface ${name}`]),
    ...(onlySender === null ? [] : [`--only-sender ${onlySender}`]),
  ].join(' ')
}

/** `25,80,443` */
export const list = (ports: readonly PortOf[], which: 'port' | 'standardPort' = 'port', separator = ','): string =>
  numbersOf(ports, which).join(separator)
