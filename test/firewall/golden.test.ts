/** Every format, for both layouts and every kind of clients, and what options add: golden files, read by a person. */
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, test } from 'node:test'
import { FIREWALL_FORMATS, type FirewallFormat, type RuleOptions } from '../../src/exposure/firewall/contract.ts'
import { firewallRules } from '../../src/exposure/firewall/render.ts'
import type { ExposurePlan } from '../../src/exposure/contract.ts'
import { BRIDGE, CLIENTS, LAYOUTS, NAT, planFrom, planOfLayout, PUBLIC } from './plans.ts'

type Case = {
  readonly format: FirewallFormat
  readonly name: string
  readonly plan: () => Promise<ExposurePlan>
  readonly options?: Partial<RuleOptions>
}

const ALLOW_IN = { family: 'inet', table: 'filter', chain: 'input' } as const
const MANY =
  'clients = "office"\nnat.public = ["203.0.113.10"]\ninside = ["192.168.88.0/24", "192.168.88.7", "10.8.0.0/16"]\n' +
  'ports.imaps = { networks = ["198.51.100.0/24", "192.168.88.0/24"] }\nports.imap = { networks = ["127.0.0.1", "::1"] }\n' +
  'ports.submission = { port = 2587, networks = "anywhere" }\nports.sieve = "on"\n'

const CASES: readonly Case[] = [
  ...FIREWALL_FORMATS.flatMap((format) =>
    LAYOUTS.flatMap((layout) =>
      CLIENTS.map((clients): Case => ({
        format,
        name: `${layout}-${clients}`,
        plan: () => planOfLayout(layout, clients),
      })),
    ),
  ),
  ...FIREWALL_FORMATS.flatMap((format): Case[] => [
    { format, name: 'many', plan: () => planFrom(MANY, NAT) },
    { format, name: 'russian', plan: () => planOfLayout('nat', 'office'), options: { language: 'ru' } },
    { format, name: 'bridge', plan: () => planFrom('clients = "office"\ninside = ["10.8.0.0/24"]\n', BRIDGE) },
    { format, name: 'all-off', plan: () => planFrom('listen = ["127.0.0.1", "::1"]\n', PUBLIC) },
  ]),
  ...(['nftables', 'pf', 'routeros', 'openwrt'] as const).flatMap((format): Case[] => [
    {
      format,
      name: 'router-hairpin',
      plan: () => planOfLayout('nat', 'office'),
      options: { router: true, hairpin: true },
    },
    {
      format,
      name: 'router-many',
      plan: () => planFrom(MANY, NAT),
      options: { router: true, interface: format === 'openwrt' ? 'wan_isp' : 'pppoe-out1' },
    },
    { format, name: 'router-public', plan: () => planOfLayout('public', 'anywhere'), options: { router: true } },
    {
      format,
      name: 'router-unknown',
      plan: () => planFrom('clients = "anywhere"\n', { addresses: [], gateways: [], container: 'none' }),
      options: { router: true, hairpin: true },
    },
  ]),
  ...(['nftables', 'iptables', 'pf'] as const).map((format): Case => ({
    format,
    name: 'only-sender',
    plan: () => planOfLayout('public', 'office'),
    options: { onlySender: 'gavan' },
  })),
  {
    format: 'nftables',
    name: 'allow-in',
    plan: () => planOfLayout('public', 'office'),
    options: { allowIn: ALLOW_IN },
  },
  {
    format: 'nftables',
    name: 'allow-in-ip6',
    plan: () => planOfLayout('public', 'office'),
    options: { allowIn: { family: 'ip6', table: 'filter', chain: 'input' } },
  },
  {
    format: 'firewalld',
    name: 'zone',
    plan: () => planOfLayout('public', 'office'),
    options: { interface: 'external' },
  },
]

describe('rules of every format: golden files', () => {
  for (const { format, name, plan, options } of CASES) {
    test(`${format} ${name}`, async () => {
      const { text } = firewallRules(await plan(), format, options)
      const file = new URL(`golden/${format}/${name}.txt`, import.meta.url)
      if (process.env['GAVAN_UPDATE_GOLDEN'] === '1') {
        await mkdir(dirname(file.pathname), { recursive: true })
        await writeFile(file, text)
      }
      assert.equal(text, await readFile(file, 'utf8'))
    })
  }
})
