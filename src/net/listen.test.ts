import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createTestRandom } from '../std/test-random.ts'
import { ConnectionLost, ReadTimedOut } from '../model/connection.ts'
import type { Connection } from '../model/connection.ts'
import { PIPELINE_MAX_OCTETS } from '../model/limits.ts'
import { createCertificates } from './certificates.ts'
import { ConnectFailed, ListenFailed } from './contract.ts'
import type { Dialler, Listener, ListenOptions, Network } from './contract.ts'
import { createDialler } from './dial.ts'
import { canSharePorts, createNetwork, portProblem } from './listen.ts'
import type { NetworkOptions } from './listen.ts'
import { readAll, realClock, recordingLog } from './net.test-kit.ts'

const certificates = createCertificates()
const random = createTestRandom()
const log = recordingLog()

function networkWith(limits: NonNullable<NetworkOptions['limits']> = {}): Network {
  return createNetwork({ clock: realClock, random, log, certificates, limits })
}

const diallerWith = (limits: { writeTimeoutMs?: number } = {}): Dialler =>
  createDialler({ clock: realClock, random, limits })

const ON: ListenOptions = { service: 'mx', address: '127.0.0.1', port: 0, tls: 'none', shared: false }

function serving(serve: (connection: Connection) => Promise<void>, on: Partial<ListenOptions> = {}): Promise<Listener> {
  return networkWith().listen({ ...ON, ...on }, serve)
}

const dialTo = (listener: Listener) => diallerWith().dial({ ...listener.endpoint, timeoutMs: 2000 })

describe('a connection', () => {
  test('carries bytes both ways, and the end', async () => {
    await using listener = await serving(async (connection) => {
      await connection.write(`hello ${connection.remote.address}\r\n`)
      const heard = await readAll(connection)
      await connection.write(Buffer.from(`heard ${heard}`))
    })
    const client = await dialTo(listener)
    assert.equal(client.remote.port, listener.endpoint.port)
    assert.equal(Buffer.from((await client.read(1000)) ?? []).toString(), 'hello 127.0.0.1\r\n')
    await client.write('a')
    await client.write('b')
    const reading = client.read(1000)
    await client.end()
    // After our own end nothing more is handed out: what the server answers to the half-close is read and dropped.
    assert.equal(await reading, null)
    assert.equal(await client.read(1000), null)
    await assert.rejects(client.write('c'), ConnectionLost)
  })

  test('a half-closed peer still gets the answer (allowHalfOpen)', async () => {
    await using listener = await serving(async (connection) => {
      const heard = await readAll(connection)
      await connection.write(`${heard.length} octets\r\n`)
    })
    const socket = connect({ ...listener.endpoint, host: '127.0.0.1', allowHalfOpen: true })
    socket.end('12345')
    const parts: Buffer[] = []
    for await (const part of socket) parts.push(part as Buffer)
    assert.equal(Buffer.concat(parts).toString(), '5 octets\r\n')
  })

  test('writes of one turn go out together and in order', async () => {
    await using listener = await serving(async (connection) => {
      for (let n = 0; n < 100; n++) await connection.write(`${n} `)
    })
    const client = await dialTo(listener)
    const first = await client.read(1000)
    assert.equal(Buffer.from(first ?? []).toString(), Array.from({ length: 100 }, (_, n) => `${n} `).join(''))
  })

  test('a read that timed out may be followed by another', async () => {
    await using listener = await serving(async (connection) => {
      await assert.rejects(connection.read(20), ReadTimedOut)
      await connection.write('now')
      assert.equal(Buffer.from((await connection.read(2000)) ?? []).toString(), 'late')
      await connection.write('good')
    })
    const client = await dialTo(listener)
    assert.equal(Buffer.from((await client.read(2000)) ?? []).toString(), 'now')
    await client.write('late')
    assert.equal(Buffer.from((await client.read(2000)) ?? []).toString(), 'good')
  })

  test('a reset is ConnectionLost for the reader, the writer and the next ones', async () => {
    const { promise: seen, resolve } = Promise.withResolvers<unknown[]>()
    await using listener = await serving(async (connection) => {
      const errors: unknown[] = []
      await connection.read(2000).catch((error: unknown) => errors.push(error))
      await connection.read(2000).catch((error: unknown) => errors.push(error))
      await connection.write('x').catch((error: unknown) => errors.push(error))
      resolve(errors)
    })
    const socket = connect({ ...listener.endpoint, host: '127.0.0.1' })
    await once(socket, 'connect')
    socket.resetAndDestroy()
    const errors = await seen
    assert.equal(errors.length, 3)
    for (const error of errors) assert.ok(error instanceof ConnectionLost)
  })

  test('not reading is the back-pressure: a flood stops near PIPELINE_MAX_OCTETS here', async () => {
    const { promise: go, resolve: release } = Promise.withResolvers<void>()
    const { promise: total, resolve: done } = Promise.withResolvers<number>()
    await using listener = await serving(async (connection) => {
      await go
      let octets = 0
      for (let chunk = await connection.read(5000); chunk !== null; chunk = await connection.read(5000)) {
        octets += chunk.byteLength
      }
      done(octets)
    })
    const size = 64 * 1024 * 1024
    const before = process.memoryUsage().arrayBuffers
    const client = await dialTo(listener)
    let sent = 0
    const flood = (async () => {
      const piece = Buffer.alloc(64 * 1024)
      for (; sent < size; sent += piece.byteLength) await client.write(piece)
    })()
    await wait(200)
    assert.ok(sent < size / 2, `the sender was stopped, sent ${sent}`)
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * PIPELINE_MAX_OCTETS)
    release()
    await flood
    await client.end()
    assert.equal(await total, size)
  })

  test('a peer that does not read is given up after the write time-out', async () => {
    const { promise: seen, resolve } = Promise.withResolvers<unknown>()
    await using listener = await networkWith({ writeTimeoutMs: 50 }).listen(ON, async (connection) => {
      await connection.write(Buffer.alloc(64 * 1024 * 1024)).catch(resolve)
    })
    const socket = connect({ ...listener.endpoint, host: '127.0.0.1' })
    socket.pause()
    socket.on('error', () => {})
    const error = await seen
    assert.ok(error instanceof ConnectionLost && error.message.includes('does not read'))
    socket.destroy()
  })

  test('before it has signed in, a peer that does not read is given up sooner (S14)', async () => {
    const { promise: first, resolve } = Promise.withResolvers<string>()
    const network = networkWith({ writeTimeoutMs: 60_000, writeBeforeLoginTimeoutMs: 50 })
    await using listener = await network.listen({ ...ON, service: 'imap' }, async (connection) => {
      const known = (await connection.read(5000))?.at(0) === 'k'.charCodeAt(0)
      if (known) connection.signedIn()
      await connection.write(Buffer.alloc(64 * 1024 * 1024)).catch(() => resolve(known ? 'known' : 'stranger'))
    })
    const sockets = ['known', 'stranger'].map((who) => {
      const socket = connect({ ...listener.endpoint, host: '127.0.0.1' })
      socket.on('error', () => {})
      socket.write(who)
      return socket.pause()
    })
    assert.equal(await first, 'stranger')
    for (const socket of sockets) socket.destroy()
  })

  test('a long write to a peer that reads arrives whole', async () => {
    const sent = Buffer.from(Array.from({ length: 3_000_001 }, (_, n) => n % 251))
    await using listener = await serving((connection) => connection.write(sent))
    const client = await dialTo(listener)
    assert.equal(Buffer.compare(Buffer.from(await readAll(client), 'latin1'), sent), 0)
  })
})

