import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { appendFile, mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { TRACE_MAX_OCTETS } from '../../model/limits.ts'
import { DAY } from '../../std/clock.ts'
import { createLog } from '../log.ts'
import { findLetters } from './find.ts'
import { openTraceWriter, pruneTrace, tracePath } from './journal.ts'

suite('what happened to letters', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gavan-trace-'))
  after(() => rm(dataDir, { recursive: true, force: true }))
  let now = Date.UTC(2026, 10, 24, 23, 59, 59)
  const writer = openTraceWriter({ dataDir, now: () => now })
  const lines: string[] = []
  const log = createLog({
    write: (line) => lines.push(line),
    level: 'info',
    format: 'json',
    now: () => now,
    hear: writer.note,
  })
  const found = async (what: string, limit = 10): Promise<string[]> =>
    (await findLetters(dataDir, what, { limit, sinceDay: null })).map(
      ({ traceId, events }) => `${traceId}: ${events.map(({ event }) => event).join(' ')}`,
    )

  test('by any part of what is known, newest first, over midnight; the subject stands in no log', async () => {
    const connection = log.with({ cid: 'c1' })
    connection.debug({ event: 'smtp.connected' })
    connection.debug({
      event: 'smtp.letter',
      traceId: 'aaa',
      author: ['ann@a.test'],
      to: ['bert@b.test'],
      subject: 'Über uns',
    })
    connection.info({ event: 'smtp.accepted', traceId: 'aaa', from: 'ann@a.test' })
    now += 2000
    log.info({ event: 'relay.delivered', traceId: 'aaa', recipients: ['bert@b.test'], queueId: 7 })
    log.info({ event: 'smtp.accepted', traceId: 'bbb', from: 'bert@b.test' })
    log.info({ event: 'server.ready' })
    await writer.flushed()
    const whole = 'aaa: smtp.letter smtp.accepted relay.delivered'
    for (const what of ['ANN@a.test', 'über', 'aaa', 'c1']) assert.deepEqual(await found(what), [whole], what)
    assert.deepEqual((await found('bert@b.test')).toSorted(), [whole, 'bbb: smtp.accepted'])
    assert.deepEqual((await found('b.test', 1)).length, 1)
    for (const what of ['nobody', 'smtp.accepted', 'traceId', 'recipients'])
      assert.deepEqual(await found(what), [], what)
    assert.equal((await readdir(tracePath(dataDir))).length, 2)
    assert.ok(!lines.join('').includes('Über'))
    assert.ok(lines.join('').includes('server.ready'))
  })

  test('a line that a crash has cut, and one that is none, keep nothing back', async () => {
    const [file = ''] = await readdir(tracePath(dataDir))
    await appendFile(
      join(tracePath(dataDir), file),
      '[]\nnull\n{"time":"2026","event":"x","traceId":"aaa"\n{"traceId":"aaa',
    )
    assert.equal((await found('ann@a.test')).length, 1)
  })

  test('what is old goes, and what is too much, oldest first', async () => {
    const folder = tracePath(dataDir)
    await mkdir(folder, { recursive: true })
    const today = new Date(now).toISOString().slice(0, 10)
    await writeFile(join(folder, '2026-11-01.1-1.jsonl'), 'x')
    await writeFile(join(folder, '2026-11-20.1-1.jsonl'), '')
    await truncate(join(folder, '2026-11-20.1-1.jsonl'), TRACE_MAX_OCTETS + 1)
    await writeFile(join(folder, 'notes.txt'), 'x')
    await pruneTrace(dataDir, 14, now)
    const left = await readdir(folder)
    assert.deepEqual(left.map((name) => name.slice(0, 10)).toSorted(), ['2026-11-24', today, 'notes.txt'])
    await pruneTrace(dataDir, 0, now + DAY)
    assert.deepEqual(await readdir(folder), ['notes.txt'])
  })

  test('where nothing was ever kept', async () => {
    assert.deepEqual(await findLetters(join(dataDir, 'none'), 'x', { limit: 1, sinceDay: null }), [])
  })
})
