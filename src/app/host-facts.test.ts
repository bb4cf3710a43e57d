import assert from 'node:assert/strict'
import type { NetworkInterfaceInfo } from 'node:os'
import { test } from 'node:test'
import { addressesMissing, hostFacts, type Machine } from './host-facts.ts'

const info = (cidr: string, more: Partial<NetworkInterfaceInfo> = {}): NetworkInterfaceInfo => {
  const [address = ''] = cidr.split('/')
  const family = address.includes(':') ? 'IPv6' : 'IPv4'
  return { address, netmask: '', mac: '', internal: false, cidr, family, scopeid: 0, ...more }
}

const machine = (more: Partial<Machine> = {}): Machine => ({
  interfaces: {
    lo: [info('127.0.0.1/8', { internal: true })],
    eth0: [info('192.168.88.25/24'), info('2001:db8:1::25/64'), info('fe80::1/64')],
    wan: [info('100.70.1.2/10'), info('203.0.113.10/32')],
    docker0: [info('172.17.0.1/16')],
  },
  gateways: [{ text: '192.168.88.1/32' }, { text: 'fe80::ff/128' }],
  readFile: () => '',
  exists: () => false,
  ...more,
})

test('addresses with their networks, and what the internet makes of them', () => {
  const { addresses, gateways } = hostFacts(machine())
  assert.deepEqual(
    addresses.map(({ address, network, scope, family }) => `${address} ${network} ${scope} ${family}`),
    [
      '192.168.88.25 192.168.88.0/24 private 4',
      '2001:db8:1::25 2001:db8:1:0:0:0:0:0/64 global 6',
      'fe80::1 fe80:0:0:0:0:0:0:0/64 link 6',
      '100.70.1.2 100.64.0.0/10 shared 4',
      '203.0.113.10 203.0.113.10 global 4',
    ],
  )
  assert.deepEqual(gateways, ['192.168.88.1', 'fe80::ff'])
})

test('in a container: by a bridge, or in the host’s network', () => {
  const docker = (path: string): string => (path === '/proc/1/cgroup' ? '0::/docker/abc' : '')
  assert.equal(hostFacts(machine({ readFile: docker })).container, 'host')
  const paired = (path: string): string =>
    path.endsWith('ifindex') ? '6\n' : path.endsWith('iflink') ? '7\n' : docker(path)
  assert.equal(hostFacts(machine({ readFile: paired })).container, 'bridge')
  assert.equal(hostFacts(machine()).container, 'none')
})

test('addresses to listen on that no interface has: one line for each address', () => {
  const { interfaces } = machine()
  const on = (service: 'mx' | 'imaps' | 'pop3', addresses: string[], enabled = true) => ({
    service,
    enabled,
    addresses,
  })
  const told = (...services: ReturnType<typeof on>[]): unknown[] =>
    addressesMissing(services, interfaces).map(({ service, facts }) => [service, facts['address'], facts['service']])
  assert.deepEqual(
    told(
      on('mx', ['0.0.0.0', '::', '127.0.0.1', '127.0.0.9', '::1']),
      on('imaps', ['203.0.113.10', '2001:0DB8:1:0::25', '172.17.0.1']),
    ),
    [],
  )
  assert.deepEqual(told(on('mx', ['10.9.9.9', '192.168.88.25']), on('imaps', ['10.9.9.9']), on('pop3', ['10.9.9.8'])), [
    [null, '10.9.9.9', 'mx, imaps'],
    ['pop3', '10.9.9.8', 'pop3'],
  ])
  assert.deepEqual(told(on('mx', ['10.9.9.9'], false)), [])
})
