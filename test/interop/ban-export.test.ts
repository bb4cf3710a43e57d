/** What `gavan ban export` prints, in the real nft (a network namespace of its own) and by RouterOS' own syntax. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { exportBans } from '../../src/app/ban-export.ts'
import type { Ban } from '../../src/core/contract.ts'
import { temporaryFolder } from './world.ts'

const NFT = '/usr/sbin/nft'
const hasNft = existsSync(NFT) && process.getuid?.() === 0
const missing = !hasNft && process.env['GAVAN_REQUIRE_PEERS'] !== '1' ? 'nft, as root, is not to be had' : false

const NOW = Date.UTC(2026, 10, 24)
const ban = (network: string, seconds: number, group: Ban['group'] = 'mail'): Ban => ({
  network,
  group,
  since: NOW,
  until: NOW + seconds * 1000,
  reason: 'x" ; flush ruleset',
  by: 'failed-logins',
  times: 1,
  evidence: [],
})
const BANS = [
  ban('192.0.2.1', 900),
  ban('192.0.2.1', 3600, 'mx'),
  ban('198.51.100.7', 900),
  ban('198.51.100.0/24', 900),
  ban('2001:db8:0:2:0:0:0:0/64', 900),
  ban('2001:db8:0:0:0:0:0:0/48', 900),
  ban('203.0.113.1', 0),
]

test('nft: loaded twice it is the same, shorter lists shorten, and other tables stay', { skip: missing }, () => {
  using folder = temporaryFolder('ban-export')
  const file = (name: string, text: string): string => {
    const path = join(folder.path, name)
    writeFileSync(path, text)
    return path
  }
  const own = file('own', 'add table inet other\n')
  const bans = file('bans', exportBans(BANS, 'nft', NOW))
  const fewer = file('fewer', exportBans(BANS.slice(0, 1), 'nft', NOW))
  const none = file('none', exportBans([], 'nft', NOW))
  const show = `${NFT} -s list ruleset`
  const script = `set -e; ${NFT} -f ${own}; for f in ${bans} ${bans} ${fewer} ${none}; do ${NFT} -f $f; ${show}; echo ====; done`
  const said = execFileSync('unshare', ['-n', 'sh', '-c', script], { encoding: 'utf8' }).split('====')
  const [first = '', second = '', third = '', fourth = ''] = said.map((text) => text.trim())
  assert.equal(second, first)
  assert.match(first, /table inet other/)
  assert.match(first, /198\.51\.100\.0\/24 timeout 15m/)
  assert.match(first, /192\.0\.2\.1 timeout 1h/)
  assert.match(first, /2001:db8::\/48 timeout 15m/)
  assert.doesNotMatch(first, /203\.0\.113|198\.51\.100\.7|2001:db8:0:2/)
  assert.doesNotMatch(third, /198\.51\.100/)
  assert.doesNotMatch(fourth, /elements/)
})

test('RouterOS: takes its own entries away, adds those that hold; every line has its form', () => {
  const lines = exportBans(BANS, 'routeros', NOW).trimEnd().split('\n')
  const removes = lines.filter((line) => line.includes(' remove '))
  assert.deepEqual(removes, [
    '/ip firewall address-list remove [find where list=gavan-banned comment=gavan]',
    '/ipv6 firewall address-list remove [find where list=gavan-banned comment=gavan]',
  ])
  const form =
    /^\/(?:ip firewall address-list add list=gavan-banned address=[\d.]+(?:\/\d+)?|ipv6 firewall address-list add list=gavan-banned address=[\da-f:]+\/\d+) timeout=\d+s comment=gavan$/
  const adds = lines.filter((line) => !removes.includes(line))
  assert.equal(adds.length, 5)
  for (const line of adds) assert.match(line, form)
})

test('a list: each network once, those that have ended not', () => {
  assert.equal(
    exportBans(BANS, 'list', NOW),
    '192.0.2.1\n198.51.100.0/24\n198.51.100.7\n2001:db8:0:0:0:0:0:0/48\n2001:db8:0:2:0:0:0:0/64\n',
  )
  assert.equal(exportBans([], 'list', NOW), '')
})
