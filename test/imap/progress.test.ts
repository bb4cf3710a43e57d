/** RFC 9585: a search that takes long says how far it is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IMAP_PROGRESS_EVERY_MS } from '../../src/model/limits.ts'
import { logIn, openImapStage } from './stage.ts'

test('INPROGRESS now and then, with the tag, and not of a command that is quick', async () => {
  const stage = await openImapStage()
  try {
    await stage.fill(
      'INBOX',
      Array.from({ length: 5 }, (_, i) => `Subject: ${i}\r\n\r\nbody\r\n`),
    )
    let slow = false
    const client = await logIn(stage, {
      wrap: (handle) => ({
        ...handle,
        read: (...args) => {
          if (slow) stage.clock.advance(IMAP_PROGRESS_EVERY_MS / 2)
          return handle.read(...args)
        },
      }),
    })
    await client.ask('SELECT INBOX')
    const ask = 'SEARCH HEADER X-Nothing x'
    assert.deepEqual(await client.ask(ask), ['* SEARCH', 'OK Search completed'])
    slow = true
    client.peer.send(`t]g ${ask}\r\n`)
    const unnamed = await client.until('t]g OK')
    assert.match(unnamed[0]!, /^\* OK \[INPROGRESS \(NIL 2 5\)\] /)
    const lines = await client.ask(ask)
    assert.equal(lines.length, 4, lines.join('\n'))
    for (const [i, done] of [2, 4].entries()) {
      assert.match(lines[i]!, new RegExp(`^\\* OK \\[INPROGRESS \\("t\\d+" ${done} 5\\)\\] `))
    }
    assert.deepEqual(lines.slice(2), ['* SEARCH', 'OK Search completed'])
  } finally {
    await stage.stop()
  }
})
