/** nftables (nft(8)), for this host or, with `router`, for a Linux router in front of it. A table of its own. */
import type { ExposurePlan } from '../contract.ts'
import type { AllowIn, RuleOptions, Rules } from './contract.ts'
import { comment, headOf, layoutNotes, wordsOf } from './explain.ts'
import { allPorts, groupsOf, numbersOf, routerViewOf, type PortGroups, type PortOf, type RouterView } from './groups.ts'

/** Of the router's internet side, when nobody names it. */
const WAN = 'wan'

export function nftables(plan: ExposurePlan, options: RuleOptions): Rules {
  const words = wordsOf(options)
  const { allowIn } = options
  const undo = [
    'nft delete table inet gavan',
    ...(allowIn === null ? [] : [removeJump(allowIn), `nft delete chain ${allowIn.family} ${allowIn.table} gavan`]),
  ]
  const notes = options.router
    ? routerNotes(plan, options)
    : plan.container === 'bridge'
      ? [words.bridge, words.bridgeBetter]
      : layoutNotes(plan, options)
  const head = headOf(plan, options, {
    format: 'nftables',
    undo,
    notes: [...notes, ...(allowIn === null ? [words.persistNft, words.otherTables] : [words.persistScript])],
  })
  const { table, allowed } = nftablesParts(plan, options)
  const body = [...comment(words.kept), ...table]
  if (allowIn === null) return { text: lines([...head, ...body]), undo }
  const { family, table: name, chain } = allowIn
  return {
    undo,
    text: lines([
      '#!/bin/sh',
      ...head,
      'set -e',
      "nft -f - <<'GAVAN'",
      ...body,
      '',
      ...comment(words.allowedIn(`${family} ${name} ${chain}`)),
      ...allowed,
      'GAVAN',
      ...comment(words.allowInAgain),
      `nft list chain ${family} ${name} ${chain} | grep -q 'jump gavan' || nft insert rule ${family} ${name} ${chain} jump gavan`,
    ]),
  }
}

export type NftablesParts = {
  /** Makes the table anew and keeps the bans. */
  readonly table: readonly string[]
  /** Fills a chain of ours in the table of `allowIn`, without the jump to it. */
  readonly allowed: readonly string[]
}

/** For one transaction of `nft -f`. */
export function nftablesParts(plan: ExposurePlan, options: RuleOptions): NftablesParts {
  const { allowIn } = options
  const groups = groupsOf(plan)
  const chains = options.router
    ? routerChains(plan, options)
    : plan.container === 'bridge'
      ? bridgeChains(groups)
      : hostChains(plan, options)
  const table = [...BARE_TABLE, ...inTable(chains)]
  if (allowIn === null) return { table, allowed: [] }
  const rules = options.router ? allowForwarded(plan, allowIn, options) : allowHere(groups, allowIn)
  const own = `${allowIn.family} ${allowIn.table} gavan`
  return {
    table,
    allowed: [`add chain ${own}`, `flush chain ${own}`, ...rules.map((rule) => `add rule ${own} ${rule}`)],
  }
}

const CHAINS = ['input', 'output', 'forward', 'prerouting', 'postrouting'] as const

/** What makes it the same however often it is loaded: sets stay with what is in them, chains go. */
const BARE_TABLE: readonly string[] = [
  'add table inet gavan',
  'add set inet gavan banned4 { type ipv4_addr; flags interval, timeout; }',
  'add set inet gavan banned6 { type ipv6_addr; flags interval, timeout; }',
  ...CHAINS.map((chain) => ['add', 'flush', 'delete'].map((verb) => `${verb} chain inet gavan ${chain}`).join('; ')),
]

type Chain = { readonly name: (typeof CHAINS)[number]; readonly hook: string; readonly rules: readonly string[] }

/** Later than the tables of others, whose drops hold anyway. */
const FILTER = 'filter + 10'
const filter = (name: 'input' | 'output' | 'forward'): string =>
  `type filter hook ${name} priority ${FILTER}; policy accept;`

const inTable = (chains: readonly Chain[]): string[] => [
  'table inet gavan {',
  ...chains.flatMap(({ name, hook, rules }) => [
    `\tchain ${name} {`,
    ...[hook, ...rules].map((rule) => `\t\t${rule}`),
    '\t}',
  ]),
  '}',
]

/** One alone stands without braces, as nft lists it. */
const oneOf = (items: readonly (string | number)[]): string =>
  items.length === 1 ? String(items[0]) : `{ ${items.join(', ')} }`

const tcp = (ports: readonly PortOf[], which: 'port' | 'standardPort' = 'port'): string =>
  `tcp dport ${oneOf(numbersOf(ports, which))}`

const banned = (match: string): string[] => [`${match} ip saddr @banned4 drop`, `${match} ip6 saddr @banned6 drop`]

