import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Connection } from '../src/model/connection.ts'
import { createTestConnection } from '../src/session/test-connection.ts'
import { createTestClock } from '../src/std/test-clock.ts'
import { parseTranscript, playTranscript, type Stage } from './transcript.ts'

/** Says back each line in capitals; `tls` upgrades, `bye` closes. */
async function echo(connection: Connection): Promise<void> {
  let held = ''
  await connection.write('hello 42:7]\r\n')
  for (;;) {
    const chunk = await connection.read(1000).catch(() => null)
    if (chunk === null) return connection.write('late\r\n').then(() => connection.end())
    held += Buffer.from(chunk).toString()
    for (let at = held.indexOf('\r\n'); at !== -1; at = held.indexOf('\r\n')) {
      const line = held.slice(0, at)
      held = held.slice(at + 2)
      await connection.write(`${line.toUpperCase()} ${connection.tls === null ? 'clear' : 'tls'}\r\n`)
      if (line === 'tls') await connection.startTls()
      if (line === 'bye') return connection.end()
    }
  }
}

const stage = (): Stage => {
  const clock = createTestClock()
  const owned: Promise<void>[] = []
  return {
    clock,
    connect() {
      const { connection, peer } = createTestConnection({ service: 'mx', clock })
      owned.push(echo(connection))
      return peer
    },
  }
}

const play = (text: string): Promise<unknown> =>
  Promise.all([
    playTranscript(parseTranscript('x', text), stage(), 'whole'),
    playTranscript(parseTranscript('x', text), stage(), 'octets'),
  ])

test('a transcript plays: captures, rest, raw, TLS, second peer, close', async () => {
  await play(`# comment
@service mx
S: hello $first:$second]
C: a $first
C: b
S: A 42 clear
S: B ~
S-none
C-raw: \\x63\\r\\n
S: C clear
C: tls
S: TLS clear
C-tls
C: $second $Forwarded $$x
S: 7 $FORWARDED $$X tls
C2: bye
S2: hello ~
S2: BYE clear
S2-close
C: bye
S: BYE tls
S-close`)
})

test('a transcript fails on a wrong, missing or surplus line', async () => {
  await assert.rejects(play('S: hullo'), /hullo/)
  await assert.rejects(play('S: hello ~\nC: a'), /unread/)
  await assert.rejects(play('S: hello ~\nC: bye\nS: BYE ~\nS: more'), /more/)
  await assert.rejects(play('S: hello ~\nC: bye\nS-close'), /BYE/)
  await assert.rejects(play('S: hello ~\nC: a\nS-none'), /A clear/)
  assert.throws(() => parseTranscript('x', 'X: what'), /not a transcript line/)
  assert.throws(() => parseTranscript('x', 'C-dance'), /unknown directive/)
})

test('the clock turns with C-wait', async () => {
  await play('S: hello ~\nC-wait 999ms\nS-none\nC-wait 1ms\nS: late\nS-close')
})
