import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { test } from 'node:test'
import type { Log } from '../std/log.ts'
import { Secret } from '../std/secret.ts'
import { createLog } from './log.ts'
import type { LogOptions } from './log.ts'

function recording(options: Partial<LogOptions> = {}): { log: Log; lines: string[] } {
  const lines: string[] = []
  const now = (): number => Date.UTC(2026, 0, 2, 3, 4, 5)
  const log = createLog({ write: (line) => void lines.push(line), level: 'info', format: 'json', now, ...options })
  return { log, lines }
}

test('an event is one JSON line with its time, level and standing facts', () => {
  const { log, lines } = recording()
  log.with({ cid: 'abc' }).with({ service: 'mx' }).info({ event: 'smtp.rcpt.refused', code: 550, absent: undefined })
  assert.deepEqual(lines, [
    '{"time":"2026-01-02T03:04:05.000Z","level":"info","event":"smtp.rcpt.refused","cid":"abc","service":"mx","code":550}\n',
  ])
})

test('levels below the chosen one are silent', () => {
  const { log, lines } = recording({ level: 'warn' })
  for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({ event: level })
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { level: string }).level),
    ['warn', 'error'],
  )
})

test('secrets cannot print, however deep they lie', () => {
  const secret = new Secret('hunter2')
  for (const format of ['json', 'pretty'] as const) {
    const { log, lines } = recording({ format })
    const error = new Error('failed', { cause: { secret } })
    log.info({ event: 'x', secret, deep: { list: [secret], map: new Map([['a', secret]]) }, error })
    assert.equal(lines.join('').includes('hunter2'), false)
    assert.match(lines.join(''), /\[secret\]/)
  }
  assert.equal(inspect({ secret }).includes('hunter2'), false)
})

test('no fact can begin a line of its own (S23)', () => {
  for (const format of ['json', 'pretty'] as const) {
    const { log, lines } = recording({ format })
    log.info({ event: 'x', helo: 'a\r\n{"event":"forged"}', esc: '\u001b[2J\u009b31m', bidi: '\u2028' })
    assert.equal(lines.join('').split('\n').length, 2)
    assert.doesNotMatch(lines.join(''), /[\r\u001b]/)
  }
})

test('errors show their name, code and causes; bytes only their number; circles and lengths are cut', () => {
  const { log, lines } = recording()
  const cause = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  log.error({
    event: 'x',
    cause: new Error('write failed', { cause }),
    bytes: Buffer.from('body'),
    circle,
    long: 'y'.repeat(5000),
    n: 5n,
  })
  const line = JSON.parse(lines[0] ?? '') as Record<
    string,
    { message?: string; cause?: { code?: string }; length?: number }
  >
  assert.equal(line['cause']?.message, 'write failed')
  assert.equal(line['cause']?.cause?.code, 'ENOSPC')
  assert.equal(line['bytes'], '[4 octets]')
  assert.ok((line['long']?.length ?? 0) < 2100)
  assert.ok((lines[0]?.length ?? 0) < 10_000)
})

test('the form for people', () => {
  const { log, lines } = recording({ format: 'pretty' })
  log.warn({ event: 'smtp.login.refused', login: 'anna@example.org', why: 'bad password', n: 3 })
  assert.deepEqual(lines, ['03:04:05 warn  smtp.login.refused login=anna@example.org why="bad password" n=3\n'])
  const coloured = recording({ format: 'pretty', colours: true })
  coloured.log.info({ event: 'x' })
  assert.match(coloured.lines[0] ?? '', /\u001b\[32minfo/)
})
