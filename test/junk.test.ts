/** The junk filter between real sessions: letters come in on port 25, people move them by IMAP, and the next ones are judged. */
import assert from 'node:assert/strict'
import { connect as connectTls } from 'node:tls'
import { connect } from 'node:net'
import { readFile } from 'node:fs/promises'
import { after, before, suite, test } from 'node:test'
import { SECOND } from '../src/std/clock.ts'
import type { AccountRef } from '../src/core/contract.ts'
import { JUNK_LEARNT_MIN } from '../src/model/limits.ts'
import { openWorld, type World, type WorldServer } from './world.ts'

type Talk = { ask(line: string, end: RegExp): Promise<string>; end(): void }

function talk(socket: ReturnType<typeof connect>): Talk {
  socket.setEncoding('latin1')
  let said = ''
  let wake: (() => void) | null = null
  socket.on('data', (text) => {
    said += String(text)
    wake?.()
  })
  return {
    async ask(line, end) {
      if (line !== '') socket.write(`${line}\r\n`)
      while (!end.test(said)) await new Promise<void>((resolve) => (wake = resolve))
      const whole = said
      said = ''
      return whole
    },
    end: () => socket.destroy(),
  }
}

/** @returns the reply to the dot */
async function bring(to: WorldServer, content: string, recipients: readonly string[]): Promise<string> {
  const smtp = talk(connect({ host: to.address, port: to.port('mx'), localAddress: '127.0.1.1' }))
  await smtp.ask('', /^220 .*\r\n$/m)
  await smtp.ask('EHLO mail.east.test', /^250 .*\r\n$/m)
  await smtp.ask('MAIL FROM:<news@east.test>', /^250 .*\r\n$/m)
  for (const recipient of recipients) await smtp.ask(`RCPT TO:<${recipient}>`, /^250 .*\r\n$/m)
  await smtp.ask('DATA', /^354 .*\r\n$/m)
  const answer = await smtp.ask(`${content.replaceAll('\n', '\r\n')}\r\n.`, /^\d{3} .*\r\n$/m)
  smtp.end()
  return answer
}

/** None of these is in any corpus that was learnt from. */
const GOOD = [
  (n: number) =>
    `Subject: Поездка на дачу ${n}\n\nПривет! В субботу едем на дачу, захвати семена и дрова. Картошка уже взошла, дорога сухая.`,
  (n: number) =>
    `Subject: Minutes of the meeting ${n}\n\nAttached are the minutes. Please check the budget table and the roof repairs before Thursday.`,
]
const JUNK = [
  (n: number) =>
    `Subject: Выигрыш ждёт ${n}\n\nПоздравляем! Вы выиграли миллион рублей. Срочно заберите приз, перейдите по ссылке http://priz${n}.casino.test/`,
  (n: number) =>
    `Subject: Cheap pills ${n}\n\nLimited offer! Buy cheap pills now, no prescription, best price guaranteed, click http://pills${n}.pharm.test/`,
]
const letter = (from: string, text: string): string =>
  `From: ${from}\nTo: bert@west.test\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n${text}`

