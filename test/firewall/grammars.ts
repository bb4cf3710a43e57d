/**
 * As much of four languages as our rules use, and no more: RouterOS, UCI in a shell script, PowerShell, pf. What is not known is
 * wrong. Written from the makers' documentation; the tools themselves are not to be had in CI.
 */
import { parseIp, parseNetwork } from '../../src/model/network.ts'

/** @returns what is wrong, by line; none: it holds the syntax */
export type Grammar = (text: string) => readonly string[]

const isPort = (text: string): boolean => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535
const arePorts = (text: string, separator: string): boolean => text !== '' && text.split(separator).every(isPort)
const family = (text: string): 4 | 6 | null => {
  if (!parseNetwork(text).ok) return null
  return text.includes(':') ? 6 : 4
}
const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

function byLine(text: string, check: (line: string) => string | null): string[] {
  return text.split('\n').flatMap((line, at) => {
    const wrong = line === '' || line.startsWith('#') ? null : check(line)
    return wrong === null ? [] : [`${at + 1}: ${wrong}: ${line}`]
  })
}

// RouterOS ---------------------------------------------------------------------------------------------------------------

const NAT = '/ip firewall nat'
const FILTER4 = '/ip firewall filter'
const FILTER6 = '/ipv6 firewall filter'
const DNS = '/ip dns static'
const LISTS = ['/ip firewall address-list', '/ipv6 firewall address-list']

type Check = (value: string, menu: string) => boolean
const ip = (value: string, menu: string): boolean => {
  const bare = value.replace(/^!/, '')
  return family(bare) === (menu === FILTER6 ? 6 : 4)
}
const KEYS: Readonly<Record<string, Check>> = {
  chain: (value, menu) => (menu === NAT ? ['dstnat', 'srcnat'] : ['forward', 'gavan']).includes(value),
  action: (value, menu) =>
    (menu === NAT ? ['dst-nat', 'src-nat', 'masquerade'] : ['accept', 'drop', 'jump']).includes(value),
  'jump-target': (value) => value === 'gavan',
  protocol: (value) => value === 'tcp',
  'dst-port': (value) => arePorts(value, ',') && value.split(',').length <= 15,
  'to-ports': isPort,
  'to-addresses': (value) => parseIp(value)?.length === 4,
  'dst-address': ip,
  'src-address': ip,
  'dst-address-type': (value) => value === 'local',
  'src-address-list': (value) => value === 'gavan-banned',
  'in-interface-list': (value) => /^!?WAN$/.test(value),
  'in-interface': (value) => /^!?[\w-]+$/.test(value),
  'out-interface-list': (value) => value === 'WAN',
  'out-interface': (value) => /^[\w-]+$/.test(value),
  'connection-nat-state': (value) => value === 'dstnat',
  disabled: (value) => value === 'yes',
  name: (value, menu) => menu === DNS && /^[\w.-]+$/.test(value),
  address: (value, menu) => menu === DNS && parseIp(value)?.length === 4,
  comment: (value) => /^"gavan: [^"$\\]+"$/.test(value) && isAscii(value),
}

export const routerosGrammar: Grammar = (text) => {
  let menu = ''
  return byLine(text, (line) => {
    if ([NAT, FILTER4, FILTER6, DNS].includes(line)) {
      menu = line
      return null
    }
    const removed = /^(\/[a-z0-9 -]+) remove \[find where (?:comment~"\^gavan:"|list=gavan-banned)\]$/.exec(line)
    if (removed !== null) return [NAT, FILTER4, FILTER6, DNS, ...LISTS].includes(removed[1]!) ? null : 'no such menu'
    if (line.startsWith(':do '))
      return /^:do \{ (\/ip(?:v6)? firewall (?:nat|filter)) move \[find where comment="gavan: [^"]+"\] destination=\[:pick \[find where chain=(?:srcnat|forward) && !dynamic\] 0\] \} on-error=\{\}$/.test(
        line,
      )
        ? null
        : 'no known :do'
    if (line.startsWith(':if '))
      return /^:if \(\[:len \[\/ip firewall nat find where [^\]]+\]\] > 0\) do=\{ :put "[^"]+" \}$/.test(line)
        ? null
        : 'no known :if'
    return line.startsWith('add ') ? wrongIn(line.slice(4), menu) : 'no command'
  })
}

