/** R9: many large letters at once stream to the disk; what is held in memory for each is small. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startGavan } from '../interop/gavan.ts'
import { until } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { memoryOctets } from './process.ts'
import { letterText, talkTo, type Talk } from './talk.ts'

const LETTERS = 200
const MIB = 1024 * 1024
const BODY = Buffer.alloc(2 * MIB, `${'large '.repeat(12)}\r\n`)
/** docs/rules.md has the figure: below what the letters take together. */
const MEMORY_MAX_OCTETS = 350 * MIB

test(`R9: ${LETTERS} letters of 2 MiB at once stream to the disk`, async (t) => {
  using folder = temporaryFolder('large')
  await using gavan = await startGavan({ folder: folder.path, args: ['--workers', '2'] })
  const { address, password } = gavan.users[0]!
  assert.ok(LETTERS * BODY.length > MEMORY_MAX_OCTETS)

  const talks: Talk[] = []
  try {
    for (let index = 0; index < LETTERS; index++) talks.push(talkTo({ port: gavan.ports.mx, from: '127.0.0.1' }))
    await Promise.all(
      talks.map(async (talk, index) => {
        await talk.hear(/^220 /m)
        await talk.ask('EHLO far.test', /^250 /m)
        await talk.ask('MAIL FROM:<sender@far.test>', /^250 /m)
        await talk.ask(`RCPT TO:<${address}>`, /^250 /m)
        await talk.ask('DATA', /^354 /m)
        talk.send(letterText(`large-${index}`))
        if (!talk.socket.write(BODY)) await once(talk.socket, 'drain')
      }),
    )
    // All of them are in the server now, or in the buffers of its sockets; none has ended.
    const held = memoryOctets(gavan.ready.pid)
    await Promise.all(talks.map((talk) => talk.ask('\r\n.', /^250 /m, 120_000)))
    const after = memoryOctets(gavan.ready.pid)
    t.diagnostic(
      `${Math.round(held / MIB)} MiB with ${(LETTERS * BODY.length) / MIB} MiB on their way; ${Math.round(after / MIB)} MiB after`,
    )
    assert.ok(Math.max(held, after) < MEMORY_MAX_OCTETS, `${held} octets of memory, then ${after}`)
  } finally {
    for (const talk of talks) talk[Symbol.dispose]()
  }

  using reader = talkTo({ port: gavan.ports.imaps, ca: readFileSync(gavan.caFile, 'utf8') })
  await reader.ask(`a LOGIN "${address}" "${password}"`, /^a OK/m)
  await until('all to be there', async () => {
    const told = await reader.ask('b STATUS INBOX (MESSAGES)', /^b OK/m)
    return told.includes(`MESSAGES ${LETTERS}`) ? true : null
  })
})
