import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CliError } from './output.ts'
import { parseCount, parseQuota, printOctets } from './units.ts'

test('sizes are read in powers of 1024', () => {
  for (const [text, octets] of [
    ['1', 1],
    ['2K', 2048],
    ['500M', 524_288_000],
    ['5G', 5_368_709_120],
    ['1GiB', 1_073_741_824],
    ['1tb', 1024 ** 4],
  ] as const)
    assert.equal(parseQuota(text), octets)
})

test('what is not a size is refused', () => {
  for (const text of ['', '0', '-1', '5X', '1.5G', 'G', '9999999999999G', '999999999999T'])
    assert.throws(() => parseQuota(text), CliError, text)
})

test('counts are whole and above zero', () => {
  assert.equal(parseCount('10000'), 10_000)
  for (const text of ['', '0', '-1', '1.5', '1e3', 'x', '9999999999999'])
    assert.throws(() => parseCount(text), CliError, text)
})

test('sizes are shown in the largest unit that fits', () => {
  assert.deepEqual([0, 1023, 1024, 5_368_709_120].map(printOctets), ['0 B', '1023 B', '1.0 KiB', '5.0 GiB'])
})
