/** OpenWrt (openwrt.org/docs: UCI, firewall4), a script for the router in front. Sections by name, all beginning with `gavan_`. */
import { CATALOG } from '../catalog.ts'
import type { ExposurePlan } from '../contract.ts'
import type { RuleOptions, Rules } from './contract.ts'
import { comment, headOf, list, wordsOf } from './explain.ts'
import { allPorts, groupsOf, routerViewOf, type RouterView } from './groups.ts'

const WAN_ZONE = 'wan'

export function openwrt(plan: ExposurePlan, options: RuleOptions): Rules {
  const words = wordsOf(options)
  const view = routerViewOf(plan)
  const undo = [...REMOVE, ...REMOVE_BANS, ...COMMIT]
  const head = headOf(plan, options, {
    format: 'openwrt',
    undo,
    notes: [
      words.router(view.server4 ?? view.server6 ?? 'SERVER'),
      ...(view.server4 === null ? [words.serverUnknown] : []),
      ...(view.server6 === null ? [words.v6None] : [words.v6]),
    ],
  })
  const zone = options.interface ?? WAN_ZONE
  const body = [
    ...comment(words.oldGo),
    ...REMOVE,
    ...bans(plan, view, zone, words.bans),
    ...(view.nat ? redirects(view, options, zone) : []),
    ...(view.nat && options.hairpin ? insideByPublic(plan, view) : []),
    ...passRules(plan, view, zone),
    ...(view.nat ? sendFrom(plan, view, options, zone) : []),
    ...outgoing(view, zone, words.outgoing),
    ...splitDns(plan, view, options),
    ...COMMIT,
  ]
  return { text: `${['#!/bin/sh', ...head, ...body].join('\n')}\n`, undo }
}

/** Every name that any version of these rules uses; sets of bans apart. */
const NAMES = [
  ...CATALOG.map(({ service }) => service),
  ...['pass4', 'pass6', 'shut4', 'shut6', 'ban4', 'ban6', 'snat', 'only25', 'hairpin'],
]
const REMOVE: readonly string[] = [
  `for name in ${NAMES.join(' ')}; do uci -q delete "firewall.gavan_$name"; done`,
  'for n in 1 2 3 4 5 6 7 8 9; do for name in pass4 pass6 dnat; do uci -q delete "firewall.gavan_$name$n"; done; done',
  'uci -q delete dhcp.gavan_host',
]
const REMOVE_BANS: readonly string[] = ['uci -q delete firewall.gavan_banned4; uci -q delete firewall.gavan_banned6']
const COMMIT: readonly string[] = [
  'uci commit firewall; uci commit dhcp',
  '/etc/init.d/firewall reload; /etc/init.d/dnsmasq reload',
]

type Section = Readonly<Record<string, string | readonly string[]>>

function section(name: string, kind: string, options: Section, file = 'firewall'): string[] {
  return [
    `uci set ${file}.gavan_${name}='${kind}'`,
    ...Object.entries(options).flatMap(([key, value]) =>
      typeof value === 'string'
        ? [`uci set ${file}.gavan_${name}.${key}='${value}'`]
        : value.map((each) => `uci add_list ${file}.gavan_${name}.${key}='${each}'`),
    ),
  ]
}

/** The sets are made when they are not there, and keep what is in them. */
function bans(plan: ExposurePlan, view: RouterView, zone: string, note: string): string[] {
  const ports = list(allPorts(groupsOf(plan)), 'port', ' ')
  if (ports === '') return []
  const families = [
    ['4', 'ipv4', view.server4 ?? (view.nat ? 'SERVER' : null)],
    ['6', 'ipv6', view.server6],
  ] as const
  return [
    '',
    ...comment(`${note} --format list`),
    ...families.flatMap(([n, family, server]) =>
      server === null
        ? []
        : [
            ...section(`banned${n}`, 'ipset', { name: `gavan_banned${n}`, family, enabled: '1' }),
            `uci -q get firewall.gavan_banned${n}.match >/dev/null || uci add_list firewall.gavan_banned${n}.match='src_net'`,
            ...section(`ban${n}`, 'rule', {
              name: 'gavan: banned',
              family,
              src: zone,
              dest: '*',
              dest_ip: server,
              proto: 'tcp',
              dest_port: ports,
              ipset: `gavan_banned${n}`,
              target: 'DROP',
            }),
          ],
    ),
  ]
}