describe('a listener', () => {
  test('a session that throws ends its own connection and is logged (R31)', async () => {
    await using listener = await serving(async (connection) => {
      if ((await connection.read(1000)) !== null) throw new Error('planted')
    })
    const client = await dialTo(listener)
    const other = await dialTo(listener)
    await client.write('x')
    await assert.rejects(async () => {
      while ((await client.read(2000)) !== null);
      throw new ConnectionLost('closed')
    }, ConnectionLost)
    assert.ok(log.events.some((event) => event.event === 'net.session.failed'))
    await assert.rejects(other.read(20), ReadTimedOut)
    other.destroy()
  })

  test('stops accepting, lets run on, and tells when it is drained', async () => {
    const listener = await serving(async (connection) => void (await readAll(connection)))
    const client = await dialTo(listener)
    await client.write('x')
    while (listener.connections === 0) await wait(5)
    await listener.stop()
    await assert.rejects(dialTo(listener), (error) => error instanceof ConnectFailed && error.code === 'ECONNREFUSED')
    assert.equal(listener.connections, 1)
    const drained = listener.drained()
    await client.end()
    await drained
    assert.equal(listener.connections, 0)
    await listener[Symbol.asyncDispose]()
  })

  test('two share one port where the system can, and a third alone cannot', async () => {
    const shared = await canSharePorts()
    assert.equal(shared, process.platform === 'linux')
    if (!shared) return
    const network = networkWith()
    await using first = await network.listen({ ...ON, shared: true }, async () => {})
    await using second = await network.listen({ ...ON, shared: true, port: first.endpoint.port }, async () => {})
    assert.deepEqual([first.shared, second.shared], [true, true])
    assert.equal(await portProblem('127.0.0.1', first.endpoint.port), 'EADDRINUSE')
    await assert.rejects(
      network.listen({ ...ON, port: first.endpoint.port }, async () => {}),
      (error) => error instanceof ListenFailed && error.code === 'EADDRINUSE',
    )
  })

  test('a free port has no problem', async () => {
    assert.equal(await portProblem('127.0.0.1', 0), null)
  })

  test('refuses in the words of its protocol', async () => {
    const refused = { at: 'refused', why: 'not-inside' } as const
    const serve = (): Promise<void> => Promise.reject(new Error('must not be served'))
    await using imap = await serving(serve, { service: 'imap', admit: () => refused })
    await using pop3 = await serving(serve, { service: 'pop3', admit: () => refused })
    await using msa = await serving(serve, { service: 'submission', admit: () => refused })
    await using imaps = await serving(serve, { service: 'imaps', tls: 'implicit', admit: () => refused })
    assert.match(await readAll(await dialTo(imap)), /^\* BYE /)
    assert.match(await readAll(await dialTo(pop3)), /^-ERR /)
    assert.match(await readAll(await dialTo(msa)), /^554 5\.7\.1 /)
    assert.equal(await readAll(await dialTo(imaps)), '')
  })

  test('is told once when a welcome peer has left', async () => {
    let left = 0
    await using listener = await serving(async () => {}, { admit: () => ({ at: 'welcome', left: () => left++ }) })
    const client = await dialTo(listener)
    assert.equal(await client.read(1000), null)
    await client.end()
    await listener.drained()
    assert.equal(left, 1)
  })

  test('refuses more than its network may hold with 421 4.7.0 (R8)', async () => {
    await using listener = await networkWith({ connectionsMax: 2 }).listen(ON, async (connection) => {
      await connection.write('220 welcome\r\n')
      await readAll(connection)
    })
    const clients = [await dialTo(listener), await dialTo(listener), await dialTo(listener)]
    const heard = await Promise.all(
      clients.map(async (client) => Buffer.from((await client.read(1000)) ?? []).toString()),
    )
    assert.deepEqual(heard.map((text) => text.slice(0, 9)).toSorted(), ['220 welco', '220 welco', '421 4.7.0'])
    for (const client of clients) client.destroy()
  })
})

