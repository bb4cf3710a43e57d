/** MikroTik RouterOS 7 (help.mikrotik.com: NAT, Filter, DNS), for `/import` or the terminal of the router in front. */
import type { ExposurePlan } from '../contract.ts'
import type { RuleOptions, Rules } from './contract.ts'
import { comment, headOf, list, wordsOf } from './explain.ts'
import { allPorts, groupsOf, routerViewOf, type Forward, type PortOf, type RouterView } from './groups.ts'

/** Of RouterOS' own default configuration. */
const WAN_LIST = 'WAN'

export function routeros(plan: ExposurePlan, options: RuleOptions): Rules {
  const words = wordsOf(options)
  const view = routerViewOf(plan)
  const undo = [...REMOVE, ...BAN_LISTS.map((menu) => `${menu} remove [find where list=gavan-banned]`)]
  const head = headOf(plan, options, {
    format: 'routeros',
    undo,
    notes: [
      words.router(view.server4 ?? view.server6 ?? 'SERVER'),
      ...(view.server4 === null ? [words.serverUnknown] : []),
      ...(view.nat ? [words.masquerade] : []),
      `${words.bans} --format routeros`,
    ],
  })
  const body = [
    ...comment(words.oldGo),
    ...REMOVE,
    ...(view.nat ? natRules(plan, view, options) : []),
    ...filterRules(plan, view, options),
    ...splitDns(plan, view, options),
    ...(view.nat ? CHECK_MASQUERADE : []),
  ]
  return { text: `${[...head, ...body].join('\n')}\n`, undo }
}

/** Found by our comment; the list of bans stays. */
const REMOVE: readonly string[] = [
  '/ip firewall nat',
  '/ip firewall filter',
  '/ipv6 firewall filter',
  '/ip dns static',
].map((menu) => `${menu} remove [find where comment~"^gavan:"]`)
const BAN_LISTS = ['/ip firewall address-list', '/ipv6 firewall address-list']

const add = (...parts: readonly string[]): string => ['add', ...parts.filter((part) => part !== '')].join(' ')
const noted = (text: string): string => `comment="gavan: ${text}"`
/** @param direction with `not` for everything else */
function wanOf(direction: 'in' | 'out', { interface: name }: RuleOptions, not = ''): string {
  return name === null ? `${direction}-interface-list=${not}${WAN_LIST}` : `${direction}-interface=${not}${name}`
}

/** A new rule is the last; one that must come before those of others is moved. Where it is the only one, that fails, and may. */
const moveUp = (menu: string, chain: string, text: string): string =>
  `:do { ${menu} move [find where comment="gavan: ${text}"] destination=[:pick [find where chain=${chain} && !dynamic] 0] } on-error={}`

// IPv4 by translation ---------------------------------------------------------------------------------------------------

function natRules(plan: ExposurePlan, view: RouterView, options: RuleOptions): string[] {
  const words = wordsOf(options)
  const server = view.server4 ?? 'SERVER'
  const asked = wanOf('in', options)
  const menu = '/ip firewall nat'
  const offered = groupsOf(plan).inside.flatMap(({ ports }) => ports)
  const out = noted('mail leaves from the address that has the PTR')
  return [
    '',
    ...comment(words.forwarded),
    menu,
    ...view.forwards.flatMap((forward) => dstNat(view, { ...forward, text: 'forwarded', asked })),
    ...(offered.length === 0
      ? []
      : [
          ...comment(words.peopleOutside),
          ...dstNat(view, { ports: offered, from: null, text: 'mail programs outside', asked, disabled: true }),
        ]),
    ...(options.hairpin ? hairpinRules(plan, view, options) : []),
    ...(view.public4 === null
      ? comment(words.publicUnknown)
      : [
          ...comment(words.sendFrom),
          add(
            `chain=srcnat action=src-nat protocol=tcp dst-port=${plan.outgoing.port}`,
            `src-address=${server} ${wanOf('out', options)} to-addresses=${view.public4}`,
            out,
          ),
          moveUp(menu, 'srcnat', 'mail leaves from the address that has the PTR'),
        ]),
  ]
}

type DstNat = Forward & { readonly text: string; readonly asked: string; readonly disabled?: true }

function dstNat(view: RouterView, { ports, from, text, asked, disabled }: DstNat): string[] {
  if (from !== null && from.v4.length === 0) return []
  const server = view.server4 ?? 'SERVER'
  const to = ({ port, standardPort }: PortOf): string => (port === standardPort ? '' : `to-ports=${port}`)
  return [...Map.groupBy(ports, to)].flatMap(([toPorts, same]) =>
    (from?.v4 ?? [null]).map((network) =>
      add(
        `chain=dstnat action=dst-nat protocol=tcp ${asked}`,
        network === null ? '' : `src-address=${network}`,
        `dst-port=${list(same, 'standardPort')} to-addresses=${server}`,
        toPorts,
        disabled === true ? 'disabled=yes' : '',
        noted(text),
      ),
    ),
  )
}

