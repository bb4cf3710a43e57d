/** docs/ports.md: the catalog of ports. */
import { cell, page } from './page.ts'

/** What this page reads of a row of src/exposure/catalog.ts. */
export type PortRow = {
  readonly service: string
  readonly role: string
  readonly port: number
  readonly tls: string
  readonly who: string
  readonly faces: string
  readonly reach: string
  readonly enabled: boolean
  readonly why: string
  readonly rules: readonly string[]
}

/** As app/config/build.ts decides: for `browser`, `office`, `anywhere`. */
const OPENINGS = ['off', 'inside', 'outside'] as const
const ALWAYS = ['outside', 'outside', 'outside'] as const

const TLS: Record<string, string> = {
  none: 'none',
  implicit: 'from the first octet',
  'starttls-offered': 'STARTTLS, if the peer can',
  'starttls-enforced': 'STARTTLS, before anything secret',
}

export function portsPage(catalog: readonly PortRow[]): string {
  const rows = catalog.map(
    ({ service, role, port, tls, who, faces, enabled, why, rules }) =>
      `| ${port} | \`${service}\` | ${role.toUpperCase()} | ${TLS[tls] ?? tls} | ${cell(who)} | ${faces} | ${enabled ? 'on' : 'off'} | ${cell(why)} | ${rules.join(', ')} |`,
  )
  return page(
    'Ports',
    'Every port there is, from [src/exposure/catalog.ts](../src/exposure/catalog.ts). The rules are in [rules.md](rules.md).',
    [
      '| port | service | role | TLS | who must reach it | faces | unless you say otherwise | why | rules |',
      '|---|---|---|---|---|---|---|---|---|',
      ...rows,
      '',
      '## Open to whom',
      '',
      'By the key `clients`; `gavan ports` tells it for your server, and what to do is in [the guide](guide/ports.md).',
      '',
      '| port | service | `browser` | `office` (default) | `anywhere` |',
      '|---|---|---|---|---|',
      ...catalog.map(
        ({ port, service, reach, enabled }) =>
          `| ${port} | \`${service}\` | ${(reach === 'mail-programs' ? OPENINGS : ALWAYS).map((opening) => (enabled ? opening : `off; ${opening === 'off' ? 'inside' : opening} when on`)).join(' | ')} |`,
      ),
    ],
  )
}
