/** S15: a flood of wrong logins leaves others served, and is told "later" beyond the queue. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { PASSWORD_HASH_QUEUE_MAX, PASSWORD_HASHES_PER_CORE_MAX } from '../../src/model/limits.ts'
import { startGavan } from '../interop/gavan.ts'
import { freePort } from '../interop/ports.ts'
import { temporaryFolder } from '../interop/world.ts'
import { percentile } from './process.ts'
import { deliverBy, numbersOf, talkTo, type Talk } from './talk.ts'

const FLOOD = 500
const WORKERS = 2

test(`${FLOOD} wrong logins at once: reading goes on, the queue of hashes is bounded`, async (t) => {
  using folder = temporaryFolder('logins')
  const port = await freePort()
  const args = ['--metrics', String(port), '--workers', String(WORKERS)]
  await using gavan = await startGavan({ folder: folder.path, args })
  const ca = readFileSync(gavan.caFile, 'utf8')
  const { address, password } = gavan.users[0]!
  using mx = talkTo({ port: gavan.ports.mx })
  assert.match(await deliverBy(mx, { to: address, id: 'to-be-read', octets: 5000 }), /^250 /)
  const readers = Array.from({ length: 4 }, () => talkTo({ port: gavan.ports.imaps, ca }))
  const guessers: Talk[] = []
  try {
    for (const reader of readers) {
      await reader.ask(`a LOGIN "${address}" "${password}"`, /^a OK/m)
      await reader.ask('b SELECT INBOX', /^b OK/m)
    }
    guessers.push(...Array.from({ length: FLOOD }, () => talkTo({ port: gavan.ports.imaps, ca })))
    await Promise.all(guessers.map((talk) => talk.hear(/^\* OK .*\r\n/m, 60_000)))

    const flooded = new AbortController()
    const answers = guessers.map((talk, index) =>
      talk.ask(`a LOGIN "user${index % 7}@gavan.test" "wrong ${index}"`, /^a \w+.*\r\n/m, 120_000),
    )
    const flood = Promise.all(answers).finally(() => flooded.abort())
    const ms: number[] = []
    let fetches = 0
    while (!flooded.signal.aborted) {
      const begun = performance.now()
      await Promise.all(readers.map((reader) => reader.ask('c FETCH 1 (UID FLAGS BODY.PEEK[])', /^c OK.*\r\n/m)))
      ms.push(performance.now() - begun)
      fetches += readers.length
    }
    const said = (await flood).map((text) => /^a (NO \[\w+\]).*\r\n$/m.exec(text)?.[1] ?? text)
    const count = (words: string): number => said.filter((one) => one === words).length
    const [wrong, later] = [count('NO [AUTHENTICATIONFAILED]'), count('NO [UNAVAILABLE]')]
    t.diagnostic(`${wrong} checked and wrong, ${later} told to come later; meanwhile ${fetches} fetches`)
    t.diagnostic(`a fetch took p50 ${Math.round(percentile(ms, 0.5))} ms, p99 ${Math.round(percentile(ms, 0.99))} ms`)
    assert.equal(wrong + later, FLOOD)
    // Each thread hashes a few and lets a hundred wait; what came while some were done may have found a place.
    assert.ok(wrong >= PASSWORD_HASH_QUEUE_MAX, 'those in the queue are answered')
    assert.ok(
      later > 0,
      `no more than ${WORKERS * (PASSWORD_HASH_QUEUE_MAX + PASSWORD_HASHES_PER_CORE_MAX)} wait at once`,
    )
    assert.ok(fetches >= readers.length * 5, 'others are served meanwhile')
    const numbers = await numbersOf(port)
    assert.equal(numbers.get('gavan_auth_attempts_total{protocol="imap",result="bad-password"}'), wrong)
    assert.equal(numbers.get('gavan_auth_attempts_total{protocol="imap",result="try-later"}'), later)
    await readers[0]!.ask('d NOOP', /^d OK/m)
  } finally {
    for (const talk of [...guessers, ...readers]) talk[Symbol.dispose]()
  }
})