function wrongIn(rest: string, menu: string): string | null {
  if (menu === '') return 'add without a menu'
  const given = new Map<string, string>()
  const parts = [...rest.matchAll(/([a-z-]+)=("[^"]*"|\S+)(?: |$)/g)]
  if (parts.map(([whole]) => whole).join('') !== rest) return 'not key=value'
  for (const [, key = '', value = ''] of parts) {
    if (given.has(key)) return `${key} twice`
    if (KEYS[key]?.(value, menu) !== true) return `${key}=${value}`
    given.set(key, value)
  }
  const needs: Readonly<Record<string, readonly string[]>> = {
    'dst-nat': ['to-addresses', 'dst-port', 'protocol'],
    'src-nat': ['to-addresses', 'src-address'],
    masquerade: ['src-address', 'dst-address'],
    jump: ['jump-target', 'dst-address'],
  }
  if (!given.has('comment')) return 'no comment to find it by'
  if (menu === DNS) return given.has('name') && given.has('address') ? null : 'name and address'
  if (given.has('dst-port') && !given.has('protocol')) return 'ports without a protocol'
  const action = given.get('action')
  if (action === undefined || !given.has('chain')) return 'chain and action'
  return (needs[action] ?? []).find((key) => !given.has(key)) ?? null
}

// OpenWrt ----------------------------------------------------------------------------------------------------------------

const KINDS: Readonly<Record<string, readonly string[]>> = {
  redirect: ['name', 'src', 'src_dport', 'dest', 'dest_ip', 'proto', 'target'],
  rule: ['name', 'src', 'dest', 'proto', 'dest_port', 'target'],
  nat: ['name', 'src', 'proto', 'target'],
  ipset: ['name', 'family', 'enabled'],
  domain: ['name', 'ip'],
}
const OPTIONS: Readonly<Record<string, (value: string) => boolean>> = {
  name: isAscii,
  family: (value) => value === 'ipv4' || value === 'ipv6',
  src: (value) => /^\w+$/.test(value),
  dest: (value) => /^(?:\w+|\*)$/.test(value),
  src_ip: (value) => family(value.replace(/^!/, '')) !== null,
  src_dip: (value) => family(value) === 4,
  dest_ip: (value) => family(value) !== null,
  snat_ip: (value) => parseIp(value)?.length === 4,
  ip: (value) => parseIp(value)?.length === 4,
  src_dport: isPort, // One port, or a range.
  dest_port: (value) => arePorts(value, ' '),
  proto: (value) => value === 'tcp',
  target: (value) => ['DNAT', 'SNAT', 'MASQUERADE', 'ACCEPT', 'DROP', 'REJECT'].includes(value),
  reflection: (value) => value === '0' || value === '1',
  enabled: (value) => value === '0' || value === '1',
  ipset: (value) => /^gavan_banned[46]$/.test(value),
}
const SHELL = [
  /^for name in [\w ]+; do uci -q delete "firewall\.gavan_\$name"; done$/,
  /^for n in [\d ]+; do for name in [\w ]+; do uci -q delete "firewall\.gavan_\$name\$n"; done; done$/,
  /^uci -q delete dhcp\.gavan_host$/,
  /^uci -q get firewall\.gavan_banned[46]\.match >\/dev\/null \|\| uci add_list firewall\.gavan_banned[46]\.match='src_net'$/,
  /^uci commit firewall; uci commit dhcp$/,
  /^\/etc\/init\.d\/firewall reload; \/etc\/init\.d\/dnsmasq reload$/,
]

export const openwrtGrammar: Grammar = (text) => {
  const sections = new Map<string, { kind: string; options: Map<string, string> }>()
  const wrong = byLine(text, (line) => {
    if (SHELL.some((known) => known.test(line))) return null
    const made = /^uci set (?:firewall|dhcp)\.(gavan_\w+)='(\w+)'$/.exec(line)
    if (made !== null) {
      const [, name = '', kind = ''] = made
      if (KINDS[kind] === undefined) return 'no such kind'
      if (sections.has(name)) return 'made twice'
      sections.set(name, { kind, options: new Map() })
      return null
    }
    const [, name = '', option = '', value = ''] =
      /^uci set (?:firewall|dhcp)\.(gavan_\w+)\.(\w+)='([^']*)'$/.exec(line) ?? []
    const section = sections.get(name)
    if (section === undefined) return 'no command, or no such section'
    if (OPTIONS[option]?.(value) !== true) return `${option} ${value}`
    section.options.set(option, value)
    return null
  })
  const lacks = [...sections].flatMap(([name, { kind, options }]) =>
    KINDS[kind]!.filter((option) => !options.has(option)).map((option) => `${name} lacks ${option}`),
  )
  // A section that no removal names would stay for ever.
  const removed = new Set([...text.matchAll(/^for name in ([\w ]+);/gm)].flatMap((match) => match[1]!.split(' ')))
  const forgotten = [...sections.keys()]
    .map((name) => name.replace('gavan_', ''))
    .filter((name) => !removed.has(name) && !/^(?:banned[46]|host|(?:pass4|pass6|dnat)[1-9])$/.test(name))
  return [...wrong, ...lacks, ...forgotten.map((name) => `${name} is not removed`)]
}

