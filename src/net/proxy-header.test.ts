import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROXY_V1_LINE_MAX_OCTETS, PROXY_V2_MAX_OCTETS } from '../model/limits.ts'
import { readProxyHeader } from './proxy-header.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const v2 = (rest: string, tail = ''): Buffer => Buffer.concat([Buffer.from(SIGNATURE + rest, 'hex'), Buffer.from(tail)])
const IPV4 = `21110 00c c6336407 cb00710a 9c40 0019`.replaceAll(' ', '')
const IPV6 = `2121 0024 20010db8000000000000000000000007 20010db8000000000000000000000010 9c40 03e1`.replaceAll(' ', '')

/** Text or octets, and what they come to: `remote port > local port`, `itself`, `need-more`, or why they are bad. */
const TABLE: readonly [string | Buffer, string][] = [
  ['PROXY TCP4 198.51.100.7 203.0.113.10 40000 25\r\nEHLO x\r\n', '198.51.100.7 40000 > 203.0.113.10 25'],
  ['PROXY TCP6 2001:db8::7 2001:db8::10 40000 993\r\n', '2001:db8:0:0:0:0:0:7 40000 > 2001:db8:0:0:0:0:0:10 993'],
  ['PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n', '192.0.2.1 1 > 0:0:0:0:0:0:0:1 2'],
  ['PROXY UNKNOWN\r\n', 'itself'],
  ['PROXY UNKNOWN ff ff 1 2\r\n', 'itself'],
  ['', 'need-more'],
  ['PRO', 'need-more'],
  ['PROXY TCP4 198.51.100.7', 'need-more'],
  ['EHLO x\r\n', 'no PROXY header'],
  ['proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n', 'no PROXY header'],
  ['PROXY TCP4 198.51.100.7 203.0.113.10 40000\r\n', 'malformed line'],
  ['PROXY TCP4 198.51.100.7 203.0.113.10 40000 25 x\r\n', 'malformed line'],
  ['PROXY TCP4  198.51.100.7 203.0.113.10 40000 25\r\n', 'malformed line'],
  ['PROXY TCP4 198.51.100.700 203.0.113.10 40000 25\r\n', 'malformed line'],
  ['PROXY TCP4 ::1 ::1 40000 25\r\n', 'malformed line'],
  ['PROXY TCP6 198.51.100.7 203.0.113.10 40000 25\r\n', 'malformed line'],
  ['PROXY TCP4 198.51.100.7 203.0.113.10 65536 25\r\n', 'malformed line'],
  ['PROXY TCP4 198.51.100.7 203.0.113.10 040 25\r\n', 'malformed line'],
  ['PROXY UDP4 198.51.100.7 203.0.113.10 40000 25\r\n', 'malformed line'],
  [`PROXY ${'x'.repeat(PROXY_V1_LINE_MAX_OCTETS - 7)}`, 'need-more'],
  [`PROXY ${'x'.repeat(PROXY_V1_LINE_MAX_OCTETS - 6)}`, 'line too long'],
  [v2(IPV4, 'EHLO'), '198.51.100.7 40000 > 203.0.113.10 25'],
  [v2(IPV6), '2001:db8:0:0:0:0:0:7 40000 > 2001:db8:0:0:0:0:0:10 993'],
  [v2('20000000'), 'itself'],
  [v2('21000000'), 'itself'],
  [v2('2111'), 'need-more'],
  [v2(IPV4.slice(0, -2)), 'need-more'],
  [v2('31110000'), 'unknown version'],
  [v2('22110000'), 'unknown command'],
  [v2('21110004c6336407'), 'addresses cut short'],
  [v2('21120000'), 'neither TCP over IPv4 nor over IPv6'],
  [v2('21310000'), 'neither TCP over IPv4 nor over IPv6'],
  [v2(`2000${(PROXY_V2_MAX_OCTETS - 15).toString(16).padStart(4, '0')}`), 'header too long'],
]

test('both versions, octet by octet what may yet come', () => {
  for (const [input, wanted] of TABLE) {
    const bytes = Buffer.from(input as string)
    const read = readProxyHeader(bytes)
    const told =
      read.kind === 'header'
        ? read.between === null
          ? 'itself'
          : `${read.between.remote.address} ${read.between.remote.port} > ${read.between.local.address} ${read.between.local.port}`
        : read.kind === 'bad'
          ? read.why
          : read.kind
    assert.equal(told, wanted, bytes.toString('latin1'))
    if (read.kind !== 'header') continue
    for (let cut = 0; cut < read.octets; cut++) assert.equal(readProxyHeader(bytes.subarray(0, cut)).kind, 'need-more')
    assert.deepEqual(readProxyHeader(bytes.subarray(0, read.octets)), read)
  }
})
