import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesDiff } from './diff.ts'
import { isOutside, networkOf, printCidr, tidyNetworks } from './networks.ts'

test('addresses as RFC 5952 §4 prints them', () => {
  for (const [text, printed] of [
    ['2001:db8:0:0:0:0:0:0/32', '2001:db8::/32'],
    ['2001:DB8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // §4.2.2
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'], // §4.2.3: the longest
    ['0:0:0:0:0:0:0:0/0', '::/0'],
    ['::1', '::1'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.8.0.5/32', '10.8.0.5'],
  ] as const)
    assert.equal(printCidr(networkOf(text)), printed)
})

test('networks inside others, and twins, go', () => {
  assert.deepEqual(
    tidyNetworks(['10.8.0.0/24', '10.0.0.0/8', '10.0.0.0/8', '192.168.1.1', 'fd00::/8', 'fd00:8::/64']),
    ['10.0.0.0/8', '192.168.1.1', 'fd00::/8'],
  )
})

test('what lies on the side of the internet', () => {
  for (const [text, outside] of [
    ['192.168.88.0/24', false],
    ['100.64.1.0/24', false],
    ['fd00:8::/64', false],
    ['198.51.100.0/24', true],
    ['0.0.0.0/0', true],
    ['2001:db8::/64', true],
  ] as const)
    assert.equal(isOutside(text), outside, text)
})

test('differences, line by line', () => {
  assert.deepEqual(linesDiff(['a', 'b', 'c'], ['a', 'x', 'c', 'd']), ['- b', '+ x', '+ d'])
  assert.deepEqual(linesDiff([], ['a']), ['+ a'])
  assert.deepEqual(linesDiff(['a', 'b'], ['a', 'b']), [])
})