// PowerShell -------------------------------------------------------------------------------------------------------------

const PARAMETERS: Readonly<Record<string, (value: string) => boolean>> = {
  Group: (value) => value === '"gavan"',
  DisplayName: (value) => /^"gavan: [\w ]+"$/.test(value),
  Direction: (value) => value === 'Inbound',
  Action: (value) => value === 'Allow',
  Profile: (value) => value === 'Any',
  Protocol: (value) => value === 'TCP',
  LocalPort: (value) => arePorts(value, ','),
  RemoteAddress: (value) => value.split(',').every((each) => family(each) !== null),
}

export const windowsGrammar: Grammar = (text) =>
  byLine(text, (line) => {
    if (line === 'Remove-NetFirewallRule -Group "gavan" -ErrorAction SilentlyContinue') return null
    const rest = /^New-NetFirewallRule (.*) \| Out-Null$/.exec(line)?.[1]
    if (rest === undefined) return 'no command'
    const parts = [...rest.matchAll(/-(\w+) ("[^"]*"|\S+)(?: |$)/g)]
    if (parts.map(([whole]) => whole).join('') !== rest) return 'not -Name value'
    const wrong = parts.find(([, name = '', value = '']) => PARAMETERS[name]?.(value) !== true)
    if (wrong !== undefined) return wrong[0]
    const names = parts.map(([, name]) => name)
    return (
      ['Group', 'DisplayName', 'Direction', 'Action', 'Protocol', 'LocalPort'].find((name) => !names.includes(name)) ??
      null
    )
  })

// pf ---------------------------------------------------------------------------------------------------------------------

const PORTS = String.raw`port (?:\d+|\{ \d+(?:, \d+)* \})`
const HOST = String.raw`(?:any|<gavan_banned>|\(\$wan\)|(?:! )?[\da-f.:]+(?:\/\d+)?|\{ [\da-f.:\/]+(?:, [\da-f.:\/]+)* \})`
const PF = [
  /^table <gavan_banned> persist$/,
  /^(?:wan|lan) = "[\w-]+"$/,
  new RegExp(
    String.raw`^(?:pass|block (?:drop|return)) (?:in|out) quick(?: on (?:lo0|\$wan))?(?: inet6?)? proto tcp(?: from ${HOST})? to ${HOST} ${PORTS}(?: user \w+)? label "gavan"$`,
  ),
  new RegExp(String.raw`^rdr on \$(?:wan|lan) inet proto tcp from ${HOST} to ${HOST} port \d+ -> [\d.]+ port \d+$`),
  new RegExp(
    String.raw`^nat on \$(?:wan|lan) inet proto tcp from ${HOST} to ${HOST} ${PORTS} -> (?:[\d.]+|\(\$lan\))$`,
  ),
]

export const pfGrammar: Grammar = (text) => {
  let filtering = false
  return byLine(text, (line) => {
    if (!PF.some((known) => known.test(line))) return 'no rule'
    const addresses = [...line.matchAll(/[\da-f]*[.:][\da-f.:]+(?:\/\d+)?/g)].map(([address]) => address)
    if (addresses.some((address) => family(address) === null)) return 'no address'
    if (/ inet /.test(line) && addresses.some((address) => family(address) === 6)) return 'IPv6 in a rule for IPv4'
    if (/ inet6 /.test(line) && addresses.some((address) => family(address) === 4)) return 'IPv4 in a rule for IPv6'
    if (
      [...line.matchAll(/port (\d+|\{[^}]*\})/g)].some(([, ports = '']) => !(ports.match(/\d+/g) ?? []).every(isPort))
    )
      return 'no port'
    for (const name of ['wan', 'lan'])
      if (line.includes(`$${name}`) && !text.includes(`${name} = `)) return `${name} is not said`
    // pf.conf(5): translation comes before filtering.
    if (/^(?:pass|block)/.test(line)) filtering = true
    return filtering && /^(?:rdr|nat|table)/.test(line) ? 'translation after filtering' : null
  })
}
