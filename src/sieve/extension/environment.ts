import { string, strings, type Machine } from '../machine.ts'
import { matchAny, matchCount } from '../match/match.ts'
import type { Extension } from '../spec.ts'

/** RFC 5183 §4.1. @returns null for what is not known */
function readItem(machine: Machine, name: string): string | null {
  const { host } = machine.environment
  switch (name.toLowerCase()) {
    case 'domain':
      return host.domain
    case 'host':
      return host.name
    case 'location':
      return host.location ?? 'MDA'
    case 'phase':
      return host.phase ?? 'during'
    case 'name':
      return 'gavan'
    case 'version':
      return host.version
    case 'remote-host':
      return host.remoteHost ?? ''
    case 'remote-ip':
      return host.remoteIp ?? ''
    default:
      return null
  }
}

/** RFC 5183. */
export const environment: Extension = {
  capability: 'environment',
  tests: [
    {
      name: 'environment',
      matching: true,
      args: [
        { what: 'the item', kind: 'string' },
        { what: 'the keys', kind: 'strings' },
      ],
      run(machine, node) {
        const value = readItem(machine, string(machine, node, 0))
        if (value === null) return false
        const match = node.match!
        const keys = strings(machine, node, 1)
        // RFC 5183 §4: an empty item counts as none.
        return match.type === 'count'
          ? matchCount(machine, match, Number(value !== ''), keys)
          : matchAny(machine, match, [value], keys)
      },
    },
  ],
}
