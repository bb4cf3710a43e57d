/** SIGTERM with mail in flight: what has begun is finished or told to come again, and nothing acknowledged is lost. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { PEOPLE, startGavan } from '../interop/gavan.ts'
import { freeOffset } from '../interop/ports.ts'
import { until } from '../interop/run.ts'
import { lettersOf, temporaryFolder } from '../interop/world.ts'
import { startLoad } from './load.ts'
import { assertKept, emptyBooks, enter, type UidWatch } from './survival.ts'
import { letterText, talkTo } from './talk.ts'

const RESTARTS = 3

test('each conversation ends in its own words, and a letter in course is finished', async () => {
  using folder = temporaryFolder('drain')
  const offset = await freeOffset()
  const { address, password } = PEOPLE[0]!
  {
    await using gavan = await startGavan({ folder: folder.path, offset })
    const ca = readFileSync(gavan.caFile, 'utf8')
    using idle = talkTo({ port: gavan.ports.mx })
    using inData = talkTo({ port: gavan.ports.mx })
    using inTransaction = talkTo({ port: gavan.ports.mx })
    using reader = talkTo({ port: gavan.ports.imaps, ca })
    using popper = talkTo({ port: gavan.ports.pop3s, ca })
    for (const talk of [idle, inData, inTransaction]) {
      await talk.hear(/^220 .*\r\n/m)
      await talk.ask('EHLO x.test', /^250 .*\r\n/m)
    }
    for (const talk of [inData, inTransaction]) {
      await talk.ask('MAIL FROM:<a@far.test>', /^250.*\r\n/m)
      await talk.ask(`RCPT TO:<${address}>`, /^250.*\r\n/m)
    }
    await inData.ask('DATA', /^354.*\r\n/m)
    inData.send('Subject: in course\r\n')
    await reader.ask(`a LOGIN "${address}" "${password}"`, /^a OK.*\r\n/m)
    await reader.ask('b SELECT INBOX', /^b OK.*\r\n/m)
    await reader.ask('c IDLE', /^\+.*\r\n/m)
    await popper.hear(/^\+OK.*\r\n/m)
    await popper.ask(`USER ${address}`, /^\+OK.*\r\n/m)
    await popper.ask(`PASS ${password}`, /^\+OK.*\r\n/m)

    process.kill(gavan.ready.pid, 'SIGTERM')
    await idle.hear(/^421 4\.3\.2 .*\r\n/m)
    await reader.hear(/^\* BYE .*\r\n/m)
    await popper.hear(/^-ERR \[SYS\/TEMP\] .*\r\n/m)
    inData.send(`${letterText('rest-of-it')}.\r\n`)
    await inData.hear(/^250 2\.0\.0 .*\r\n/m)
    await inData.hear(/^421 4\.3\.2 .*\r\n/m)
    // The transaction that had not come to its content goes on too, up to its reply.
    await inTransaction.ask('DATA', /^354.*\r\n/m)
    inTransaction.send(`${letterText('late-but-welcome')}.\r\n`)
    await inTransaction.hear(/^250 2\.0\.0 .*\r\n/m)
    await inTransaction.hear(/^421 4\.3\.2 .*\r\n/m)
    // A second SIGTERM would not wait.
    assert.deepEqual(await gavan.ended, { code: 0, signal: null })
  }
  await using again = await startGavan({ folder: folder.path, offset })
  const letters = await lettersOf(again, PEOPLE[0]!)
  assert.deepEqual(letters.map(({ source }) => /^Subject: (.*)\r$/m.exec(source)?.[1] ?? '').toSorted(), [
    'in course',
    'late-but-welcome',
  ])
})

test('whoever does not come to an end is cut off in time, and what is cut off was not acknowledged', async () => {
  using folder = temporaryFolder('drain')
  await using gavan = await startGavan({ folder: folder.path })
  using silent = talkTo({ port: gavan.ports.mx })
  await silent.hear(/^220 .*\r\n/m)
  silent.send(`HELO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<${PEOPLE[0]!.address}>\r\nDATA\r\nSubject: never\r\n`)
  await silent.hear(/^354.*\r\n/m)
  assert.equal((await gavan.stop()).signal, null, 'it ends by itself')
  await until('the connection to end', () => (silent.ended ? true : null))
  assert.doesNotMatch(silent.heard(), /^250/m)
})

test(`${RESTARTS} restarts under load lose and double nothing`, async (t) => {
  using folder = temporaryFolder('restart')
  const offset = await freeOffset()
  const books = emptyBooks()
  const watch: UidWatch = new Map()
  for (let restart = 1; restart <= RESTARTS; restart++) {
    await using gavan = await startGavan({ folder: folder.path, offset })
    await assertKept(gavan, books, watch)
    const recipients = PEOPLE.map(({ address }) => address)
    await using load = startLoad({ port: gavan.ports.mx, connections: 12, recipients, largeOctets: 400_000 })
    await until('a letter to be acknowledged', () => (load.acknowledged.length > 0 ? true : null))
    await wait(200)
    const { code } = await gavan.stop()
    await load.stop()
    enter(books, load)
    t.diagnostic(`restart ${restart}: ${load.acknowledged.length} acknowledged, ${load.unknown.length} unknown`)
    assert.equal(code, 0)
    assert.deepEqual(load.unknown, [], 'every dot was answered')
  }
  await using gavan = await startGavan({ folder: folder.path, offset })
  await assertKept(gavan, books, watch)
})
