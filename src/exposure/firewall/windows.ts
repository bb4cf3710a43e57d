/** Windows Defender Firewall by PowerShell (New-NetFirewallRule, module NetSecurity). A group of its own; rules are of both families. */
import type { ExposurePlan } from '../contract.ts'
import type { RuleOptions, Rules } from './contract.ts'
import { headOf, layoutNotes, list, wordsOf } from './explain.ts'
import { groupsOf, type PortOf } from './groups.ts'

const REMOVE = 'Remove-NetFirewallRule -Group "gavan" -ErrorAction SilentlyContinue'

export function windows(plan: ExposurePlan, options: RuleOptions): Rules {
  const words = wordsOf(options)
  const { outside, inside } = groupsOf(plan)
  const head = headOf(plan, options, {
    format: 'windows',
    undo: [REMOVE],
    notes: [words.blocks, ...layoutNotes(plan, options), words.windowsDefault, words.windowsBans, words.persistsItself],
  })
  const body = [
    REMOVE,
    ...(outside.length === 0 ? [] : [allow('gavan: open to all', outside, null)]),
    ...inside
      .filter(({ v4, v6 }) => v4.length + v6.length > 0)
      .map(({ ports, v4, v6 }, at) =>
        allow(at === 0 ? 'gavan: inside only' : `gavan: inside only ${at + 1}`, ports, [...v4, ...v6]),
      ),
  ]
  return { text: `${[...head, ...body].join('\n')}\n`, undo: [REMOVE] }
}

function allow(name: string, ports: readonly PortOf[], from: readonly string[] | null): string {
  const remote = from === null ? '' : ` -RemoteAddress ${from.join(',')}`
  return `New-NetFirewallRule -Group "gavan" -DisplayName "${name}" -Direction Inbound -Action Allow -Profile Any -Protocol TCP -LocalPort ${list(ports)}${remote} | Out-Null`
}
