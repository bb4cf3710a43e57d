import { text, type Check, type DoctorInput, type Finding, type Reached } from '../contract.ts'

const GROUP = 'network'

export function networkChecks(input: DoctorInput): Check[] {
  return [
    { name: 'layout', group: GROUP, run: () => layout(input) },
    { name: 'hidden', group: GROUP, run: () => hidden(input) },
  ]
}

/** Behind a router, behind the provider's, or neither; and whether the public address leads back from inside. */
async function layout({ plan, probes }: DoctorInput): Promise<Finding[]> {
  const base = { id: 'layout', group: GROUP, label: text('way in', 'путь снаружи') } as const
  if (plan.warnings.some(({ id }) => id === 'carrier-nat'))
    return [
      {
        ...base,
        state: 'problem',
        says: text(
          "the address is the provider's (RFC 6598, CGNAT): no port can be opened from outside",
          'адрес принадлежит провайдеру (RFC 6598, CGNAT): порты снаружи открыть нельзя',
        ),
        fix: [text('ask the provider for a public address', 'попросите у провайдера внешний («белый») адрес')],
      },
    ]
  if (plan.layout === 'public')
    return [{ ...base, state: 'ok', says: text('a public address of its own', 'собственный внешний адрес') }]
  if (plan.layout === 'unknown')
    return [{ ...base, state: 'not-checked', says: text('no address was found', 'адресов не нашлось') }]
  const publics = [...plan.publicAddresses.v4, ...plan.publicAddresses.v6]
  const own = [...plan.serverAddresses.v4, ...plan.serverAddresses.v6]
  const [address] = publics
  const nat: Finding = {
    ...base,
    state: 'info',
    says: text(
      `behind a router: it must hand the ports on to ${own.length === 0 ? 'this server' : own.join(', ')} (gavan firewall)`,
      `за маршрутизатором: он должен передавать порты на ${own.length === 0 ? 'этот сервер' : own.join(', ')} (gavan firewall)`,
    ),
  }
  const mx = plan.rows.find(({ service }) => service === 'mx')
  if (address === undefined || mx === undefined || mx.opening === 'off') return [nat]
  return [nat, hairpin(address, await probes.connect(address, mx.port))]
}

/** From inside, the public address leads back or not; that it does not says nothing about outside. */
function hairpin(address: string, reached: Reached): Finding {
  const base = { id: 'hairpin', group: GROUP, state: 'info', label: text('hairpin', 'hairpin') } as const
  if (reached === 'open')
    return {
      ...base,
      says: text(`${address} leads back to us from inside as well`, `${address} ведёт к нам и изнутри`),
    }
  return {
    ...base,
    says: text(
      `the router does not turn ${address} around; that is no fault: let the names lead insiders to the inner address (split DNS)`,
      `маршрутизатор не разворачивает ${address} изнутри; это не ошибка: пусть имена внутри ведут на внутренний адрес (split DNS)`,
    ),
  }
}

async function hidden({ probes }: DoctorInput): Promise<Finding[]> {
  const behind = (await probes.server())?.hiddenBehind ?? null
  if (behind === null) return []
  const { address, percent } = behind
  return [
    {
      id: 'hidden-addresses',
      group: GROUP,
      state: 'warning',
      label: text("visitors' addresses", 'адреса посетителей'),
      says: text(
        `${percent} % of visitors look like ${address}: the router hides real addresses; SPF and bans cannot work`,
        `${percent} % посетителей выглядят как ${address}: маршрутизатор скрывает настоящие адреса, SPF и блокировки не работают`,
      ),
      fix: [
        text(
          'limit the masquerade rule to the outgoing interface (out-interface-list=WAN)',
          'ограничьте правило masquerade исходящим интерфейсом (out-interface-list=WAN)',
        ),
      ],
    },
  ]
}
