/** R1: kill -9 under SMTP load loses nothing that was acknowledged. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { PEOPLE, startGavan } from '../interop/gavan.ts'
import { freeOffset } from '../interop/ports.ts'
import { until } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { startLoad } from './load.ts'
import { assertKept, emptyBooks, enter, type UidWatch } from './survival.ts'

const KILLS = Number(process.env['GAVAN_KILLS'] ?? 5)

test(`kill -9 under load, ${KILLS} times`, async (t) => {
  using folder = temporaryFolder('kill')
  const offset = await freeOffset()
  const books = emptyBooks()
  const watch: UidWatch = new Map()
  for (let kill = 1; kill <= KILLS; kill++) {
    await using gavan = await startGavan({ folder: folder.path, offset })
    await assertKept(gavan, books, watch)
    await using load = startLoad({
      port: gavan.ports.mx,
      connections: 12,
      recipients: PEOPLE.map(({ address }) => address),
      largeOctets: 400_000,
    })
    await until('a letter to be acknowledged', () => (load.acknowledged.length > 0 ? true : null)).catch(
      (error: Error) => {
        throw new Error(`${error.message}\n${load.refusals.join('\n')}\n${gavan.log()}`)
      },
    )
    const pauseMs = 100 + Math.floor(Math.random() * 500)
    await wait(pauseMs)
    process.kill(gavan.ready.pid, 'SIGKILL')
    await gavan.stop()
    await load.stop()
    enter(books, load)
    t.diagnostic(
      `kill ${kill} after ${pauseMs} ms: ${load.acknowledged.length} acknowledged, ${load.unknown.length} unknown`,
    )
  }
  await using gavan = await startGavan({ folder: folder.path, offset })
  await assertKept(gavan, books, watch)
  assert.ok(books.acknowledged.length > KILLS)
})
