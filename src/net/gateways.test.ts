import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printNetwork } from '../model/network.ts'
import { defaultGateways, defaultGateways4, defaultGateways6 } from './gateways.ts'

const ROUTE = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0158A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0058A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
eth1\t0000000A\t0100000A\t0003\t0\t0\t100\t000000FF\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0
`
const ZEROS = '0'.repeat(32)
const ROUTE6 = `${ZEROS} 00 ${ZEROS} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
20010db8000000000000000000000000 40 ${ZEROS} 00 ${ZEROS} 00000100 00000001 00000000 00000001     eth0
${ZEROS} 00 ${ZEROS} 00 ${ZEROS} ffffffff 00000001 00000000 00200200       lo
`

test('default gateways, and nothing else of the routes', () => {
  assert.deepEqual(defaultGateways4(ROUTE).map(printNetwork), ['192.168.88.1'])
  assert.deepEqual(defaultGateways6(ROUTE6).map(printNetwork), ['fe80:0:0:0:0:0:0:1'])
  for (const text of ['', 'x', 'a b c d', '\n\n'])
    assert.deepEqual([...defaultGateways4(text), ...defaultGateways6(text)], [])
  assert.deepEqual(defaultGateways('/nonexistent'), [])
})