describe('want of descriptors (R8)', { skip: process.platform !== 'linux' && 'needs ulimit' }, () => {
  test('more peers than descriptors: no crash, and it goes on when there are some again', async () => {
    const file = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)
    const script = `
      import { createNetwork } from ${file('./listen.ts')}
      import { createCertificates } from ${file('./certificates.ts')}
      import { realClock as clock, recordingLog } from ${file('./net.test-kit.ts')}
      import { createTestRandom } from ${file('../std/test-random.ts')}
      const [random, log, certificates] = [createTestRandom(), recordingLog(), createCertificates()]
      const listener = await createNetwork({ clock, random, log, certificates }).listen(${JSON.stringify(ON)}, async (connection) => {
        await connection.write('hello')
        await connection.read(60_000)
      })
      console.log(listener.endpoint.port)`
    const command = 'ulimit -n 64; exec "$0" --input-type=module-typescript -e "$1"'
    const child = spawn('sh', ['-c', command, process.execPath, script], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer]
      const port = Number(line.toString())
      const sockets = Array.from({ length: 150 }, () => connect(port, '127.0.0.1').on('error', () => {}))
      await Promise.all(sockets.map((socket) => Promise.race([once(socket, 'data'), once(socket, 'close')])))
      assert.ok(sockets.some((socket) => socket.bytesRead > 0))
      assert.ok(
        sockets.some((socket) => socket.bytesRead === 0),
        'there were too many',
      )
      for (const socket of sockets) socket.destroy()
      await wait(50)
      const again = connect(port, '127.0.0.1')
      const [hello] = (await once(again, 'data')) as [Buffer]
      assert.equal(hello.toString(), 'hello')
      again.destroy()
      assert.equal(child.exitCode, null)
    } finally {
      child.kill('SIGKILL')
    }
  })
})

describe('dialling', () => {
  test('a refused connection has its code', async () => {
    const listener = await serving(async () => {})
    const { endpoint } = listener
    await listener[Symbol.asyncDispose]()
    await assert.rejects(
      diallerWith().dial({ ...endpoint, timeoutMs: 1000 }),
      (error) => error instanceof ConnectFailed && error.code === 'ECONNREFUSED',
    )
  })

  test('can be given up', async () => {
    const abort = new AbortController()
    const dialling = diallerWith().dial({ address: '127.0.0.1', port: 9, timeoutMs: 1000, signal: abort.signal })
    abort.abort()
    await assert.rejects(dialling, (error) => error instanceof ConnectFailed && error.code === 'ABORT_ERR')
    await assert.rejects(
      diallerWith().dial({ address: '127.0.0.1', port: 9, timeoutMs: 1000, signal: abort.signal }),
      ConnectFailed,
    )
  })
})