/** Not tied to the WAN but to the public address, and never to the router's own inner one, where its own pages are. */
function hairpinRules(plan: ExposurePlan, view: RouterView, options: RuleOptions): string[] {
  const words = wordsOf(options)
  const server = view.server4 ?? 'SERVER'
  const all = allPorts(groupsOf(plan))
  const gateway = plan.gateways.find((address) => !address.includes(':'))
  const asked =
    view.public4 === null
      ? `dst-address-type=local${gateway === undefined ? '' : ` dst-address=!${gateway}`}`
      : `dst-address=${view.public4}`
  return [
    ...comment(words.hairpin, ...(gateway === undefined ? [] : [words.hairpinBan(gateway)])),
    ...dstNat(view, {
      ports: all,
      from: null,
      text: 'hairpin',
      asked: `${wanOf('in', options, '!')} ${asked}`,
    }),
    ...view.around4.map((network) =>
      add(
        'chain=srcnat action=masquerade protocol=tcp',
        `src-address=${network} dst-address=${server} dst-port=${list(all)}`,
        noted('hairpin'),
      ),
    ),
  ]
}

const FILTER4 = '/ip firewall filter'

// What may pass ---------------------------------------------------------------------------------------------------------

function filterRules(plan: ExposurePlan, view: RouterView, options: RuleOptions): string[] {
  const words = wordsOf(options)
  const { server4, server6, nat } = view
  const v4 = server4 ?? (nat ? 'SERVER' : null)
  const outgoing =
    v4 === null
      ? []
      : [
          ...comment(words.outgoing),
          FILTER4,
          add(
            `chain=forward action=drop protocol=tcp dst-port=25 src-address=!${v4}`,
            `${wanOf('out', options)} disabled=yes`,
            noted('nobody else sends on 25'),
          ),
        ]
  return [
    ...(v4 === null
      ? []
      : [
          '',
          ...comment(words.accepted),
          ...forwardChain(plan, view, { menu: FILTER4, server: v4, wan: wanOf('in', options) }),
        ]),
    ...outgoing,
    '',
    ...(server6 === null
      ? comment(words.v6None)
      : [
          ...comment(words.v6),
          ...forwardChain(plan, view, { menu: '/ipv6 firewall filter', server: server6, wan: wanOf('in', options) }),
        ]),
  ]
}

type Place = { readonly menu: string; readonly server: string; readonly wan: string }

/** A chain of gavan's own and one jump to it, which only packets to gavan's ports take. */
function forwardChain(plan: ExposurePlan, view: RouterView, { menu, server, wan }: Place): string[] {
  const groups = groupsOf(plan)
  const all = allPorts(groups)
  if (all.length === 0) return []
  const isV6 = server.includes(':')
  const translated = view.nat && !isV6
  const text = 'to the server'
  const own = 'chain=gavan protocol=tcp'
  const sources = (from: Forward['from']): readonly (string | null)[] =>
    from === null ? [null] : isV6 ? from.v6 : from.v4
  const accepted = translated
    ? [add(own, 'action=accept connection-nat-state=dstnat', noted('what was forwarded'))]
    : view.forwards.flatMap(({ ports, from }) =>
        sources(from).map((network) =>
          add(
            own,
            `action=accept dst-port=${list(ports)}`,
            network === null ? '' : `src-address=${network}`,
            noted(network === null ? 'open to all' : 'open to some'),
          ),
        ),
      )
  return [
    menu,
    add(
      `chain=forward action=jump jump-target=gavan protocol=tcp dst-address=${server}${isV6 ? '/128' : ''}`,
      `dst-port=${list(all)}`,
      noted(text),
    ),
    moveUp(menu, 'forward', text),
    add(own, 'action=drop src-address-list=gavan-banned', noted('banned')),
    ...accepted,
    ...(groups.shut.length === 0
      ? []
      : [add(own, `action=drop ${wan} dst-port=${list(groups.shut)}`, noted('inside only'))]),
  ]
}

// Names, and what breaks them -------------------------------------------------------------------------------------------

function splitDns(plan: ExposurePlan, { server4, nat }: RouterView, options: RuleOptions): string[] {
  const words = wordsOf(options)
  if (options.hairpin || server4 === null || !nat) return []
  if (plan.hostname === null) return ['', ...comment(words.noName)]
  return [
    '',
    ...comment(words.splitDns),
    '/ip dns static',
    add(`name=${plan.hostname} address=${server4}`, noted('inside, straight to the server')),
  ]
}

const CHECK_MASQUERADE: readonly string[] = [
  '',
  ':if ([:len [/ip firewall nat find where chain=srcnat action=masquerade !disabled !out-interface !out-interface-list comment!="gavan: hairpin"]] > 0) do={ :put "gavan: a masquerade without out-interface hides the addresses of senders; limit it to the WAN" }',
]
