import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync, type DeflateRaw } from 'node:zlib'
import { ConnectionLost, ReadTimedOut, type Connection } from '../model/connection.ts'
import { DEFLATE_KEEP_MS, INFLATE_FREE_OCTETS, INFLATE_RATIO_MAX } from '../model/limits.ts'
import { createTestClock } from '../std/test-clock.ts'
import { createTestRandom } from '../std/test-random.ts'
import { createCertificates } from './certificates.ts'
import type { Listener } from './contract.ts'
import { deflateLayer, type DeflateLayer } from './deflate.ts'
import { createNetwork } from './listen.ts'
import { realClock, recordingLog } from './net.test-kit.ts'

const { Z_PARTIAL_FLUSH, Z_SYNC_FLUSH } = constants

/** A peer's encoder, with zlib's own settings. */
function encoder(): { push(octets: string | Buffer, flush: number): Promise<Buffer>; stream: DeflateRaw } {
  const stream = createDeflateRaw()
  const pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => void pieces.push(piece))
  return {
    stream,
    async push(octets, flush) {
      stream.write(octets)
      await new Promise<void>((resolve) => stream.flush(flush, resolve))
      return Buffer.concat(pieces.splice(0))
    },
  }
}

/** Inflates what has come so far: all that was said must be there, since the stream never ends. */
function heard(octets: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const inflate = createInflateRaw({ finishFlush: Z_SYNC_FLUSH })
    let text = ''
    inflate.on('data', (piece: Buffer) => (text += piece.toString('latin1')))
    inflate.on('end', () => resolve(text)).on('error', reject)
    inflate.end(octets)
  })
}

/** A layer on what a test says: chunks to be read, and what was written. */
function layerOn(chunks: (Buffer | null)[], clock = createTestClock()) {
  const written: Buffer[] = []
  const state = { reads: 0, failed: null as ConnectionLost | null }
  const layer: DeflateLayer = deflateLayer(
    {
      async read() {
        state.reads++
        const chunk = chunks.shift()
        if (chunk === undefined) throw new ReadTimedOut('nothing more in this test')
        return chunk
      },
      async write(data) {
        written.push(Buffer.from(data))
      },
      fail: (error) => void (state.failed ??= error),
    },
    { clock },
  )
  return { layer, written, state, clock }
}

async function said(layer: DeflateLayer): Promise<string> {
  let all = ''
  for (;;) {
    const piece = await layer.read(1000).catch((error: unknown) => {
      if (error instanceof ReadTimedOut) return null
      throw error
    })
    if (piece === null) return all
    all += Buffer.from(piece).toString('latin1')
  }
}

describe('reading', () => {
  test('single octets, and flushes of every kind, are read as far as they say something', async () => {
    for (const flush of [Z_SYNC_FLUSH, Z_PARTIAL_FLUSH, constants.Z_FULL_FLUSH, constants.Z_BLOCK]) {
      const peer = encoder()
      const chunks: Buffer[] = []
      const { layer } = layerOn(chunks)
      for (const line of ['a NOOP\r\n', 'b NOOP\r\n', `c ${'x'.repeat(3000)}\r\n`]) {
        const octets = await peer.push(line, flush)
        for (const octet of octets) chunks.push(Buffer.of(octet))
        // Z_BLOCK may keep back some bits (zlib.h): the rest comes with the next line.
        const came = await said(layer)
        if (flush === constants.Z_BLOCK) assert.ok(came.length > 0)
        else assert.equal(came, line)
      }
      layer.close()
    }
  })

  test('a stream cut short ends as the connection does; one that ends is the end', async () => {
    const whole = deflateRawSync(Buffer.from('a NOOP\r\nb NOOP\r\n'))
    const cut = layerOn([whole.subarray(0, -1), null])
    assert.ok((await said(cut.layer)).startsWith('a NO'))
    assert.equal(cut.state.failed, null)
    const ended = layerOn([whole, Buffer.from('more')])
    assert.equal(await said(ended.layer), 'a NOOP\r\nb NOOP\r\n')
    assert.equal(await ended.layer.read(1000), null)
  })

  test('what is no DEFLATE ends the connection', async () => {
    const { layer, state } = layerOn([Buffer.from('a NOOP\r\n'.repeat(40))])
    await assert.rejects(layer.read(1000), ConnectionLost)
    assert.match(state.failed!.message, /not DEFLATE/)
  })

  test('octets that say nothing do not put off the deadline', async () => {
    const clock = createTestClock()
    const empty = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff])
    let reads = 0
    const below = {
      async read(timeoutMs: number) {
        reads++
        assert.ok(timeoutMs <= 10_000 - (reads - 1) * 1000)
        clock.advance(1000)
        return empty
      },
      write: () => Promise.resolve(),
      fail: () => assert.fail(),
    }
    const layer = deflateLayer(below, { clock })
    await assert.rejects(layer.read(10_000), ReadTimedOut)
    assert.equal(reads, 10)
    layer.close()
  })

  test('a bomb is inflated as far as it is read, and ends at the limit', async () => {
    const zeros = Buffer.alloc(1024 * 1024)
    const peer = encoder()
    const bomb: Buffer[] = []
    for (let mib = 0; mib < 80; mib++) bomb.push(await peer.push(zeros, Z_SYNC_FLUSH))
    const octets = bomb.reduce((sum, { length }) => sum + length, 0)
    const { layer, state } = layerOn(bomb)
    const first = await layer.read(1000)
    assert.equal(state.reads, 1) // Nothing is read ahead.
    let taken = first!.length
    assert.ok(taken <= 128 * 1024, `${taken} at once`)
    await assert.rejects(async () => {
      for (;;) {
        const piece = (await layer.read(1000))!
        assert.ok(piece.length <= 128 * 1024)
        taken += piece.length
      }
    }, ConnectionLost)
    assert.match(state.failed!.message, /too much/)
    assert.ok(taken <= INFLATE_FREE_OCTETS + octets * INFLATE_RATIO_MAX)
    assert.ok(taken >= INFLATE_FREE_OCTETS)
  })

  test('what stands behind the end is given back as it came', async () => {
    const plain = Buffer.from('b LOGIN a b\r\n')
    const command = 'a UNAUTHENTICATE\r\n'
    for (const octets of [await encoder().push(command, Z_SYNC_FLUSH), deflateRawSync(Buffer.from(command))]) {
      const { layer } = layerOn([Buffer.concat([octets, plain])])
      assert.equal(Buffer.from((await layer.read(1000))!).toString(), command)
      const rest = Buffer.from(layer.close()).toString('latin1')
      assert.ok(rest === plain.toString(), JSON.stringify(rest))
    }
  })
})

