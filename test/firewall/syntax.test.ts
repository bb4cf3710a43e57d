/** RouterOS, OpenWrt, Windows and pf rules hold the syntax, in every plan and with every option; planted errors are found. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openwrtGrammar, pfGrammar, routerosGrammar, windowsGrammar, type Grammar } from './grammars.ts'

const GOLDEN = new URL('golden/', import.meta.url).pathname
const read = (format: string, name: string): string =>
  // Where the plan does not know the server, a person puts its address in.
  readFileSync(join(GOLDEN, format, name), 'utf8').replaceAll(/\bSERVER\b/g, '192.168.88.25')

type Planted = readonly [from: string | RegExp, to: string]

/** Into nat-office, hairpin where there is one. */
const FORMATS: Readonly<Record<string, { grammar: Grammar; file: string; planted: readonly Planted[] }>> = {
  routeros: {
    grammar: routerosGrammar,
    file: 'router-hairpin.txt',
    planted: [
      ['dst-port=25,80,443', 'dst-port=25,80,70000'],
      ['dst-port=25,80,443', 'dst-port=25 80 443'],
      ['to-addresses=192.168.88.25', 'to-addresses=192.168.88.256'],
      ['to-addresses=192.168.88.25 ', ''],
      ['action=dst-nat', 'action=dstnat'],
      ['protocol=tcp ', ''],
      ['in-interface-list=WAN', 'in-interface-lst=WAN'],
      ['comment="gavan: forwarded"', 'comment="gavan: forwarded'],
      ['comment="gavan: forwarded"', 'comment="gavan: проброс"'],
      ['dst-address=2001:db8:88::25/128', 'dst-address=192.168.88.25'],
      ['\n/ip firewall nat\nadd', '\n/ip firewal nat\nadd'],
      ['on-error={}', 'on-error={'],
      ['\nadd chain=gavan', '\nset chain=gavan'],
    ],
  },
  openwrt: {
    grammar: openwrtGrammar,
    file: 'router-hairpin.txt',
    planted: [
      ["src_dport='25'", "src_dport='25 80'"],
      ["gavan_mx='redirect'", "gavan_mx='redirects'"],
      ["gavan_mx='redirect'", "gavan_smtp='redirect'"],
      ["dest_ip='192.168.88.25'", "dest_ip='192.168.88'"],
      [/uci set firewall\.gavan_mx\.dest_ip=.*\n/, ''],
      ["target='DNAT'", "target='dnat'"],
      ["proto='tcp'", "proto='tcp"],
      [/^(for name in .*) only25/m, '$1'],
      [/^uci commit firewall;/m, 'uci comit firewall;'],
    ],
  },
  windows: {
    grammar: windowsGrammar,
    file: 'nat-office.txt',
    planted: [
      ['-LocalPort 25,80,443', '-LocalPort 25,80,443,'],
      ['-LocalPort 25,80,443', '-LocalPorts 25,80,443'],
      ['-Direction Inbound', '-Direction In'],
      ['-RemoteAddress 192.168.88.0/24', '-RemoteAddress 192.168.88.0/33'],
      ['"gavan: open to all"', '"gavan: open to all'],
      ['-Action Allow', '-Action Block'],
      ['New-NetFirewallRule', 'New-FirewallRule'],
    ],
  },
  pf: {
    grammar: pfGrammar,
    file: 'router-hairpin.txt',
    planted: [
      ['pass in quick', 'pas in quick'],
      ['port { 25, 80, 443 }', 'port { 25, 80, 443'],
      ['port { 25, 80, 443 }', 'port { 25, 80, 70443 }'],
      ['-> 192.168.88.25 port 25', '-> 192.168.88.25:25'],
      ['wan = "em0"\n', ''],
      ['to 2001:db8:88::25', 'to 192.168.88.25'],
      [
        'label "gavan"\n',
        'label "gavan"\nrdr on $wan inet proto tcp from any to 203.0.113.10 port 25 -> 192.168.88.25 port 25\n',
      ],
      ['<gavan_banned> persist', '<gavan_banned persist'],
    ],
  },
}

for (const [format, { grammar, file, planted }] of Object.entries(FORMATS))
  describe(`${format}: syntax`, () => {
    for (const name of readdirSync(join(GOLDEN, format)))
      test(name, () => assert.deepEqual(grammar(read(format, name)), []))
    test('planted errors are found', () => {
      const right = read(format, file)
      for (const [from, to] of planted) {
        const wrong = right.replace(from, to)
        assert.notEqual(wrong, right, `${from} is not there`)
        assert.notDeepEqual(grammar(wrong), [], `${from} → ${to}`)
      }
    })
  })