const fromNetworks = (
  match: string,
  { v4, v6 }: { v4: readonly string[]; v6: readonly string[] },
  verdict: string,
): string[] => [
  ...(v4.length === 0 ? [] : [`${match} ip saddr ${oneOf(v4)} ${verdict}`]),
  ...(v6.length === 0 ? [] : [`${match} ip6 saddr ${oneOf(v6)} ${verdict}`]),
]

const OPEN = 'accept comment "gavan: open to all"'
const INSIDE = 'accept comment "gavan: inside only"'
const SHUT = 'counter drop comment "gavan: closed to the others"'

// This host -----------------------------------------------------------------------------------------------------------

function hostChains(plan: ExposurePlan, { onlySender }: RuleOptions): Chain[] {
  const groups = groupsOf(plan)
  const input: Chain = { name: 'input', hook: filter('input'), rules: ['iif "lo" accept', ...inputRules(groups)] }
  if (onlySender === null) return [input]
  const rules = [
    'oif "lo" accept',
    `tcp dport ${plan.outgoing.port} meta skuid != "${onlySender}" counter reject with tcp reset comment "gavan: only ${onlySender} sends"`,
  ]
  return [input, { name: 'output', hook: filter('output'), rules }]
}

function inputRules(groups: PortGroups): string[] {
  const all = allPorts(groups)
  return [
    ...(all.length === 0 ? [] : banned(tcp(all))),
    ...(groups.outside.length === 0 ? [] : [`${tcp(groups.outside)} ${OPEN}`]),
    ...groups.inside.flatMap((group) => fromNetworks(tcp(group.ports), group, INSIDE)),
    ...(groups.shut.length === 0 ? [] : [`${tcp(groups.shut)} ${SHUT}`]),
  ]
}

function allowHere(groups: PortGroups, allowIn: AllowIn): string[] {
  return ofFamily(
    [
      ...(groups.outside.length === 0 ? [] : [`${tcp(groups.outside)} ${OPEN}`]),
      ...groups.inside.flatMap((group) => fromNetworks(tcp(group.ports), group, INSIDE)),
    ],
    allowIn,
  )
}

/** A table of one family knows no addresses of the other. */
const ofFamily = (rules: readonly string[], { family }: AllowIn): string[] =>
  rules.filter((rule) => family === 'inet' || !(family === 'ip' ? / ip6 | ipv6 /.test(rule) : / ip | ipv4 /.test(rule)))

const removeJump = ({ family, table, chain }: AllowIn): string =>
  `nft delete rule ${family} ${table} ${chain} handle $(nft -a list chain ${family} ${table} ${chain} | sed -n 's/.*jump gavan # handle //p')`

// The host of a container behind a bridge ------------------------------------------------------------------------------

/**
 * By the port that the stranger asked for, before Docker turned it into the container's. Only drops: Docker itself opens
 * what is published.
 */
function bridgeChains(groups: PortGroups): Chain[] {
  const asked = (ports: readonly PortOf[]): string =>
    `meta l4proto tcp ct status dnat ct direction original ct original proto-dst ${oneOf(numbersOf(ports, 'standardPort'))}`
  const all = allPorts(groups)
  const rules = [
    ...(all.length === 0 ? [] : banned(asked(all))),
    ...groups.inside.flatMap((group) => fromNetworks(asked(group.ports), group, INSIDE)),
    ...(groups.shut.length === 0 ? [] : [`${asked(groups.shut)} ${SHUT}`]),
  ]
  return [{ name: 'forward', hook: filter('forward'), rules }]
}

// A Linux router -------------------------------------------------------------------------------------------------------

const routerNotes = (plan: ExposurePlan, options: RuleOptions): string[] => {
  const words = wordsOf(options)
  const { nat, server4, server6, public4 } = routerViewOf(plan)
  return [
    words.router(server4 ?? server6 ?? 'SERVER'),
    ...(server4 === null && nat ? [words.serverUnknown] : []),
    ...(nat && public4 === null ? [words.publicUnknown] : []),
    ...(server6 === null ? [words.v6None] : [words.v6]),
    ...(nat ? [words.masquerade] : []),
    ...(options.hairpin ? plan.gateways.slice(0, 1).map((gateway) => words.hairpinBan(gateway)) : []),
  ]
}

function routerChains(plan: ExposurePlan, options: RuleOptions): Chain[] {
  const view = routerViewOf(plan)
  const wan = `"${options.interface ?? WAN}"`
  return [
    ...(view.nat ? natChains(plan, view, { wan, hairpin: options.hairpin }) : []),
    forwardChain(plan, view, { wan, options }),
  ]
}

type Where = { readonly wan: string; readonly hairpin: boolean }

