/** R31: a thread that dies takes its own conversations along; the others go on, and it is replaced. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startGavan } from '../interop/gavan.ts'
import { freePort } from '../interop/ports.ts'
import { run, until } from '../interop/run.ts'
import { arrived, lettersOf, temporaryFolder } from '../interop/world.ts'
import { INSPECTED, runInThread } from './inspector.ts'
import { deliverBy, numbersOf, sumOf, talkTo, type Talk } from './talk.ts'

const READERS = 16
const MISHAP = "setTimeout(() => { throw new Error('a mishap made by a test') })"

test('a protocol thread dies: the other thread finishes what it does, and both serve again', async (t) => {
  using folder = temporaryFolder('threads')
  const port = await freePort()
  const args = ['--workers', '2', '--metrics', String(port)]
  await using gavan = await startGavan({ folder: folder.path, nodeArgs: INSPECTED, args })
  const ca = readFileSync(gavan.caFile, 'utf8')
  const { address, password } = gavan.users[0]!
  using mx = talkTo({ port: gavan.ports.mx })
  assert.match(await deliverBy(mx, { to: address, id: 'first' }), /^250 /)

  const readers: Talk[] = Array.from({ length: READERS }, () => talkTo({ port: gavan.ports.imaps, ca }))
  try {
    for (const reader of readers) {
      await reader.ask(`a LOGIN "${address}" "${password}"`, /^a OK.*\r\n/m)
      await reader.ask('b SELECT INBOX', /^b OK.*\r\n/m)
      await reader.ask('c IDLE', /^\+.*\r\n/m)
    }
    await runInThread({ log: gavan.log, thread: 'protocol-1', script: MISHAP })
    await until('its conversations to end', () => (readers.some(({ ended }) => ended) ? true : null))
    const left = readers.filter(({ ended }) => !ended)
    t.diagnostic(`${READERS - left.length} conversations ended with their thread, ${left.length} went on`)
    assert.ok(left.length > 0, 'the kernel gave all to one thread')
    // The others hear of a letter that comes now, whoever takes it in.
    using again = talkTo({ port: gavan.ports.mx })
    assert.match(await deliverBy(again, { to: address, id: 'second' }), /^250 /)
    await Promise.all(left.map((reader) => reader.hear(/^\* 2 EXISTS\r\n/m)))
    await Promise.all(left.map((reader) => reader.ask('DONE', /^c OK.*\r\n/m)))

    await until('the thread to be replaced', () => (/"thread\.restarted".*protocol-1/.test(gavan.log()) ? true : null))
    await until('both to serve', async () => {
      const numbers = await numbersOf(port)
      return sumOf(numbers, 'gavan_threads_silent') === 0 && sumOf(numbers, 'gavan_stressed', 'protocol-1') === 0
        ? true
        : null
    })
    const after = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        using talk = talkTo({ port: gavan.ports.mx })
        return await deliverBy(talk, { to: address, id: `after-${index}` })
      }),
    )
    for (const reply of after) assert.match(reply, /^250 /)
    assert.equal((await lettersOf(gavan, gavan.users[0]!)).length, 22)
    assert.match(gavan.log(), /"thread\.failed".*a mishap made by a test/)
  } finally {
    for (const reader of readers) reader[Symbol.dispose]()
  }
})

test('the relay dies: the next one delivers', async () => {
  using folder = temporaryFolder('threads')
  await using gavan = await startGavan({ folder: folder.path, nodeArgs: INSPECTED })
  const [from, to] = [gavan.users[0]!, gavan.users[1]!]
  await runInThread({ log: gavan.log, thread: 'relay', script: MISHAP })
  await until('the relay to be replaced', () => (/"thread\.restarted".*relay/.test(gavan.log()) ? true : null))
  const sent = await run(
    'curl',
    [
      ...[
        '--silent',
        '--show-error',
        '--ssl-reqd',
        '--cacert',
        gavan.caFile,
        '--user',
        `${from.address}:${from.password}`,
      ],
      ...['--mail-from', from.address, '--mail-rcpt', 'far@elsewhere.test', '--mail-rcpt', to.address],
      ...['--upload-file', '-', `smtp://localhost:${gavan.ports.submission}/x.test`],
    ],
    { input: `From: <${from.address}>\r\nSubject: after the mishap\r\n\r\nx\r\n` },
  )
  assert.equal(sent.code, 0, sent.all)
  await arrived(gavan, to, 'after the mishap')
  // `try` keeps foreign mail in a mailbox that comes into being with the first of it.
  await until('the letter in the sandbox', () =>
    lettersOf(gavan, from, 'Sandbox').then(
      (letters) => (letters.length > 0 ? true : null),
      () => null,
    ),
  )
})

test('the writer dies: nothing more is acknowledged, and the server ends with an error so that it is started again', async () => {
  using folder = temporaryFolder('threads')
  await using gavan = await startGavan({ folder: folder.path, nodeArgs: INSPECTED })
  await runInThread({ log: gavan.log, thread: 'store-writer', script: MISHAP })
  using talk = talkTo({ port: gavan.ports.mx })
  const reply = await deliverBy(talk, { to: gavan.users[0]!.address, id: 'too-late' }).catch(() => '')
  assert.doesNotMatch(reply, /^250/)
  const { code } = await gavan.ended
  assert.equal(code, 1)
  assert.match(gavan.log(), /"store\.writer\.died"/)
})