suite('junk that people teach', () => {
  let world: World
  let bert: AccountRef
  let carl: AccountRef
  let imap: Talk
  before(async () => {
    world = await openWorld({ authenticated: true })
    await world.east.addAccount('anna')
    bert = await world.west.addAccount('bert')
    carl = await world.west.addAccount('carl')
    const ca = await readFile(world.caFile, 'utf8')
    imap = await login(world.west, ca)
  })
  after(async () => {
    imap.end()
    await world[Symbol.asyncDispose]()
  })

  let tag = 0
  const command = async (text: string): Promise<string> => {
    const answer = await imap.ask(`t${++tag} ${text}`, new RegExp(`^t${tag} .*\\r\\n$`, 'm'))
    assert.match(answer, new RegExp(`^t${tag} OK`, 'm'))
    return answer
  }
  const count = async (account: AccountRef, mailbox: string): Promise<number> =>
    (await world.west.read(account, mailbox)).length
  const whyLast = (): string[] =>
    (world.west.events.filter(({ event }) => event === 'junk.verdict').at(-1)?.['why'] ?? []) as string[]
  const LEARN = JUNK_LEARNT_MIN + 4

  test('nothing learnt: nothing said, all in the inbox', async () => {
    for (let n = 0; n < LEARN; n++) {
      assert.match(await bring(world.west, letter('news@east.test', GOOD[n % 2]!(n)), ['bert@west.test']), /^250/)
      assert.match(await bring(world.west, letter('shop@east.test', JUNK[n % 2]!(n)), ['bert@west.test']), /^250/)
    }
    assert.equal(await count(bert, 'INBOX'), 2 * LEARN)
    assert.equal(world.west.events.filter(({ event }) => event === 'junk.verdict').length, 0)
  })

  test('MOVE to Junk and $NotJunk teach; like letters go to Junk, good ones do not, and it is told why', async () => {
    world.clock.advance(SECOND) // Letters are moved after they have come, however seldom the world's clock ticks.
    await command('SELECT INBOX')
    const all = Array.from({ length: LEARN }, (_, n) => n)
    await command(`UID MOVE ${all.map((n) => 2 * n + 2).join(',')} Junk`)
    await command(`UID STORE ${all.map((n) => 2 * n + 1).join(',')} +FLAGS ($NotJunk)`)
    await world.west.learn()
    await bring(world.west, letter('other@elsewhere.test', JUNK[1]!(901)), ['bert@west.test'])
    assert.equal(await count(bert, 'Junk'), LEARN + 1)
    assert.match(whyLast().join('\n'), /words 5: its words are like junk .* of your own letters/)
    await bring(world.west, letter('other@elsewhere.test', JUNK[0]!(902)), ['bert@west.test'])
    assert.equal(await count(bert, 'Junk'), LEARN + 2)
    await bring(world.west, letter('other@elsewhere.test', GOOD[0]!(903)), ['bert@west.test'])
    assert.equal(await count(bert, 'INBOX'), LEARN + 1)
    assert.match(whyLast().join('\n'), /words -[12]: its words are like good letters/)
  })

  test('what one account has learnt does not judge for another (S27)', async () => {
    await bring(world.west, letter('other@elsewhere.test', JUNK[1]!(904)), ['carl@west.test', 'bert@west.test'])
    assert.equal(await count(carl, 'INBOX'), 1)
    assert.equal(await count(bert, 'Junk'), LEARN + 3)
  })

  test('what our own verdict put into Junk is not learnt; moved back, all is unlearnt', async () => {
    const learnt = (): unknown => world.west.events.filter(({ event }) => event === 'junk.learnt').at(-1)
    await world.west.learn()
    assert.partialDeepStrictEqual(learnt(), { junk: LEARN, good: LEARN })
    world.clock.advance(SECOND)
    await command('SELECT Junk')
    await command('UID MOVE 1:* INBOX')
    await world.west.learn()
    assert.partialDeepStrictEqual(learnt(), { junk: 0, good: 2 * LEARN + 3 })
    await bring(world.west, letter('other@elsewhere.test', JUNK[1]!(905)), ['bert@west.test'])
    assert.equal(await count(bert, 'Junk'), 0)
  })

  async function login(server: WorldServer, ca: string): Promise<Talk> {
    const socket = connect({ host: server.address, port: server.port('imap') })
    const plain = talk(socket)
    await plain.ask('', /^\* OK .*\r\n$/m)
    await plain.ask('a STARTTLS', /^a OK .*\r\n$/m)
    socket.removeAllListeners('data')
    const tls = connectTls({ socket, ca, servername: 'mail.west.test' })
    const secure = talk(tls)
    await secure.ask('b LOGIN bert@west.test sesame', /^b OK .*\r\n$/m)
    return secure
  }
})
