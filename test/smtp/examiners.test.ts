/** What becomes of a letter on port 25 by what another program finds in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExaminers } from '../../src/core/screening/examiners.ts'
import type { Examined } from '../../src/core/screening/contract.ts'
import { JUNK_POINTS } from '../../src/model/limits.ts'
import { reply } from '../../src/model/reply.ts'
import { createMtaPolicy } from '../../src/roles/mta/mta.ts'
import { silentLog } from '../../src/std/log.ts'
import { noMetrics } from '../../src/std/metrics.ts'
import { openMailStage } from '../mail-stage.ts'

const CONTENT = 'From: a@far.test\r\nSubject: x\r\n\r\nhello\r\n'

/** @returns the reply to the dot, where the letter is, and what the examiner read */
async function bring(verdict: Examined | Error): Promise<{ said: string; inbox: number; junk: number; read: string }> {
  const stage = await openMailStage()
  const { clock, intake } = stage
  let read = ''
  const examiners = createExaminers({
    examiners: [
      {
        name: 'program',
        async examine(letter) {
          read = Buffer.from(await letter.read(0, letter.sizeOctets)).toString()
          if (verdict instanceof Error) throw verdict
          return verdict
        },
      },
    ],
    whenDown: 'defer',
    exempt: () => false,
    clock,
    log: silentLog,
    metrics: noMetrics,
  })
  try {
    const smtp = createMtaPolicy({ hostname: 'mx.here.test', intake, clock, examiners })
    const peer = stage.connect('mx', { smtp })
    peer.send(`EHLO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<anna@here.test>\r\nDATA\r\n${CONTENT}.\r\nQUIT\r\n`)
    const said = /354 .*\r\n(.*)\r\n221/.exec(await stage.rest(peer))?.[1] ?? ''
    const [inbox, junk] = [await stage.read(stage.anna), await stage.read(stage.anna, 'Junk')]
    return { said, inbox: inbox.length, junk: junk.length, read }
  } finally {
    await stage.stop()
  }
}

const nothing: Examined = { findings: [], refused: null }

test('a clean letter is kept; the program saw it whole, behind our Received field', async () => {
  const { said, inbox, junk, read } = await bring(nothing)
  assert.match(said, /^250 /)
  assert.deepEqual([inbox, junk], [1, 0])
  assert.match(read, /^Received: /)
  assert.ok(read.endsWith(`\r\n${CONTENT}`))
})

test('enough points take it to Junk, one less do not', async () => {
  const of = (points: number): Examined => ({ findings: [{ by: 'program', points, says: 'why' }], refused: null })
  assert.deepEqual(await bring(of(JUNK_POINTS)).then(({ inbox, junk }) => [inbox, junk]), [0, 1])
  assert.deepEqual(await bring(of(JUNK_POINTS - 1)).then(({ inbox, junk }) => [inbox, junk]), [1, 0])
})

test('refused, and deferred while it cannot be asked: nothing is kept', async () => {
  const refused = await bring({ findings: [], refused: reply(550, '5.7.1', 'This letter holds malware: Eicar') })
  assert.deepEqual([refused.said, refused.inbox, refused.junk], ['550 5.7.1 This letter holds malware: Eicar', 0, 0])
  const down = await bring(new Error('ECONNREFUSED'))
  assert.match(down.said, /^451 4\.7\.1 /)
  assert.deepEqual([down.inbox, down.junk], [0, 0])
})
