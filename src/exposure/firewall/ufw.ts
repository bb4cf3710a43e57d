/** ufw (ufw(8)): two application profiles, and rules that name them with the comment `gavan`. */
import type { ExposurePlan } from '../contract.ts'
import type { RuleOptions, Rules } from './contract.ts'
import { comment, headOf, layoutNotes, list, wordsOf } from './explain.ts'
import { groupsOf, type PortGroups, type PortOf } from './groups.ts'
import { iptables } from './iptables.ts'

export const UFW_PROFILES = '/etc/ufw/applications.d/gavan'

export function ufw(plan: ExposurePlan, options: RuleOptions): Rules {
  const words = wordsOf(options)
  if (plan.container === 'bridge') return insteadOf('ufw', iptables(plan, options), options)
  const undo = [...REMOVE, `rm -f ${UFW_PROFILES}`]
  const head = headOf(plan, options, {
    format: 'ufw',
    undo: [undo.join('; ')],
    notes: [...layoutNotes(plan, options), words.ufwOrder, words.persistsItself],
  })
  const { profiles, rules } = ufwParts(plan)
  const body = [...REMOVE, `cat >${UFW_PROFILES} <<'GAVAN'`, profiles.trimEnd(), 'GAVAN', ...rules.map(commandLine)]
  return { text: `${['#!/bin/sh', ...head, ...comment(words.oldGo), 'set -e', ...body].join('\n')}\n`, undo }
}

/** Rules for Docker's own chain, under the name of a tool that would not see the packets. */
export function insteadOf(tool: string, { text, undo }: Rules, options: RuleOptions): Rules {
  return { undo, text: text.replace('#!/bin/sh\n', `#!/bin/sh\n# ${wordsOf(options).bridgeTool(tool)}\n`) }
}

/** ufw lists its rules as the commands that made them; those that bear our comment are taken back. */
const REMOVE: readonly string[] = [
  `ufw show added | sed -n "s/^ufw \\(.*\\) comment 'gavan'\\$/ufw --force delete \\1/p" | sh`,
]

const quoted = (word: string): string => (/^[\w.:/-]+$/.test(word) ? word : `'${word}'`)

/** With IPv6 switched off, ufw refuses rules for it. */
const IF_V6 = `grep -qs '^IPV6=yes' /etc/default/ufw`

function commandLine(rule: readonly string[]): string {
  const line = `ufw ${rule.map(quoted).join(' ')}`
  return isForV6(rule) ? `if ${IF_V6}; then ${line}; fi` : line
}

export const isForV6 = (rule: readonly string[]): boolean => rule.some((word) => word.includes(':'))

export type UfwParts = {
  /** What UFW_PROFILES holds. */
  readonly profiles: string
  /** Each as arguments of `ufw`. */
  readonly rules: readonly (readonly string[])[]
}

export function ufwParts(plan: ExposurePlan): UfwParts {
  const groups = groupsOf(plan)
  const named = namesOf(groups)
  const profiles = named.map(({ name, title, ports }) =>
    [`[${name}]`, `title=${title}`, `description=${title}`, `ports=${list(ports)}/tcp`, ''].join('\n'),
  )
  const tail = ['comment', 'gavan']
  return {
    profiles: profiles.join('\n'),
    rules: named.flatMap(({ name, from }) =>
      from === null
        ? [['allow', name, ...tail]]
        : [
            ...from.map((network) => ['allow', 'from', network, 'to', 'any', 'app', name, ...tail]),
            // ufw's deny is a drop.
            ['deny', name, ...tail],
          ],
    ),
  }
}

type Named = {
  readonly name: string
  readonly title: string
  readonly ports: readonly PortOf[]
  /** Null: all. */
  readonly from: readonly string[] | null
}

function namesOf({ outside, inside, shut }: PortGroups): Named[] {
  const hostOnly = shut.filter((port) => !inside.some(({ ports }) => ports.includes(port)))
  return [
    { name: 'Gavan Public', title: 'gavan: open to all', ports: outside, from: null },
    ...inside.map(({ ports, v4, v6 }, at) => ({
      name: at === 0 ? 'Gavan Inside' : `Gavan Inside ${at + 1}`,
      title: 'gavan: inside only',
      ports,
      from: [...v4, ...v6],
    })),
    { name: 'Gavan Host', title: 'gavan: this host only', ports: hostOnly, from: [] },
  ].filter(({ ports }) => ports.length > 0)
}
