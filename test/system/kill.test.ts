/** R1, R24: kill -9 under load of SMTP and IMAP loses nothing that was acknowledged, and no UID, flag or count goes back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { PEOPLE, startGavan } from '../interop/gavan.ts'
import { freeOffset } from '../interop/ports.ts'
import { until } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { startImapLoad } from './imap-load.ts'
import { assertMailboxes, openMailboxBooks } from './imap-survival.ts'
import { startLoad } from './load.ts'
import { assertKept, emptyBooks, enter, type UidWatch } from './survival.ts'

/** 15 in CI. */
const KILLS = Number(process.env['GAVAN_KILLS'] ?? 3)
const SMTP_CONNECTIONS = 50
const IMAP_CONNECTIONS = 8
const LARGE_OCTETS = 1_000_000

test(`kill -9 under load, ${KILLS} times`, async (t) => {
  using folder = temporaryFolder('kill')
  const offset = await freeOffset()
  const books = emptyBooks()
  const watch: UidWatch = new Map()
  const mailboxes = openMailboxBooks(IMAP_CONNECTIONS)
  const recipients = PEOPLE.map(({ address }) => address)
  let changed = 0
  for (let kill = 1; kill <= KILLS; kill++) {
    await using gavan = await startGavan({ folder: folder.path, offset })
    await assertKept(gavan, books, watch)
    await assertMailboxes(gavan, mailboxes)
    await using changes = startImapLoad(gavan, mailboxes)
    await using load = startLoad({
      port: gavan.ports.mx,
      connections: SMTP_CONNECTIONS,
      recipients,
      largeOctets: LARGE_OCTETS,
    })
    await until('letters and changes to be acknowledged', () =>
      load.acknowledged.length > 0 && changes.done >= 5 * IMAP_CONNECTIONS ? true : null,
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${[...load.refusals, ...changes.refusals].join('\n')}\n${gavan.log()}`)
    })
    const pauseMs = 100 + Math.floor(Math.random() * 500)
    await wait(pauseMs)
    process.kill(gavan.ready.pid, 'SIGKILL')
    await gavan.stop()
    await Promise.all([load.stop(), changes.stop()])
    enter(books, load)
    changed += changes.done
    assert.deepEqual(changes.refusals, [])
    t.diagnostic(
      `kill ${kill} after ${pauseMs} ms: ${load.acknowledged.length} acknowledged, ${load.unknown.length} unknown; ${changes.done} changes of mailboxes, ${
        mailboxes.filter(({ unknown }) => unknown !== null).length
      } unknown`,
    )
  }
  await using gavan = await startGavan({ folder: folder.path, offset })
  await assertKept(gavan, books, watch)
  await assertMailboxes(gavan, mailboxes)
  t.diagnostic(`${books.acknowledged.length} letters and ${changed} changes acknowledged, all there`)
  assert.ok(books.acknowledged.length > KILLS)
  assert.ok(changed > KILLS)
})
