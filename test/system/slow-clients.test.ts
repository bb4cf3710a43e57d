/**
 * S14: connections that are silent, drip, stop in mid-DATA or in mid-handshake, or never read do not keep real clients waiting.
 * `GAVAN_IDLE_CONNECTIONS=10000` for the whole number; both processes need as many descriptors.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { startGavan, type Gavan } from '../interop/gavan.ts'
import { freePort } from '../interop/ports.ts'
import { until } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { cpuMs, memoryOctets, percentile } from './process.ts'
import { deliverBy, numbersOf, sumOf, talkTo } from './talk.ts'

const HELD = Number(process.env['GAVAN_IDLE_CONNECTIONS'] ?? 2000)
const REAL = 100
const AT_ONCE = 100

/** The first octets of a ClientHello, and then nothing. */
const HALF_HELLO = Buffer.from('160301020001', 'hex')

type Kind = { readonly name: string; readonly port: 'mx' | 'imap' | 'imaps' | 'pop3'; begin(socket: Socket): void }

const KINDS: readonly Kind[] = [
  { name: 'silent', port: 'mx', begin() {} },
  { name: 'dripping', port: 'mx', begin: drip },
  {
    name: 'mid-DATA',
    port: 'mx',
    begin: (socket) =>
      socket.write('HELO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<alice@gavan.test>\r\nDATA\r\nSubject: never\r\n'),
  },
  { name: 'half TLS', port: 'imaps', begin: (socket) => socket.write(HALF_HELLO) },
  {
    name: 'never reading',
    port: 'imap',
    begin(socket) {
      socket.pause()
      socket.write('a CAPABILITY\r\n'.repeat(200))
    },
  },
  { name: 'silent', port: 'pop3', begin() {} },
]

/** An octet a second, of a command that never ends. */
function drip(socket: Socket): void {
  socket.write('EHLO ')
  const timer = setInterval(() => socket.write('x'), 1000)
  socket.on('close', () => clearInterval(timer))
}

async function hold(gavan: Gavan, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  const begin = (index: number): Promise<void> =>
    new Promise((resolve) => {
      const kind = KINDS[index % KINDS.length]!
      // Some 40 for each address, as 250 addresses would have at 10,000.
      const localAddress = `127.0.${1 + Math.floor(index / 40 / 250)}.${1 + (Math.floor(index / 40) % 250)}`
      const socket = connect({ port: gavan.ports[kind.port], host: '127.0.0.1', localAddress })
      sockets.push(socket)
      socket.on('error', () => resolve())
      if (kind.name !== 'never reading') socket.resume()
      socket.once('connect', () => {
        kind.begin(socket)
        resolve()
      })
    })
  for (let index = 0; index < count; index += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - index) }, (_, at) => begin(index + at)))
  }
  return sockets
}

/** Half of them bring a letter, half of them read one. @returns how long each took; what failed throws */
async function realClients(gavan: Gavan, ca: string, round: string): Promise<{ ms: number[]; failures: string[] }> {
  const { address, password } = gavan.users[0]!
  const ms: number[] = []
  const failures: string[] = []
  const one = async (index: number): Promise<void> => {
    const begun = performance.now()
    try {
      if (index % 2 === 0) {
        using talk = talkTo({ port: gavan.ports.mx })
        assert.match(await deliverBy(talk, { to: address, id: `${round}-${index}` }), /^250 /)
      } else {
        using talk = talkTo({ port: gavan.ports.imaps, ca })
        await talk.ask(`a LOGIN "${address}" "${password}"`, /^a OK/m)
        await talk.ask('b SELECT INBOX', /^b OK/m)
        await talk.ask('c FETCH 1 (UID BODY.PEEK[])', /^c OK/m)
      }
    } catch (error) {
      failures.push(String(error))
    }
    ms.push(performance.now() - begun)
  }
  for (let index = 0; index < REAL; index += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, at) => one(index + at)))
  }
  return { ms, failures }
}

test(`${HELD} slow clients do not keep others waiting`, async (t) => {
  using folder = temporaryFolder('slow')
  const metricsPort = await freePort()
  await using gavan = await startGavan({
    folder: folder.path,
    args: ['--metrics', String(metricsPort), '--workers', '2'],
  })
  const { pid } = gavan.ready
  const ca = readFileSync(gavan.caFile, 'utf8')
  // Warm, so that what comes first is not taken for the price of the crowd.
  await realClients(gavan, ca, 'warm')
  const cpuAtRest = cpuMs(pid)
  const rest = await realClients(gavan, ca, 'rest')
  const restCpu = cpuMs(pid) - cpuAtRest
  assert.deepEqual(rest.failures, [])

  const memoryBefore = memoryOctets(pid)
  const sockets = await hold(gavan, HELD)
  try {
    await until('all to be held', async () => {
      const held = sumOf(await numbersOf(metricsPort), 'gavan_connections')
      return held >= HELD * 0.95 ? held : null
    })
    const perConnection = (memoryOctets(pid) - memoryBefore) / HELD
    const cpuHeld = cpuMs(pid)
    const pauseMs = 2000
    await wait(pauseMs)
    const heldCpu = cpuMs(pid) - cpuHeld
    const crowdedFrom = cpuMs(pid)
    const crowded = await realClients(gavan, ca, 'crowded')
    const crowdedCpu = cpuMs(pid) - crowdedFrom
    const numbers = await numbersOf(metricsPort)
    const open = sockets.filter((socket) => !socket.destroyed).length
    t.diagnostic(
      `${open} held, ${(perConnection / 1024).toFixed(1)} KiB of memory each, ${Math.round((heldCpu / pauseMs) * 100)} % of a core for them`,
    )
    t.diagnostic(
      `real clients: p50 ${Math.round(percentile(crowded.ms, 0.5))} ms (at rest ${Math.round(percentile(rest.ms, 0.5))}), p99 ${Math.round(
        percentile(crowded.ms, 0.99),
      )} ms (at rest ${Math.round(percentile(rest.ms, 0.99))}), CPU ${crowdedCpu} ms (at rest ${restCpu})`,
    )
    t.diagnostic(`an event loop was late by ${longestDelay(numbers)} ms at most`)
    assert.deepEqual(crowded.failures, [], 'all real clients are served')
    // 40 KiB is the bar; among few, what the heap takes in advance counts for more.
    const bar = (HELD >= 10_000 ? 40 : 64) * 1024
    assert.ok(perConnection < bar, `${Math.round(perConnection)} octets of memory for each held connection`)
    assert.ok(heldCpu < pauseMs / 2, 'holding them costs less than half a core')
    // The crowd's own drips are in it: a drip is a turn.
    assert.ok(crowdedCpu < 3 * restCpu + 1000, 'serving beside them costs no multiple')
  } finally {
    for (const socket of sockets) socket.destroy()
  }
  await until('the places to be free again', async () =>
    sumOf(await numbersOf(metricsPort), 'gavan_connections') === 0 ? true : null,
  )
  assert.deepEqual((await realClients(gavan, ca, 'after')).failures, [])
})

const longestDelay = (numbers: ReadonlyMap<string, number>): number => {
  const longest = [...numbers].filter(([name]) => /event_loop_delay.*protocol.*quantile="1"/.test(name))
  return Math.round(Math.max(...longest.map(([, seconds]) => seconds)) * 1000)
}
