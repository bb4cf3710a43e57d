/** RFC 10022 on a mailbox of some batches, with gaps between its uids. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Uid } from '../../src/model/ids.ts'
import { logIn, openImapStage } from './stage.ts'

test('UIDBATCHES: ranges of so many messages, newest first, that leave out no uid', async () => {
  const stage = await openImapStage()
  try {
    const letters = Array.from({ length: 1600 }, (_, i) => `Subject: ${i}\r\n\r\n`)
    await stage.fill('INBOX', letters)
    const inbox = (await stage.mailboxes.find('INBOX'))!
    const gone = [1, 2, 3, 700, 701, 1098, 1099, 1100, 1600].map((uid) => ({ from: uid as Uid, to: uid as Uid }))
    await stage.mailboxes.expunge(inbox.mailboxId, gone, { deletedOnly: false })
    const client = await logIn(stage)
    await client.ask('SELECT INBOX')
    const batches = async (args: string): Promise<string> => {
      const [line = '', last = ''] = await client.ask(`UIDBATCHES ${args}`)
      assert.match(last, /^OK /)
      return line.replace(/^\* UIDBATCHES \(TAG "\w+"\) ?/, '')
    }
    const all = await batches('500')
    const ranges = all.split(',').map((range) => range.split(':').map(Number) as [number, number])
    assert.equal(ranges.length, 4)
    assert.equal(ranges[0]![0], 1599)
    assert.equal(ranges.at(-1)![1], 1)
    for (const [i, [high, low]] of ranges.entries()) {
      assert.ok(high >= low)
      if (i > 0) assert.equal(high, ranges[i - 1]![1] - 1)
      const [line = ''] = await client.ask(`UID SEARCH RETURN (COUNT) UID ${low}:${high}`)
      assert.match(line, i < 3 ? / COUNT 500$/ : / COUNT 91$/)
    }
    assert.equal(await batches('500 1:2'), all.split(',').slice(0, 2).join(','))
    assert.equal(await batches('500 3:99'), all.split(',').slice(2).join(','))
    assert.equal(await batches('500 5:6'), '')
    assert.equal(await batches('1591'), '1599:1')
  } finally {
    await stage.stop()
  }
})
