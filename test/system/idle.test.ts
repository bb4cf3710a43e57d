/** A change made on one thread wakes IDLE on all of them. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { startGavan, type Gavan } from '../interop/gavan.ts'
import { until } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'

const IDLERS = 12

/** A connection that remembers all it hears. */
type Heard = { readonly socket: Socket; text: string }

function listenTo(socket: Socket): Heard {
  const heard = { socket, text: '' }
  socket.setEncoding('utf8').on('data', (text: string) => (heard.text += text))
  socket.on('error', () => {})
  return heard
}

const says = (heard: Heard, pattern: RegExp): Promise<true> =>
  until(`${pattern} in ${heard.text}`, () => (pattern.test(heard.text) ? true : null))

async function idler(gavan: Gavan, ca: string): Promise<Heard> {
  const user = gavan.users[0]!
  const heard = listenTo(connectTls({ host: 'localhost', port: gavan.ports.imaps, ca }))
  heard.socket.write(`a LOGIN "${user.address}" "${user.password}"\r\nb SELECT INBOX\r\nc IDLE\r\n`)
  await says(heard, /^\+ /m)
  return heard
}

async function deliver(gavan: Gavan, subject: string): Promise<void> {
  const heard = listenTo(connect(gavan.ports.mx, 'localhost'))
  const to = gavan.users[0]!.address
  const letter = `From: <a@far.test>\r\nSubject: ${subject}\r\n\r\nHello\r\n.\r\n`
  heard.socket.write('EHLO far.test\r\n')
  await says(heard, /^250 /m)
  heard.socket.write(`MAIL FROM:<a@far.test>\r\nRCPT TO:<${to}>\r\nDATA\r\n`)
  await says(heard, /^354/m)
  heard.socket.write(`${letter}QUIT\r\n`)
  await says(heard, /^354[^]*^250 [^]*^221/m)
  heard.socket.destroy()
}

test('IDLE on every thread hears of letters, flags and expunges', async () => {
  using folder = temporaryFolder('idle')
  await using gavan = await startGavan({ folder: folder.path })
  const ca = readFileSync(gavan.caFile, 'utf8')
  // The kernel spreads connections over the threads that listen; a dozen on one of two would be one in two thousand.
  const idlers = await Promise.all(Array.from({ length: IDLERS }, () => idler(gavan, ca)))
  try {
    for (let count = 1; count <= 3; count++) {
      await deliver(gavan, `letter ${count}`)
      await Promise.all(idlers.map((one) => says(one, new RegExp(`^\\* ${count} EXISTS`, 'm'))))
    }
    const [actor, ...others] = idlers
    actor!.socket.write('DONE\r\nd STORE 2 +FLAGS (\\Flagged \\Deleted)\r\n')
    await says(actor!, /^d OK/m)
    await Promise.all(others.map((one) => says(one, /^\* 2 FETCH .*\\Flagged/m)))
    actor!.socket.write('e EXPUNGE\r\n')
    await says(actor!, /^e OK/m)
    await Promise.all(others.map((one) => says(one, /^\* 2 EXPUNGE/m)))
    for (const one of others) one.socket.write('DONE\r\nf NOOP\r\n')
    await Promise.all(others.map((one) => says(one, /^f OK/m)))
    for (const { text } of others) assert.doesNotMatch(text, /^\S+ (?:BAD|NO)/m)
  } finally {
    for (const { socket } of idlers) socket.destroy()
  }
})
