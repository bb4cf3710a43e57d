import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { assert as check, ipV4, ipV6, oneof, property, stringMatching } from 'fast-check'
import { LOOPBACK_NETWORKS, networksContain, parseIp, parseNetwork, PRIVATE_NETWORKS } from './network.ts'
import type { Network } from './network.ts'

const network = (text: string): Network => {
  const parsed = parseNetwork(text)
  assert.ok(parsed.ok, text)
  return parsed.value
}

test('what lies in a network', () => {
  for (const [cidr, address, inside] of [
    ['192.168.88.0/24', '192.168.88.1', true],
    ['192.168.88.0/24', '192.168.89.1', false],
    ['192.168.88.0/23', '192.168.89.1', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:a01:203', true],
    ['::ffff:10.0.0.0', '10.0.0.0', true],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '192.0.2.1', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['203.0.113.7', '203.0.113.7', true],
    ['203.0.113.7', '203.0.113.8', false],
    ['203.0.113.7/32', 'localhost', false],
  ] as const) {
    assert.equal(networksContain([network(cidr)], address), inside, `${address} in ${cidr}`)
  }
  assert.equal(networksContain(LOOPBACK_NETWORKS, '127.8.9.1'), true)
  assert.equal(networksContain(PRIVATE_NETWORKS, '172.32.0.1'), false)
  assert.equal(networksContain([], '10.0.0.1'), false)
})

test('what is no network says why', () => {
  for (const [text, why] of [
    ['', /not an address/],
    ['example.org/8', /not an address/],
    ['10.0.0/8', /not an address/],
    ['010.0.0.0/8', /not an address/],
    ['1:2:3:4:5:6:7/16', /not an address/],
    ['1::2::3', /not an address/],
    ['10.0.0.0/33', /from 0 to 32/],
    ['10.0.0.0/', /prefix length/],
    ['10.0.0.0/-1', /prefix length/],
    ['::/129', /from 0 to 128/],
    ['192.168.88.1/24', /the network is 192\.168\.88\.0\/24/],
    ['2001:db8::1/32', /the network is 2001:db8:0:0:0:0:0:0\/32/],
  ] as const) {
    const parsed = parseNetwork(text)
    assert.ok(!parsed.ok, text)
    assert.match(parsed.error, why)
  }
})

test('an address is one exactly when Node says so', () => {
  check(
    property(oneof(ipV4(), ipV6(), stringMatching(/^[0-9a-f:.]{0,20}$/)), (text) => {
      assert.equal(parseIp(text) !== null, isIP(text) !== 0, text)
    }),
    { numRuns: 2000 },
  )
})
