/** The map as pictures, kept as golden files in both layouts and languages; how they look was judged by eye. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { LOOPBACK_NETWORKS, parseNetwork, type Network } from '../model/network.ts'
import { CATALOG } from './catalog.ts'
import type { Clients, ExposurePlan, HostFacts, PlanSettings } from './contract.ts'
import { exposureMap } from './map.ts'
import { planOf } from './plan.ts'
import type { Language } from './words/contract.ts'

const network = (text: string): Network => {
  const parsed = parseNetwork(text)
  assert.ok(parsed.ok)
  return parsed.value
}

const PUBLIC: HostFacts = {
  addresses: [
    { address: '203.0.113.10', family: 4, interface: 'eth0', network: '203.0.113.0/24', scope: 'global' },
    { address: '10.8.0.1', family: 4, interface: 'wg0', network: '10.8.0.0/24', scope: 'private' },
  ],
  gateways: ['203.0.113.1'],
  container: 'none',
}
const NAT: HostFacts = {
  addresses: [{ address: '192.168.88.25', family: 4, interface: 'eth0', network: '192.168.88.0/24', scope: 'private' }],
  gateways: ['192.168.88.1'],
  container: 'none',
}

function planOfAll(clients: Clients, facts: HostFacts, more: Partial<PlanSettings> = {}): ExposurePlan {
  const inside = [...LOOPBACK_NETWORKS, network(facts === NAT ? '192.168.88.0/24' : '10.8.0.0/24')]
  const services = CATALOG.map(({ service, reach, enabled, port, tls }) => ({
    service,
    enabled,
    addresses: ['0.0.0.0'],
    port,
    tls,
    networks: reach === 'mail-programs' && clients === 'office' ? inside : ('anywhere' as const),
    plainLogin: false,
  }))
  const settings: PlanSettings = {
    hostname: 'mail.example.org',
    clients,
    inside,
    services,
    publicAddresses: ['203.0.113.10'],
    acme: true,
    mtaSts: true,
    smarthost: null,
    ...more,
  }
  return planOf(settings, facts)
}

const CASES: Readonly<Record<string, { plan: ExposurePlan; language: Language }>> = {
  'public-anywhere.en': { plan: planOfAll('anywhere', PUBLIC), language: 'en' },
  'public-anywhere.ru': { plan: planOfAll('anywhere', PUBLIC), language: 'ru' },
  'nat-office.en': { plan: planOfAll('office', NAT), language: 'en' },
  'nat-office.ru': { plan: planOfAll('office', NAT), language: 'ru' },
}

describe('the exposure map: golden files', () => {
  for (const [name, { plan, language }] of Object.entries(CASES))
    test(name, () => {
      const svg = exposureMap(plan, language)
      const file = new URL(`golden/map/${name}.svg`, import.meta.url)
      if (process.env['GAVAN_UPDATE_GOLDEN'] === '1') {
        mkdirSync(new URL('.', file), { recursive: true })
        writeFileSync(file, svg)
      }
      assert.equal(svg, readFileSync(file, 'utf8'))
    })
})

/** What a lane says to who cannot see it. */
function sentences(svg: string): ReadonlyMap<string, string> {
  return new Map(
    [...svg.matchAll(/<g data-port="([^"]+)"[^>]*aria-label="([^"]+)"/g)].map(([, port = '', says = '']) => [
      port,
      says,
    ]),
  )
}

test('each lane says in words what it draws, and shuts what the plan shuts', () => {
  const office = sentences(exposureMap(planOfAll('office', NAT), 'en'))
  assert.deepEqual([...office.keys()], ['25', 'outgoing', ...CATALOG.slice(1).map(({ port }) => String(port))])
  assert.equal(office.get('587'), '587, sending from mail programs. outside: shut on purpose; inside: open.')
  assert.equal(
    office.get('465'),
    '465, sending from mail programs, TLS from the start. outside: service off; inside: service off.',
  )
  const anywhere = sentences(exposureMap(planOfAll('anywhere', PUBLIC), 'en'))
  assert.equal(anywhere.get('587'), '587, sending from mail programs. outside: open; inside: open.')
  assert.equal(anywhere.get('25'), '25, mail from other servers. outside: open.')
})

test('what an administrator wrote cannot become markup', () => {
  const svg = exposureMap(
    planOfAll('office', NAT, { hostname: '<b>&"', smarthost: { host: '<script>', port: 587 } }),
    'en',
  )
  assert.doesNotMatch(svg, /<b>|<script>/)
  assert.match(svg, /&lt;b&gt;&amp;&quot;/)
})

test('no text of a lane is wider than its place, at 8 px a character of 14 px and 7.2 of 12', () => {
  let looked = 0
  for (const { plan, language } of Object.values(CASES))
    for (const [, lane = ''] of exposureMap(plan, language).matchAll(/<g data-port(.*?)<\/g>\n/g))
      for (const [, x = '', style = '', text = ''] of lane.matchAll(
        /<text x="([\d.]+)" y="[\d.]+" class="([tm])" text-anchor="start">([^<]*)</g,
      )) {
        const left = Number(x)
        const right = left < 266 ? 268 : left < 700 ? 678 : 1100
        const wide = text.replaceAll(/&\w+;/g, '.').length * (style === 't' ? 8 : 7.2)
        assert.ok(left + wide <= right, `${language}: ${text}`)
        looked += 1
      }
  assert.ok(looked > 100)
})
