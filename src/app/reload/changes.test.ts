import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../std/secret.ts'
import { ALL_KEYS } from '../config/keys.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/config.ts'
import { changesBetween, isSame, NEEDS_RESTART } from './changes.ts'

/** What the server goes by after a reload (test/system/reload.test.ts). A new key belongs here, or into NEEDS_RESTART. */
const LIVE = [
  'hostname domains postmaster clients inside listen',
  'nat.public nat.never_ban nat.proxies',
  'ports.offset ports.mx ports.submission ports.submissions ports.imap ports.imaps ports.pop3 ports.pop3s ports.http ports.https ports.sieve',
  'tls.cert tls.key tls.acme tls.acme_contact tls.names tls.acme_dns tls.acme_key tls.acme_profile tls.acme_eab_kid tls.acme_eab_key_file tls.acme_ca_file',
  'tls.client_certificates tls.client_ca_file',
  'oauth.issuer oauth.audience oauth.claim oauth.scope oauth.ca_file oauth.client_id oauth.client_secret_file',
  'limits.pop3_login_delay mta_sts.mode',
  'relay.smarthost.host relay.smarthost.port relay.smarthost.security relay.smarthost.user relay.smarthost.password_file',
  'relay.smarthost.password relay.smarthost.verify relay.smarthost.ca_file relay.routes',
  'resolver.servers resolver.trust_ad limits.message_size log.level metrics.listen',
  'screening.enabled screening.dmarc screening.dnsbl screening.greeting_delay screening.clamav screening.rspamd',
  'screening.when_down limits.messages_per_day limits.recipients_per_day',
].flatMap((line) => line.split(' '))

test('of each key it is known whether a reload changes it', () => {
  const known = new Set([...LIVE, ...NEEDS_RESTART])
  assert.deepEqual(
    ALL_KEYS.map(({ name }) => name).filter((name) => !known.has(name)),
    [],
  )
})

async function config(flags: Record<string, string>): Promise<Config> {
  const loaded = await loadConfig({ path: null, env: {}, flags: { hostname: 'mail.a.test', ...flags }, cores: 2 })
  assert.ok(loaded.ok)
  return loaded.value
}

test('what differs, by key, and what of it a running server cannot change', async () => {
  const old = await config({ data_dir: '/one' })
  const next = await config({ data_dir: '/two', workers: '3', 'log.level': 'debug' })
  const { changed, needRestart } = changesBetween(old, next)
  assert.deepEqual(
    changed.map(({ key }) => key),
    ['data_dir', 'workers', 'log.level', 'admin.socket'],
  )
  assert.deepEqual(needRestart[0], { key: 'data_dir', from: '"/one"', to: '"/two"' })
  assert.deepEqual(
    needRestart.map(({ key }) => key),
    ['data_dir', 'workers', 'admin.socket'],
  )
  assert.deepEqual(changesBetween(old, old), { changed: [], needRestart: [] })
})

test('the same is what holds the same: secrets, maps and octets too', () => {
  const made = (secret: string, octet: number): unknown => ({
    password: new Secret(secret),
    routes: new Map([['a.test', { key: Uint8Array.of(octet) }]]),
  })
  assert.ok(isSame(made('x', 1), made('x', 1)))
  assert.ok(!isSame(made('x', 1), made('y', 1)))
  assert.ok(!isSame(made('x', 1), made('x', 2)))
  assert.ok(!isSame(new Map([['a', 1]]), new Map()))
})
