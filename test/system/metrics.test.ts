/** What Prometheus reads of a whole server; R14 as a count of commits, which no busy machine can falsify. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { startGavan, type Gavan } from '../interop/gavan.ts'
import { freePort } from '../interop/ports.ts'
import { until } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { deliverBy, numbersOf, sumOf, talkTo } from './talk.ts'

const folder = temporaryFolder('metrics')
let gavan: Gavan
let port = 0
let ca = ''

before(async () => {
  port = await freePort()
  gavan = await startGavan({ folder: folder.path, args: ['--metrics', String(port), '--workers', '2'] })
  ca = readFileSync(gavan.caFile, 'utf8')
})
after(async () => {
  await gavan.stop()
  folder[Symbol.dispose]()
})

const deliver = async (id: string): Promise<void> => {
  using talk = talkTo({ port: gavan.ports.mx })
  assert.match(await deliverBy(talk, { to: gavan.users[0]!.address, id }), /^250 /)
  await talk.hear(/^221 /m)
}
const GROUPS = 'gavan_store_group_commands_count'

test('counts of all threads together: mail, refusals, logins, connections', async () => {
  for (let count = 0; count < 6; count++) await deliver(`letter-${count}`)
  using stranger = talkTo({ port: gavan.ports.mx })
  await stranger.hear(/^220 /m)
  await stranger.ask('EHLO x.test', /^250 .*\r\n/m)
  await stranger.ask('MAIL FROM:<a@far.test>', /^250.*\r\n/m)
  await stranger.ask('RCPT TO:<nobody@gavan.test>', /^550.*\r\n/m)
  using reader = talkTo({ port: gavan.ports.imaps, ca })
  const { address, password } = gavan.users[0]!
  await reader.ask(`a LOGIN "${address}" "wrong"`, /^a NO/m)
  await reader.ask(`b LOGIN "${address}" "${password}"`, /^b OK/m)

  const numbers = await numbersOf(port)
  assert.equal(numbers.get('gavan_smtp_messages_total{direction="in",result="accepted"}'), 6)
  assert.equal(numbers.get('gavan_smtp_rejects_total{reason="550 5.1.1"}'), 1)
  assert.equal(numbers.get('gavan_auth_attempts_total{protocol="imap",result="ok"}'), 1)
  assert.equal(numbers.get('gavan_auth_attempts_total{protocol="imap",result="bad-password"}'), 1)
  assert.equal(numbers.get('gavan_connections{protocol="imap"}'), 1)
  assert.equal(sumOf(numbers, 'gavan_connections', 'smtp'), 1)
  assert.equal(sumOf(numbers, 'gavan_smtp_connections_total', 'role="mx"'), 6)
  assert.equal(numbers.get('gavan_threads_silent'), 0)
  assert.equal(numbers.get('gavan_store_failed'), 0)
  assert.ok(numbers.get('gavan_store_sync_seconds_count{what="bodies"}')! >= 1) // Of several commits together.
  assert.ok(numbers.get('gavan_store_sync_seconds_count{what="log"}')! >= 6)
  assert.ok(numbers.get('gavan_store_bytes{part="bodies"}')! > 6 * 200)
  assert.ok(numbers.get('gavan_tls_certificate_expiry_timestamp_seconds')! > Date.now() / 1000)
})

test('no address and no name of a person is in it', async () => {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  assert.doesNotMatch(text.replaceAll('address="127.0.0.1"', ''), /@|127\.0\.0\.1|alice|gavan\.test/)
})

test('the loop of each thread is measured', async () => {
  const threads = ['main', 'relay', 'protocol-1', 'protocol-2']
  await until('a window of each event loop', async () => {
    const numbers = await numbersOf(port)
    const has = (thread: string, quantile: string): boolean =>
      numbers.has(`gavan_event_loop_delay_seconds{thread="${thread}",quantile="${quantile}"}`)
    return threads.every((thread) => ['0.5', '0.9', '1'].every((quantile) => has(thread, quantile))) ? true : null
  })
})

test('R14: between the dot and 250 of one letter there is one commit, whose sync keeps the body too', async () => {
  const earlier = await numbersOf(port)
  await deliver('alone')
  const later = await numbersOf(port)
  const [commits, logs, bodies] = [
    GROUPS,
    'gavan_store_sync_seconds_count{what="log"}',
    'gavan_store_sync_seconds_count{what="bodies"}',
  ].map((name) => later.get(name)! - earlier.get(name)!)
  assert.deepEqual([commits, logs], [1, 1])
  assert.ok(bodies! <= 1, 'the segment is synced later, once, when nothing else comes')
})

test('R14: letters of 50 clients at once share their commits', async (t) => {
  const earlier = await numbersOf(port)
  await Promise.all(Array.from({ length: 50 }, (_, index) => deliver(`crowd-${index}`)))
  const later = await numbersOf(port)
  const [commits, commands] = [GROUPS, 'gavan_store_group_commands_sum'].map(
    (name) => later.get(name)! - earlier.get(name)!,
  )
  t.diagnostic(`${commands} commands in ${commits} commits`)
  assert.equal(commands, 50)
  assert.ok(commits! < 50, 'some went together')
})

test('only /metrics, only GET', async () => {
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404)
  assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST' })).status, 405)
})
