/** A device that fails: nothing more is acknowledged, `healthz` says so, and the server ends with an error for its manager to see. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { adminOverSocket } from '../../src/app/admin/http.ts'
import { PEOPLE, startGavan } from '../interop/gavan.ts'
import { freeOffset } from '../interop/ports.ts'
import { until } from '../interop/run.ts'
import { lettersOf, temporaryFolder } from '../interop/world.ts'
import { makeDisk, mayMount } from './disk.ts'
import { deliverBy, talkTo } from './talk.ts'

test(
  'the device fails under a running server',
  { skip: !(await mayMount()) && 'peer missing: loop mount', timeout: 90_000 },
  async () => {
    using folder = temporaryFolder('poison')
    await using disk = await makeDisk(folder.path)
    const offset = await freeOffset()
    const { address } = PEOPLE[0]!
    await disk.mount()
    {
      await using gavan = await startGavan({ folder: disk.path, offset })
      const ca = readFileSync(gavan.caFile, 'utf8')
      const admin = adminOverSocket(join(disk.path, 'data', 'ctl.sock'))
      assert.equal((await admin.handle('GET', '/v1/health', undefined)).body['healthy'], true)
      using first = talkTo({ port: gavan.ports.mx })
      assert.match(await deliverBy(first, { to: address, id: 'kept' }), /^250 /)
      // One is about to end a letter; another, in the middle of his, keeps the server from ending for a while, as in life.
      using quick = talkTo({ port: gavan.ports.mx })
      using slow = talkTo({ port: gavan.ports.mx })
      for (const talk of [quick, slow]) {
        await talk.hear(/^220 .*\r\n/m)
        talk.send(`HELO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<${address}>\r\nDATA\r\n`)
        await talk.hear(/^354.*\r\n/m)
      }
      using reader = talkTo({ port: gavan.ports.imaps, ca })
      await reader.hear(/^\* OK.*\r\n/m)

      const cut = await disk.armCut()
      await cut()
      quick.send('Subject: not kept\r\n\r\nx\r\n.\r\n')
      assert.match(await quick.hear(/^\d{3} .*\r\n/m), /^45[12] /, 'told to come again')
      await until('the server to say that it is not well', async () => {
        const { body } = await admin.handle('GET', '/v1/health', undefined)
        return body['healthy'] === false ? body : null
      })
      await reader.hear(/^\* BYE .*\r\n/m)
      slow.send('Subject: too late\r\n\r\nx\r\n.\r\n')
      assert.match(await slow.hear(/^\d{3} .*\r\n/m), /^45[12] /)
      const { code, signal } = await gavan.ended
      assert.deepEqual([code, signal], [1, null], 'it ends by itself, with an error')
      assert.match(gavan.log(), /"store\.poisoned"/)
      await assert.rejects(
        new Promise((resolve, reject) => {
          createConnection(gavan.ports.mx, '127.0.0.1').on('connect', resolve).on('error', reject)
        }),
        { code: 'ECONNREFUSED' },
      )
    }
    await disk.unmount()
    await disk.mount()
    await using again = await startGavan({ folder: disk.path, offset })
    const letters = await lettersOf(again, PEOPLE[0]!)
    assert.equal(letters.filter(({ source }) => source.includes('Subject: kept')).length, 1)
    using last = talkTo({ port: again.ports.mx })
    assert.match(await deliverBy(last, { to: address, id: 'afterwards' }), /^250 /)
  },
)
