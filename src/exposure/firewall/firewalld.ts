/** firewalld (firewall-cmd(1), firewalld.richlanguage(5)): services and rich rules whose names begin with `gavan-`, in one zone. */
import type { ExposurePlan } from '../contract.ts'
import type { RuleOptions, Rules } from './contract.ts'
import { comment, headOf, layoutNotes, wordsOf } from './explain.ts'
import { allPorts, groupsOf, numbersOf, type PortGroups, type PortOf } from './groups.ts'
import { iptables } from './iptables.ts'
import { insteadOf } from './ufw.ts'

export const FIREWALLD_ZONE = 'public'

export function firewalld(plan: ExposurePlan, options: RuleOptions): Rules {
  const words = wordsOf(options)
  if (plan.container === 'bridge') return insteadOf('firewalld', iptables(plan, options), options)
  const zone = options.interface ?? FIREWALLD_ZONE
  const undo = [
    ...removeFrom(zone),
    ...FIREWALLD_SETS.map(({ name }) => `${CMD} --delete-ipset=${name} 2>/dev/null || :`),
    'firewall-cmd --reload',
  ]
  const head = headOf(plan, options, {
    format: 'firewalld',
    undo,
    notes: [
      ...layoutNotes(plan, options),
      words.firewalldZone(zone),
      words.firewalldBans,
      words.firewalldReload,
      words.persistsItself,
    ],
  })
  const body = [
    ...removeFrom(zone),
    // Rules stand on lines of their own: a person reads them.
    ...merged(firewalldCommands(plan, zone), ['--add-port']).map((args) => `${CMD} ${args.map(quoted).join(' ')}`),
    'firewall-cmd --reload',
  ]
  // A set that is there keeps what is in it.
  const sets = FIREWALLD_SETS.map(
    ({ name, family }) =>
      `${CMD} --get-ipsets | grep -qw ${name} || ${CMD} --new-ipset=${name} --type=hash:net --option=family=${family}`,
  )
  return { text: `${['#!/bin/sh', ...head, ...comment(words.oldGo), 'set -e', ...sets, ...body].join('\n')}\n`, undo }
}

const CMD = 'firewall-cmd --permanent'
export const FIREWALLD_SETS = [
  { name: 'gavan-banned4', family: 'inet', rule: 'ipv4' },
  { name: 'gavan-banned6', family: 'inet6', rule: 'ipv6' },
] as const

const quoted = (arg: string): string => (/^[\w.:/=-]+$/.test(arg) ? arg : `'${arg}'`)

/** What an earlier version made, whatever its ports and networks were. Nothing of others begins with `gavan-`. */
const removeFrom = (zone: string): string[] => [
  `${CMD} --zone=${zone} --list-rich-rules | grep gavan- | while read -r rule; do ${CMD} --zone=${zone} --remove-rich-rule="$rule"; done`,
  `for service in $(${CMD} --zone=${zone} --list-services | tr ' ' '\\n' | grep '^gavan-'); do ${CMD} --zone=${zone} --remove-service="$service"; done`,
  `for service in $(${CMD} --get-services | tr ' ' '\\n' | grep '^gavan-'); do ${CMD} --delete-service="$service"; done`,
]

/**
 * What is added to one and the same goes into one call: each takes the better part of a second.
 * @param which options may share a call; each of them several times (firewall-cmd(1)), and not two kinds
 */
export function merged(
  commands: readonly (readonly string[])[],
  which: readonly string[],
): readonly (readonly string[])[] {
  const calls: string[][] = []
  const kindOf = (args: readonly string[] | undefined): string => args?.[1]?.split('=', 1)[0] ?? ''
  for (const args of commands) {
    const last = calls.at(-1)
    const kind = kindOf(args)
    if (last !== undefined && which.includes(kind) && kindOf(last) === kind && last[0] === args[0])
      last.push(...args.slice(1))
    else calls.push([...args])
  }
  return calls
}

/** Each as arguments of `firewall-cmd --permanent`. */
export function firewalldCommands(plan: ExposurePlan, zone: string): readonly (readonly string[])[] {
  const groups = groupsOf(plan)
  const named = namesOf(groups)
  const rule = (text: string): string[] => [`--zone=${zone}`, `--add-rich-rule=${text}`]
  return [
    ...named.flatMap(({ name, short, ports }) => [
      [`--new-service=${name}`],
      [`--service=${name}`, `--set-short=${short}`],
      ...numbersOf(ports).map((port) => [`--service=${name}`, `--add-port=${port}/tcp`]),
    ]),
    // Of gavan's ports only: a ban shuts nobody out of SSH.
    ...(allPorts(groups).length === 0 ? [] : FIREWALLD_SETS).flatMap((set) =>
      named.map(({ name }) =>
        rule(`rule priority="-30" family="${set.rule}" source ipset="${set.name}" service name="${name}" drop`),
      ),
    ),
    ...named.flatMap(({ name, from }) =>
      from === null
        ? [[`--zone=${zone}`, `--add-service=${name}`]]
        : [
            ...from.map((network) =>
              rule(
                `rule priority="-20" family="${network.includes(':') ? 'ipv6' : 'ipv4'}" source address="${network}" service name="${name}" accept`,
              ),
            ),
            rule(`rule priority="-10" service name="${name}" drop`),
          ],
    ),
  ]
}

type Named = {
  readonly name: string
  readonly short: string
  readonly ports: readonly PortOf[]
  /** Null: all. */
  readonly from: readonly string[] | null
}

function namesOf({ outside, inside, shut }: PortGroups): Named[] {
  const hostOnly = shut.filter((port) => !inside.some(({ ports }) => ports.includes(port)))
  return [
    { name: 'gavan-public', short: 'gavan: open to all', ports: outside, from: null },
    ...inside.map(({ ports, v4, v6 }, at) => ({
      name: at === 0 ? 'gavan-inside' : `gavan-inside-${at + 1}`,
      short: 'gavan: inside only',
      ports,
      from: [...v4, ...v6],
    })),
    { name: 'gavan-host', short: 'gavan: this host only', ports: hostOnly, from: [] },
  ].filter(({ ports }) => ports.length > 0)
}
