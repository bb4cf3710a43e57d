/**
 * iptables and ip6tables (iptables-restore(8)): a chain of its own, and one jump to it. For a container behind a bridge the
 * jump is in DOCKER-USER, which Docker made for this.
 */
import type { ExposurePlan } from '../contract.ts'
import type { RuleOptions, Rules } from './contract.ts'
import { comment, headOf, layoutNotes, list, wordsOf } from './explain.ts'
import { groupsOf, numbersOf, type PortGroups, type PortOf } from './groups.ts'

export type IptablesPart = {
  readonly tool: 'iptables' | 'ip6tables'
  /** For `iptables-restore --noflush`: these chains, whole, and nothing else. */
  readonly restore: string
  readonly jumps: readonly Jump[]
}

/** A rule in a chain of others that leads to one of ours. */
export type Jump = {
  readonly chain: 'INPUT' | 'OUTPUT' | 'DOCKER-USER'
  readonly rule: readonly string[]
  readonly to: string
}

export const IPTABLES_CHAINS = ['GAVAN', 'GAVAN-OUT', 'GAVAN-DOCKER'] as const
/** Every jump that any version of these rules makes. */
const JUMPS: readonly Jump[] = [
  jump('INPUT', 'GAVAN'),
  jump('OUTPUT', 'GAVAN-OUT'),
  jump('DOCKER-USER', 'GAVAN-DOCKER'),
]

function jump(chain: Jump['chain'], to: (typeof IPTABLES_CHAINS)[number]): Jump {
  return { chain, to, rule: ['-p', 'tcp', '-m', 'comment', '--comment', 'gavan', '-j', to] }
}

export function iptables(plan: ExposurePlan, options: RuleOptions): Rules {
  const words = wordsOf(options)
  const parts = iptablesParts(plan, options)
  const undo = undoOf(parts[0]!.jumps)
  const head = headOf(plan, options, {
    format: 'iptables',
    undo,
    notes: [
      ...(plan.container === 'bridge' ? [words.bridge, words.bridgeBetter] : layoutNotes(plan, options)),
      words.persistIptables,
    ],
  })
  const body = parts.flatMap(({ tool, restore, jumps }) => [
    `${tool}-restore --noflush <<'GAVAN'`,
    restore.trimEnd(),
    'GAVAN',
    ...jumps.map(({ chain, rule }) => {
      const text = `${chain} ${rule.join(' ')}`
      return `${tool} -C ${text} 2>/dev/null || ${tool} -I ${text}`
    }),
  ])
  return { text: `${['#!/bin/sh', ...head, ...comment(words.jumpFirst), 'set -e', ...body].join('\n')}\n`, undo }
}

const undoOf = (jumps: readonly Jump[]): string[] =>
  (['iptables', 'ip6tables'] as const).map((tool) =>
    jumps
      .flatMap(({ chain, rule, to }) => [
        `${tool} -D ${chain} ${rule.join(' ')}`,
        `${tool} -F ${to}`,
        `${tool} -X ${to}`,
      ])
      .join('; '),
  )

/** As `iptables-save` prints them, so that the two can be compared. */
export function iptablesParts(plan: ExposurePlan, { onlySender }: RuleOptions): readonly IptablesPart[] {
  const groups = groupsOf(plan)
  return (['iptables', 'ip6tables'] as const).map((tool) => {
    const family = tool === 'iptables' ? 'v4' : 'v6'
    const chains =
      plan.container === 'bridge'
        ? new Map([['GAVAN-DOCKER', dockerRules(groups, family)]])
        : new Map([
            ['GAVAN', inputRules(groups, family)],
            ...(onlySender === null ? [] : [['GAVAN-OUT', outputRules(plan.outgoing.port, onlySender)] as const]),
          ])
    const restore = [
      '*filter',
      ...[...chains.keys()].map((chain) => `:${chain} - [0:0]`),
      ...[...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
      'COMMIT',
    ]
    return { tool, restore: `${restore.join('\n')}\n`, jumps: JUMPS.filter(({ to }) => chains.has(to)) }
  })
}

type Family = 'v4' | 'v6'

/** multiport takes fifteen of them (iptables-extensions(8)); the catalog has ten. */
const tcp = (ports: readonly PortOf[]): string => `-p tcp -m multiport --dports ${list(ports)}`
const note = (text: string): string => `-m comment --comment "gavan: ${text}"`
const slashed = (network: string, family: Family): string =>
  network.includes('/') ? network : `${network}/${family === 'v4' ? 32 : 128}`
/** "From anywhere" is not said. */
const from = (network: string, family: Family): string =>
  network.endsWith('/0') ? '' : `-s ${slashed(network, family)} `

function inputRules({ outside, inside, shut }: PortGroups, family: Family): string[] {
  return [
    '-i lo -j ACCEPT',
    ...(outside.length === 0 ? [] : [`${tcp(outside)} ${note('open to all')} -j ACCEPT`]),
    ...inside.flatMap((group) =>
      group[family].map((network) => `${from(network, family)}${tcp(group.ports)} ${note('inside only')} -j ACCEPT`),
    ),
    ...(shut.length === 0 ? [] : [`${tcp(shut)} ${note('closed to the others')} -j DROP`]),
  ]
}

const outputRules = (port: number, user: string): string[] => [
  '-o lo -j RETURN',
  `-p tcp -m tcp --dport ${port} -m owner ! --uid-owner ${user} ${note('only one user sends')} -j REJECT --reject-with tcp-reset`,
]

/** By the port that the stranger asked for. What is allowed goes back to Docker, which opens what is published. */
function dockerRules({ inside, shut }: PortGroups, family: Family): string[] {
  const asked = (port: number): string => `-p tcp -m conntrack --ctstate DNAT --ctorigdstport ${port} --ctdir ORIGINAL`
  return [
    ...inside.flatMap((group) =>
      group[family].flatMap((network) =>
        numbersOf(group.ports, 'standardPort').map(
          (port) => `${from(network, family)}${asked(port)} ${note('inside only')} -j RETURN`,
        ),
      ),
    ),
    ...numbersOf(shut, 'standardPort').map((port) => `${asked(port)} ${note('closed to the others')} -j DROP`),
  ]
}