function natChains(plan: ExposurePlan, view: RouterView, { wan, hairpin }: Where): Chain[] {
  const server = view.server4 ?? 'SERVER'
  const gateways = plan.gateways.filter((gateway) => !gateway.includes(':'))
  // The router's own pages on its inner address stay where they are.
  const ours =
    view.public4 === null
      ? ['fib daddr type local', ...gateways.map((gateway) => `ip daddr != ${gateway}`)].join(' ')
      : `ip daddr ${view.public4}`
  const to = (port: PortOf): string => (port.port === port.standardPort ? server : `${server}:${port.port}`)
  const targets = (ports: readonly PortOf[]): [string, PortOf[]][] => [...Map.groupBy(ports, to)]
  const forwards = view.forwards.flatMap(({ ports, from }) =>
    from !== null && from.v4.length === 0
      ? []
      : targets(ports).flatMap(([target, same]) => {
          const source = from === null ? '' : `ip saddr ${oneOf(from.v4)} `
          return `iifname ${wan} meta nfproto ipv4 ${source}${tcp(same, 'standardPort')} dnat ip to ${target} comment "gavan: forwarded"`
        }),
  )
  const out =
    view.public4 === null
      ? []
      : [
          `oifname ${wan} ip saddr ${server} tcp dport ${plan.outgoing.port} snat ip to ${view.public4} comment "gavan: from the address that has the PTR"`,
        ]
  const all = allPorts(groupsOf(plan))
  const fromInside =
    hairpin && all.length > 0
      ? targets(all).map(
          ([target, same]) =>
            `iifname != ${wan} meta nfproto ipv4 ${ours} ${tcp(same, 'standardPort')} dnat ip to ${target} comment "gavan: hairpin"`,
        )
      : []
  const back =
    hairpin && all.length > 0
      ? [
          `ip saddr ${oneOf(view.around4)} ip daddr ${server} ${tcp(all)} ct status dnat masquerade comment "gavan: hairpin"`,
        ]
      : []
  return [
    {
      name: 'prerouting',
      hook: 'type nat hook prerouting priority dstnat; policy accept;',
      rules: [...forwards, ...fromInside],
    },
    // Before the router's own masquerade.
    {
      name: 'postrouting',
      hook: 'type nat hook postrouting priority srcnat - 1; policy accept;',
      rules: [...out, ...back],
    },
  ]
}

function forwardRules(view: RouterView, wan: string): string[] {
  const { nat, server4, server6 } = view
  const v4 = server4 ?? (nat ? 'SERVER' : null)
  return view.forwards.flatMap(({ ports, from }) => [
    ...(v4 === null || from?.v4.length === 0
      ? []
      : [
          `iifname ${wan} ${from === null ? '' : `ip saddr ${oneOf(from.v4)} `}ip daddr ${v4} ${tcp(ports)} ${nat ? 'ct status dnat ' : ''}accept comment "gavan: forwarded"`,
        ]),
    ...(server6 === null || from?.v6.length === 0
      ? []
      : [
          `iifname ${wan} ${from === null ? '' : `ip6 saddr ${oneOf(from.v6)} `}ip6 daddr ${server6} ${tcp(ports)} accept comment "gavan: forwarded"`,
        ]),
  ])
}

function forwardChain(
  plan: ExposurePlan,
  view: RouterView,
  { wan, options }: { wan: string; options: RuleOptions },
): Chain {
  const { nat, server4, server6, shut } = view
  const v4 = server4 ?? (nat ? 'SERVER' : null)
  const toServer = [...(v4 === null ? [] : [`ip daddr ${v4}`]), ...(server6 === null ? [] : [`ip6 daddr ${server6}`])]
  const all = allPorts(groupsOf(plan))
  const bans =
    all.length === 0
      ? []
      : toServer.map((to) => {
          const set = to.startsWith('ip6') ? 'ip6 saddr @banned6' : 'ip saddr @banned4'
          return `iifname ${wan} ${to} ${tcp(all)} ${set} drop`
        })
  const closed = shut.length === 0 ? [] : toServer.map((to) => `iifname ${wan} ${to} ${tcp(shut)} ${SHUT}`)
  const senders =
    v4 === null ? [] : [`# iifname != ${wan} oifname ${wan} ip saddr != ${v4} tcp dport 25 counter reject`]
  return {
    name: 'forward',
    hook: filter('forward'),
    rules: [
      ...bans,
      ...forwardRules(view, wan),
      ...closed,
      ...(senders.length === 0 ? [] : [...comment(wordsOf(options).outgoing), ...senders]),
    ],
  }
}

const allowForwarded = (plan: ExposurePlan, allowIn: AllowIn, options: RuleOptions): string[] =>
  ofFamily(forwardRules(routerViewOf(plan), `"${options.interface ?? WAN}"`), allowIn)

const lines = (all: readonly string[]): string => `${all.join('\n')}\n`