describe('writing', () => {
  test('each write is there to its end; after a pause with an encoder of its own', async () => {
    const { layer, written, clock } = layerOn([])
    let all = ''
    const say = async (line: string): Promise<void> => {
      await layer.write(line)
      all += line
      assert.equal(await heard(Buffer.concat(written)), all)
    }
    await say('* OK one\r\n')
    await say('* OK two\r\n'.repeat(5000))
    clock.advance(DEFLATE_KEEP_MS / 2)
    await say('* OK three\r\n')
    const before = written.length
    await say('* OK three again and again and again\r\n')
    const small = Buffer.concat(written.slice(before)).length
    for (let i = 0; i < 3; i++) clock.advance(DEFLATE_KEEP_MS)
    assert.equal(clock.nextDueMs, null) // The encoder is gone, and its timer with it.
    const at = written.length
    await say('* OK three again and again and again\r\n')
    assert.ok(Buffer.concat(written.slice(at)).length > small) // Nothing to refer to.
    layer.close()
    await assert.rejects(layer.write('late'), ConnectionLost)
  })

  test('back-pressure from below is kept', async () => {
    let open!: () => void
    const room = new Promise<void>((resolve) => (open = resolve))
    const layer = deflateLayer(
      { read: () => Promise.resolve(null), write: () => room, fail: () => assert.fail() },
      { clock: createTestClock() },
    )
    let done = false
    const writing = layer.write('x'.repeat(100_000)).then(() => (done = true))
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(done, false)
    open()
    await writing
    layer.close()
  })
})

describe('on a connection', () => {
  const listening = (serve: (connection: Connection) => Promise<void>): Promise<Listener> =>
    createNetwork({
      clock: realClock,
      random: createTestRandom(5),
      log: recordingLog(),
      certificates: createCertificates([]),
    }).listen({ service: 'imap', address: '127.0.0.1', port: 0, tls: 'none', shared: false }, serve)
  const dial = (listener: Listener): Socket => connect(listener.endpoint.port, '127.0.0.1')
  const octetsOf = async (socket: Socket): Promise<Buffer> => Buffer.concat(await Array.fromAsync(socket))

  test('begins behind what was written, ends, and goes on in the clear', async () => {
    await using listener = await listening(async (connection) => {
      assert.equal(Buffer.from((await connection.read(5000))!).toString(), 'start\r\n')
      await connection.write('clear\r\n')
      connection.startDeflate()
      assert.equal(connection.deflated, true)
      for (let line = ''; line !== 'stop\r\n';) {
        line = ''
        while (!line.endsWith('\n')) line += Buffer.from((await connection.read(5000))!).toString()
        await connection.write(`heard ${line}`)
      }
      await connection.stopDeflate()
      assert.equal(Buffer.from((await connection.read(5000))!).toString(), 'in the clear\r\n')
      await connection.write('bye\r\n')
    })
    const socket = dial(listener)
    const peer = encoder()
    socket.write('start\r\n')
    await once(socket, 'readable')
    const all = octetsOf(socket)
    socket.write(await peer.push('one\r\n', Z_SYNC_FLUSH))
    socket.write(Buffer.concat([await peer.push('stop\r\n', Z_SYNC_FLUSH), Buffer.from('in the clear\r\n')]))
    const octets = await all
    assert.equal(octets.subarray(0, 7).toString(), 'clear\r\n')
    assert.equal(octets.subarray(-5).toString(), 'bye\r\n')
    assert.equal(await heard(octets.subarray(7, -5)), 'heard one\r\nheard stop\r\n')
  })

  test('its end waits for what is being compressed; a broken one lets go of its engines', async () => {
    await using listener = await listening(async (connection) => {
      connection.startDeflate()
      connection.write('* BYE\r\n'.repeat(20_000)).catch(() => {})
      await connection.end()
    })
    assert.equal(await heard(await octetsOf(dial(listener))), '* BYE\r\n'.repeat(20_000))

    let lost: unknown
    await using breaking = await listening(async (connection) => {
      connection.startDeflate()
      await connection.write('* OK\r\n')
      await connection.read(5000).catch((error: unknown) => (lost = error))
    })
    const socket = dial(breaking)
    socket.once('data', () => socket.resetAndDestroy())
    await once(socket, 'close')
    await breaking.drained()
    assert.ok(lost instanceof ConnectionLost)
  })
})
