/** Want of descriptors (R8), and a database that somebody else holds (R10). */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { STORE_BUSY_TIMEOUT_MS } from '../../src/model/limits.ts'
import { PEOPLE, startGavan } from '../interop/gavan.ts'
import { haveAll } from '../interop/peers.ts'
import { freePort } from '../interop/ports.ts'
import { until } from '../interop/run.ts'
import { lettersOf, temporaryFolder } from '../interop/world.ts'
import { cpuMs, descriptors } from './process.ts'
import { deliverBy, numbersOf, sumOf, talkTo, type Talk } from './talk.ts'

const DESCRIPTORS = 256
const CLIENTS = 400
/** The bar is a fifth of a core while there is nothing to do but to refuse. */
const SPIN_MAX = 0.2

test(
  `${CLIENTS} clients and ${DESCRIPTORS} descriptors: refused in words, nothing spins, and over when they go (R8)`,
  { skip: !haveAll(['prlimit']) && 'peer missing: prlimit' },
  async (t) => {
    using folder = temporaryFolder('descriptors')
    const port = await freePort()
    await using gavan = await startGavan({
      folder: folder.path,
      within: ['prlimit', `--nofile=${DESCRIPTORS}`],
      args: ['--metrics', String(port), '--workers', '2'],
    })
    const { pid } = gavan.ready
    const talks = Array.from({ length: CLIENTS }, () => talkTo({ port: gavan.ports.mx }))
    try {
      await wait(1500)
      const before = cpuMs(pid)
      await wait(2000)
      const spun = (cpuMs(pid) - before) / 2000
      const heard = (pattern: RegExp): Talk[] => talks.filter((talk) => pattern.test(talk.heard()))
      const [welcome, refused] = [heard(/^220 /), heard(/^421 4\.7\.0 /)]
      t.diagnostic(
        `${welcome.length} welcome, ${refused.length} refused, ${descriptors(pid)} descriptors held, ${Math.round(spun * 100)} % of a core`,
      )
      assert.ok(welcome.length >= DESCRIPTORS / 4, 'there is room for many')
      assert.ok(welcome.length < DESCRIPTORS, 'and not for all')
      assert.ok(refused.length > 0)
      assert.ok(descriptors(pid) < DESCRIPTORS, 'some are kept back')
      assert.ok(spun < SPIN_MAX)
      // Who is inside is served to the end, whatever the store needs to open for it.
      const reply = await deliverBy(welcome[0]!, { to: PEOPLE[0]!.address, id: 'inside', octets: 300_000 })
      assert.match(reply, /^250 /)
      const numbers = await numbersOf(port)
      assert.ok(sumOf(numbers, 'gavan_connections_refused_total', 'reason="too-many"') > 0)
      assert.equal(sumOf(numbers, 'gavan_stressed', 'protocol') > 0, true, 'near the limit is stress')
    } finally {
      for (const talk of talks) talk[Symbol.dispose]()
    }
    await until('the next to be welcome', async () => {
      using talk = talkTo({ port: gavan.ports.mx })
      return await talk.hear(/^220 .*\r\n/m, 1000).then(
        () => true,
        () => null,
      )
    })
    using talk = talkTo({ port: gavan.ports.mx })
    assert.match(await deliverBy(talk, { to: PEOPLE[0]!.address, id: 'afterwards' }), /^250 /)
    assert.equal((await lettersOf(gavan, PEOPLE[0]!)).length, 2)
    await until('stress to end', async () => (sumOf(await numbersOf(port), 'gavan_stressed') === 0 ? true : null))
    assert.match(gavan.log(), /"load\.stress\.begun".*"reason":"connections"/)
    assert.match(gavan.log(), /"load\.stress\.ended"/)
  },
)

test('somebody else holds the database: told to come later after a bounded wait, reading goes on (R10)', async (t) => {
  using folder = temporaryFolder('locked')
  await using gavan = await startGavan({ folder: folder.path })
  const ca = readFileSync(gavan.caFile, 'utf8')
  const { address, password } = PEOPLE[0]!
  using first = talkTo({ port: gavan.ports.mx })
  assert.match(await deliverBy(first, { to: address, id: 'before' }), /^250 /)
  using reader = talkTo({ port: gavan.ports.imaps, ca })
  await reader.ask(`a LOGIN "${address}" "${password}"`, /^a OK.*\r\n/m)
  await reader.ask('b SELECT INBOX', /^b OK.*\r\n/m)

  const other = new DatabaseSync(join(folder.path, 'data', 'store.db'))
  other.exec('BEGIN IMMEDIATE')
  const begun = performance.now()
  const senders = Array.from({ length: 5 }, () => talkTo({ port: gavan.ports.mx }))
  const storing = reader.ask('c STORE 1 +FLAGS (\\Flagged)', /^c .*\r\n/m, 2 * STORE_BUSY_TIMEOUT_MS + 10_000)
  const sending = senders.map(async (talk, index) => {
    await talk.hear(/^220 .*\r\n/m)
    talk.send(`HELO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<${address}>\r\nDATA\r\n`)
    await talk.hear(/^354.*\r\n/m)
    return talk.ask(`Subject: locked ${index}\r\n\r\nx\r\n.`, /^\d{3} .*\r\n/m, 2 * STORE_BUSY_TIMEOUT_MS + 10_000)
  })
  let reads = 0
  const done = new AbortController()
  const answered = Promise.all([storing, ...sending]).finally(() => done.abort())
  using second = talkTo({ port: gavan.ports.imaps, ca })
  await second.ask(`a LOGIN "${address}" "${password}"`, /^a OK.*\r\n/m)
  await second.ask('b EXAMINE INBOX', /^b OK.*\r\n/m)
  while (!done.signal.aborted) {
    await second.ask('c FETCH 1 BODY.PEEK[]', /^c OK.*\r\n/m, 2000)
    reads++
    await wait(50)
  }
  const [stored, ...replies] = await answered
  const seconds = (performance.now() - begun) / 1000
  t.diagnostic(`answered after ${seconds.toFixed(1)} s; ${reads} letters read meanwhile`)
  assert.match(stored, /^c NO \[UNAVAILABLE\]/m)
  for (const reply of replies) assert.match(reply, /^451 4\.3\.0 /)
  assert.ok(reads > 10)

  other.exec('ROLLBACK')
  other.close()
  for (const talk of senders) talk[Symbol.dispose]()
  await reader.ask('d STORE 1 +FLAGS (\\Flagged)', /^d OK.*\r\n/m)
  using last = talkTo({ port: gavan.ports.mx })
  assert.match(await deliverBy(last, { to: address, id: 'after' }), /^250 /)
  assert.equal((await lettersOf(gavan, PEOPLE[0]!)).length, 2, 'what was told to come later is not there')
})