/** A port a section: a redirect takes one port or one range. Reflection is OpenWrt's word for hairpin. */
function redirects(view: RouterView, options: RuleOptions, zone: string): string[] {
  const words = wordsOf(options)
  const server = view.server4 ?? 'SERVER'
  let n = 0
  const made = view.forwards.flatMap(({ ports, from }) =>
    (from?.v4 ?? [null]).flatMap((network) =>
      ports.flatMap(({ service, port, standardPort }) =>
        section(network === null ? service : `dnat${(n += 1)}`, 'redirect', {
          name: `gavan: ${service}`,
          family: 'ipv4',
          src: zone,
          ...(network === null ? {} : { src_ip: network }),
          src_dport: String(standardPort),
          dest: 'lan',
          dest_ip: server,
          dest_port: String(port),
          proto: 'tcp',
          target: 'DNAT',
          reflection: options.hairpin && network === null ? '1' : '0',
        }),
      ),
    ),
  )
  return ['', ...comment(words.forwarded, ...(options.hairpin ? [words.hairpin] : [])), ...made]
}

/** Ports that the internet does not get have no redirect that could be reflected. */
function insideByPublic(plan: ExposurePlan, view: RouterView): string[] {
  const { shut } = groupsOf(plan)
  const { public4, server4 } = view
  if (public4 === null || server4 === null || shut.length === 0) return []
  return [
    ...shut.flatMap(({ service, port, standardPort }) =>
      section(service, 'redirect', {
        name: `gavan: ${service}, hairpin`,
        family: 'ipv4',
        src: 'lan',
        src_dip: public4,
        src_dport: String(standardPort),
        dest: 'lan',
        dest_ip: server4,
        dest_port: String(port),
        proto: 'tcp',
        target: 'DNAT',
        reflection: '0',
      }),
    ),
    ...section('hairpin', 'nat', {
      name: 'gavan: hairpin',
      family: 'ipv4',
      src: 'lan',
      src_ip: view.around4[0]!,
      dest_ip: server4,
      proto: 'tcp',
      dest_port: list(shut, 'port', ' '),
      target: 'MASQUERADE',
    }),
  ]
}

/** What needs no translation. */
function passRules(plan: ExposurePlan, view: RouterView, zone: string): string[] {
  const { shut } = groupsOf(plan)
  const families = [
    ['4', 'ipv4', view.nat ? null : view.server4, 'v4'],
    ['6', 'ipv6', view.server6, 'v6'],
  ] as const
  const made = families.flatMap(([n, family, server, key]) => {
    if (server === null) return []
    const common = { family, src: zone, dest: 'lan', dest_ip: server, proto: 'tcp' }
    let some = 0
    return [
      ...view.forwards.flatMap(({ ports, from }) =>
        (from === null ? [null] : from[key]).flatMap((network) =>
          section(network === null ? `pass${n}` : `pass${n}${(some += 1)}`, 'rule', {
            name: network === null ? 'gavan: open to all' : 'gavan: open to some',
            ...common,
            ...(network === null ? {} : { src_ip: network }),
            dest_port: list(ports, 'port', ' '),
            target: 'ACCEPT',
          }),
        ),
      ),
      ...(shut.length === 0
        ? []
        : section(`shut${n}`, 'rule', {
            name: 'gavan: inside only',
            ...common,
            dest_port: list(shut, 'port', ' '),
            target: 'DROP',
          })),
    ]
  })
  return made.length === 0 ? [] : ['', ...made]
}

function sendFrom(plan: ExposurePlan, view: RouterView, options: RuleOptions, zone: string): string[] {
  const words = wordsOf(options)
  if (view.public4 === null) return ['', ...comment(words.publicUnknown)]
  return [
    '',
    ...comment(words.sendFrom),
    ...section('snat', 'nat', {
      name: 'gavan: mail leaves from the address that has the PTR',
      family: 'ipv4',
      src: zone,
      src_ip: view.server4 ?? 'SERVER',
      proto: 'tcp',
      dest_port: String(plan.outgoing.port),
      target: 'SNAT',
      snat_ip: view.public4,
    }),
  ]
}

function outgoing(view: RouterView, zone: string, note: string): string[] {
  if (view.server4 === null) return []
  return [
    '',
    ...comment(note),
    ...section('only25', 'rule', {
      name: 'gavan: nobody else sends on 25',
      family: 'ipv4',
      src: 'lan',
      src_ip: `!${view.server4}`,
      dest: zone,
      proto: 'tcp',
      dest_port: '25',
      target: 'REJECT',
      enabled: '0',
    }),
  ]
}

function splitDns(plan: ExposurePlan, { nat, server4 }: RouterView, options: RuleOptions): string[] {
  const words = wordsOf(options)
  if (options.hairpin || !nat || server4 === null) return ['']
  if (plan.hostname === null) return ['', ...comment(words.noName), '']
  return [
    '',
    ...comment(words.splitDns),
    ...section('host', 'domain', { name: plan.hostname, ip: server4 }, 'dhcp'),
    '',
  ]
}
