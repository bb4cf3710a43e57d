import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { test } from 'node:test'
import assert from 'node:assert/strict'
import {
  FAILED_LOGIN_DELAYS_MS,
  FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX,
  IMAP_AUTOLOGOUT_MS,
  IMAP_BEFORE_LOGIN_TIMEOUT_MS,
  IMAP_ERRORS_MAX,
  IMAP_ID_FIELDS_MAX,
  IMAP_ID_VALUE_MAX_OCTETS,
  IMAP_LITERAL_MAX_OCTETS,
  IMAP_LITERAL_SKIP_MAX_OCTETS,
  IMAP_MESSAGES_PER_APPEND_MAX,
  MESSAGE_MAX_OCTETS,
  STORE_PORTION_MESSAGES,
} from '../../src/model/limits.ts'
import { StoreError, type Mailboxes } from '../../src/core/contract.ts'
import { settle } from '../transcript.ts'
import { logIn, openImapStage, type Client, type ImapStage } from './stage.ts'

async function withStage(
  run: (stage: ImapStage) => Promise<void>,
  options?: Parameters<typeof openImapStage>[0],
): Promise<void> {
  const stage = await openImapStage(options)
  try {
    await run(stage)
  } finally {
    await stage.stop()
  }
}

/** Turns the clock once something waits for it beside the reads of the sessions. */
async function turnWhenWaiting(stage: ImapStage, timers: number, ms: number): Promise<void> {
  for (let i = 0; i < 2000 && stage.clock.pending < timers; i++) await settle(1)
  assert.equal(stage.clock.pending, timers)
  stage.clock.advance(ms)
}

test('S6: failed logins wait longer each time, then the connection goes; names and passwords fail alike', () =>
  withStage(async (stage) => {
    const peer = stage.connect()
    await peer.line()
    const answers: string[] = []
    for (const [login, ms] of [
      ['anna@here.test', 2000],
      ['nobody@here.test', 4000],
      ['anna@here.test', 8000],
    ] as const) {
      peer.send(`a LOGIN ${login} wrong\r\n`)
      await turnWhenWaiting(stage, 1, ms - 1)
      await settle()
      assert.equal(peer.unread().length, 0)
      stage.clock.advance(1)
      answers.push((await peer.line())!)
    }
    assert.deepEqual(answers, [
      'a NO [AUTHENTICATIONFAILED] Wrong name or password',
      'a NO [AUTHENTICATIONFAILED] Wrong name or password',
      '* BYE Too many failed logins',
    ])
    assert.match((await peer.rest()).toString(), /^a NO \[AUTHENTICATIONFAILED\]/)
  }))

test('S6: an address that failed too often waits as if it had failed, and its password is not looked at', () =>
  withStage(async (stage) => {
    for (let i = 0; i < FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX; i++) stage.guard.loginFailed('192.0.2.1')
    const peer = stage.connect()
    await peer.line()
    peer.send('a LOGIN anna@here.test sesame\r\nb AUTHENTICATE PLAIN\r\n')
    // The address has failed before: a new connection does not begin at the shortest wait.
    const longestMs = FAILED_LOGIN_DELAYS_MS.at(-1)!
    for (const answer of [/^a NO \[LIMIT\]/, /^b NO \[LIMIT\]/]) {
      await turnWhenWaiting(stage, 1, longestMs - 1)
      await settle()
      assert.equal(peer.unread().length, 0)
      stage.clock.advance(1)
      assert.match((await peer.line())!, answer)
    }
  }))

test('SCRAM-SHA-256-PLUS with the channel bound (RFC 7677, RFC 9266); a wrong proof is refused', () =>
  withStage(async (stage) => {
    for (const [password, answer] of [
      ['sesame', /^a OK \[CAPABILITY /],
      ['wrong', /^a NO \[AUTHENTICATIONFAILED\]/],
    ] as const) {
      const peer = stage.connect()
      await peer.line()
      const bare = 'n=anna@here.test,r=client'
      const header = 'p=tls-exporter,,'
      peer.send(`a AUTHENTICATE SCRAM-SHA-256-PLUS ${Buffer.from(header + bare).toString('base64')}\r\n`)
      const first = Buffer.from((await peer.line())!.slice(2), 'base64').toString()
      const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(first)!
      const salted = pbkdf2Sync(password, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256')
      const mac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
      const clientKey = mac(salted, 'Client Key')
      const bound = Buffer.concat([Buffer.from(header), Buffer.alloc(32, 7)]).toString('base64')
      const final = `c=${bound},r=${nonce}`
      const signature = mac(createHash('sha256').update(clientKey).digest(), `${bare},${first},${final}`)
      const proof = clientKey.map((octet, i) => octet ^ signature[i]!)
      peer.send(`${Buffer.from(`${final},p=${Buffer.from(proof).toString('base64')}`).toString('base64')}\r\n`)
      if (password === 'sesame') {
        const server = mac(mac(salted, 'Server Key'), `${bare},${first},${final}`).toString('base64')
        assert.equal(Buffer.from((await peer.line())!.slice(2), 'base64').toString(), `v=${server}`)
        peer.send('\r\n')
      } else await turnWhenWaiting(stage, 2, 2000) // the first session's read waits too
      assert.match((await peer.line())!, answer)
    }
  }))

test('S14: before login there is one minute, however the octets drip; after it, half an hour of silence', () =>
  withStage(async (stage) => {
    const silent = stage.connect()
    const dripping = stage.connect()
    await silent.line()
    await dripping.line()
    for (let at = 0; at < IMAP_BEFORE_LOGIN_TIMEOUT_MS; at += 10_000) {
      dripping.send('x')
      await settle()
      stage.clock.advance(10_000)
      await settle()
    }
    assert.match((await silent.rest()).toString(), /^\* BYE /)
    assert.match((await dripping.rest()).toString(), /^\* BYE /)
    const client = await logIn(stage)
    await settle()
    stage.clock.advance(IMAP_AUTOLOGOUT_MS - 1)
    await client.ask('NOOP')
    await settle()
    stage.clock.advance(IMAP_AUTOLOGOUT_MS)
    assert.match((await client.peer.rest()).toString(), /^\* BYE /)
  }))

test('too many bad commands in a row end the session; a good one starts the count anew', () =>
  withStage(async (stage) => {
    const client = await logIn(stage)
    for (let i = 1; i < IMAP_ERRORS_MAX; i++) await client.ask('NONSENSE')
    await client.ask('NOOP')
    for (let i = 1; i < IMAP_ERRORS_MAX; i++) await client.ask('NONSENSE')
    client.peer.send('x NONSENSE\r\n')
    assert.match((await client.peer.rest()).toString(), /^x BAD .*\r\n\* BYE /)
  }))

test('shutdown says BYE to sessions that wait, idle or not', () =>
  withStage(async (stage) => {
    const waiting = await logIn(stage)
    const idling = await logIn(stage)
    idling.peer.send('i IDLE\r\n')
    await idling.until('+ ')
    stage.drain.abort()
    assert.match((await waiting.peer.rest()).toString(), /^\* BYE \[UNAVAILABLE\]/)
    assert.match((await idling.peer.rest()).toString(), /^\* BYE \[UNAVAILABLE\]/)
    await stage.ended()
  }))

test('R31: a throw in a handler ends that session alone, and is logged', () =>
  withStage(async (stage) => {
    stage.failuresExpected = 1
    const other = await logIn(stage)
    const broken = await logIn(stage, {
      wrap: (handle) => ({
        ...handle,
        subscriptions() {
          throw new TypeError('planted')
        },
      }),
    })
    broken.peer.send('a LIST "" *\r\n')
    assert.match((await broken.peer.rest()).toString(), /^\* BYE \[SERVERBUG\]/)
    assert.ok(
      stage.events.some(
        ({ event, error, cid }) => event === 'imap.failed' && cid === 'c2' && String(error).includes('planted'),
      ),
    )
    assert.equal((await other.ask('NOOP')).at(-1), 'OK Noop completed')
  }))

const failing =
  (methods: readonly (keyof Mailboxes)[], kind: ConstructorParameters<typeof StoreError>[0]) =>
  (handle: Mailboxes): Mailboxes => {
    const broken: Record<string, unknown> = { ...handle }
    for (const method of methods) broken[method] = () => Promise.reject(new StoreError(kind, 'planted'))
    return broken as unknown as Mailboxes
  }

test('docs/rules.md, codes: a store that fails is NO [UNAVAILABLE]; the session goes on', () =>
  withStage(async (stage) => {
    await stage.fill('INBOX', ['A: b\r\n\r\nx\r\n'])
    const client = await logIn(stage, { wrap: failing(['setFlags', 'append', 'copy', 'create', 'list'], 'no-space') })
    await client.ask('SELECT INBOX')
    for (const command of [
      'STORE 1 +FLAGS (\\Seen)',
      'COPY 1 Sent',
      'CREATE x',
      'LIST "" *',
      'APPEND INBOX {3+}\r\nabc',
    ]) {
      assert.match((await client.ask(command)).at(-1)!, /^NO \[UNAVAILABLE\]/, command)
    }
    // R6: reading goes on where \Seen cannot be kept.
    assert.deepEqual(await client.ask('FETCH 1 BODY[TEXT]'), [
      '* 1 FETCH (BODY[TEXT] {3}',
      'x',
      ')',
      'OK Fetch completed',
    ])
  }))

test('R6: a message that finds no room on its way in is taken from the wire and refused', () =>
  withStage(async (stage) => {
    const client = await logIn(stage, {
      wrap: (handle) => ({
        ...handle,
        open: () => ({ ...handle.open(), write: () => Promise.reject(new StoreError('no-space', 'planted')) }),
      }),
    })
    assert.match((await client.ask('APPEND INBOX {12+}\r\na LOGOUT\r\n\r\n')).at(-1)!, /^NO \[UNAVAILABLE\]/)
    assert.match((await client.ask('NOOP')).at(-1)!, /^OK/)
    const blind = await logIn(stage, { wrap: failing(['find'], 'busy') })
    assert.match((await blind.ask('APPEND INBOX {12+}\r\na LOGOUT\r\n\r\n')).at(-1)!, /^NO \[UNAVAILABLE\]/)
    assert.match((await blind.ask('NOOP')).at(-1)!, /^OK/)
  }))

test('R11: a damaged message does not keep the others back', () =>
  withStage(async (stage) => {
    await stage.fill('INBOX', ['A: 1\r\n\r\none\r\n', 'A: 2\r\n\r\ntwo\r\n', 'A: 3\r\n\r\nthree\r\n'])
    let key = 0
    const client = await logIn(stage, {
      wrap: (handle) => ({
        ...handle,
        read(messageKey, start, end) {
          key ||= messageKey + 1
          return messageKey === key
            ? Promise.reject(new StoreError('damaged', 'planted'))
            : handle.read(messageKey, start, end)
        },
      }),
    })
    await client.ask('SELECT INBOX')
    const answer = await client.ask('FETCH 1:3 BODY.PEEK[TEXT]')
    assert.deepEqual(
      answer.filter((line) => line.startsWith('*')),
      ['* 1 FETCH (BODY[TEXT] {5}', '* 3 FETCH (BODY[TEXT] {7}'],
    )
    assert.match(answer.at(-1)!, /^NO \[UNAVAILABLE\]/)
  }))

test('a large body that breaks off ends the connection: half a literal cannot be mended', () =>
  withStage(async (stage) => {
    stage.failuresExpected = 1
    await stage.fill('INBOX', [`A: 1\r\n\r\n${'x'.repeat(200_000)}\r\n`])
    let reads = 0
    const client = await logIn(stage, {
      wrap: (handle) => ({
        ...handle,
        read: (...args) => (++reads > 2 ? Promise.reject(new StoreError('damaged', 'planted')) : handle.read(...args)),
      }),
    })
    await client.ask('EXAMINE INBOX')
    client.peer.send('a FETCH 1 BODY[]\r\n')
    const said = (await client.peer.rest()).toString()
    assert.ok(said.startsWith('* 1 FETCH (BODY[] {200'))
    assert.doesNotMatch(said, /\na /)
  }))

test('large bodies come whole, in pieces, and wait for a client that reads slowly', () =>
  withStage(async (stage) => {
    const body = Array.from({ length: 30_000 }, (_, i) => `line ${i}\r\n`).join('')
    await stage.fill('INBOX', [`A: 1\r\n\r\n${body}`, `A: 2\r\n\r\n${body}`])
    let reads = 0
    const client = await logIn(stage, {
      windowOctets: 64 * 1024,
      wrap: (handle) => ({ ...handle, read: (...args) => (reads++, handle.read(...args)) }),
    })
    await client.ask('EXAMINE INBOX')
    client.peer.send('a FETCH 1:2 BODY[]\r\n')
    await settle(100)
    assert.ok(reads <= 3, `${reads} pieces were read ahead`)
    const size = body.length + 8
    for (const n of [1, 2]) {
      assert.equal(await client.peer.line(), `* ${n} FETCH (BODY[] {${size}}`)
      let read = ''
      while (read.length < size) read += (await client.peer.octets(Math.min(10_000, size - read.length))).toString()
      assert.equal(read, `A: ${n}\r\n\r\n${body}`)
      assert.equal(await client.peer.line(), ')')
    }
    assert.match((await client.peer.line())!, /^a OK/)
  }))

test('BINARY of a large part is decoded in pieces; parts of it by octets of the decoded text', () =>
  withStage(async (stage) => {
    const octets = Buffer.from(Array.from({ length: 150_000 }, (_, i) => (i * 7) & 255))
    const coded = octets.toString('base64').replaceAll(/.{76}/g, '$&\r\n')
    await stage.fill('INBOX', [
      `Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n${coded}\r\n`,
      'Content-Transfer-Encoding: x-odd\r\n\r\nx\r\n',
    ])
    const client = await logIn(stage)
    await client.ask('SELECT INBOX')
    assert.deepEqual(await client.ask('FETCH 1 BINARY.SIZE[1]'), [
      '* 1 FETCH (BINARY.SIZE[1] 150000)',
      'OK Fetch completed',
    ])
    client.peer.send('a FETCH 1 BINARY.PEEK[1]<70000.1000>\r\n')
    assert.equal(await client.peer.line(), '* 1 FETCH (BINARY[1]<70000> ~{1000}')
    assert.deepEqual(await client.peer.octets(1000), octets.subarray(70_000, 71_000))
    assert.equal(await client.peer.line(), ')')
    await client.peer.line()
    client.peer.send('b FETCH 1 BINARY.PEEK[1]\r\n')
    assert.equal(await client.peer.line(), '* 1 FETCH (BINARY[1] ~{150000}')
    assert.deepEqual(await client.peer.octets(150_000), octets)
    await client.peer.line()
    await client.peer.line()
    assert.match((await client.ask('FETCH 2 BINARY[1]')).at(-1)!, /^NO \[UNKNOWN-CTE\]/)
  }))

test('APPEND streams: the sink sees pieces before the message is whole', () =>
  withStage(async (stage) => {
    const seen: number[] = []
    const client = await logIn(stage, {
      wrap: (handle) => ({
        ...handle,
        open() {
          const sink = handle.open()
          return { ...sink, write: (chunk) => (seen.push(chunk.length), sink.write(chunk)) }
        },
      }),
    })
    const size = 1_000_000
    client.peer.send(`a APPEND INBOX {${size}}\r\n`)
    await client.until('+ ')
    client.peer.send('A: b\r\n\r\n')
    await settle()
    assert.deepEqual(seen, [8])
    client.peer.send(Buffer.alloc(size - 8, 'x'))
    client.peer.send('\r\n')
    assert.match((await client.until('a '))[0]!, /^a OK \[APPENDUID/)
    // Refused before the octets are asked for; unasked, the connection goes.
    assert.match((await client.ask(`APPEND INBOX {${MESSAGE_MAX_OCTETS + 1}}`)).at(-1)!, /^NO \[TOOBIG\]/)
    client.peer.send(`b APPEND INBOX {${MESSAGE_MAX_OCTETS + 1}+}\r\n`)
    assert.match((await client.peer.rest()).toString(), /^\* BYE .*\r\nb NO \[TOOBIG\]/)
  }))

test('a client that goes away in the middle of an APPEND leaves nothing behind', () =>
  withStage(async (stage) => {
    let aborted = 0
    const client = await logIn(stage, {
      wrap: (handle) => ({
        ...handle,
        open() {
          const sink = handle.open()
          return { ...sink, abort: () => (aborted++, sink.abort()) }
        },
      }),
    })
    client.peer.send('a APPEND INBOX {100+}\r\nA: b\r\n')
    await settle()
    client.peer.end()
    await stage.ended()
    assert.equal(aborted, 1)
    assert.equal((await stage.mailboxes.find('INBOX'))!.messages, 0)
  }))

test('S13: hostile input is refused without being kept', () =>
  withStage(async (stage) => {
    const play = async (text: string): Promise<string> => {
      const peer = stage.connect()
      await peer.line()
      peer.send(text)
      peer.end()
      return (await peer.rest()).toString()
    }
    assert.match(await play(`a ${'('.repeat(1_000_000)}\r\n`), /^\S+ BAD /)
    assert.match(await play('a LOGIN {4294967295}\r\n'), /^a BAD \[TOOBIG\]/)
    assert.match(await play('a LOGIN {4294967295+}\r\nxx'), /^\* BYE /)
    assert.match(await play('a LOGIN {9e9+}\r\n'), /^a BAD /)
    assert.match(await play('a LOGIN x\0y z\r\nb NOOP\r\n'), /^a BAD .*\r\nb OK /)
    const client = await logIn(stage)
    await client.ask('SELECT INBOX')
    for (const command of [
      `UID FETCH ${'1,'.repeat(30_000)}1 UID`,
      `UID SEARCH ${'('.repeat(20)}ALL${')'.repeat(20)}`,
    ]) {
      assert.match((await client.ask(command)).at(-1)!, /^OK /, command.slice(0, 40))
    }
    for (const command of [
      `UID FETCH ${'1,'.repeat(1_000_000)}1 UID`,
      `SEARCH ${'('.repeat(50_000)}ALL${')'.repeat(50_000)}`,
      `SEARCH ${'NOT '.repeat(10_000)}ALL`,
      `FETCH 1 BODY[${'1.'.repeat(40_000)}1]`,
      `STORE 1 FLAGS (${'a '.repeat(40_000)}a)`,
      `LIST "" ("${'%*'.repeat(50_000)}")`,
    ]) {
      assert.match((await client.ask(command)).at(-1)!, /^(BAD|NO) /, command.slice(0, 40))
    }
  }))

test('limits of APPEND’s messages, of ID, and of literals passed over', () =>
  withStage(async (stage) => {
    const client = await logIn(stage)
    const letters = (count: number): string => ' {8+}\r\nA: b\r\n\r\n'.repeat(count)
    assert.match((await client.ask(`APPEND Sent${letters(IMAP_MESSAGES_PER_APPEND_MAX + 1)}`)).at(-1)!, /^NO \[LIMIT\]/)
    assert.equal((await stage.mailboxes.find('Sent'))!.messages, 0)
    assert.match((await client.ask(`APPEND Sent${letters(IMAP_MESSAGES_PER_APPEND_MAX)}`)).at(-1)!, /^OK /)
    assert.equal((await stage.mailboxes.find('Sent'))!.messages, IMAP_MESSAGES_PER_APPEND_MAX)
    const field = (i: number): string => `"f${i}" NIL`
    for (const [fields, status] of [
      [Array.from({ length: IMAP_ID_FIELDS_MAX }, (_, i) => field(i)), 'OK'],
      [Array.from({ length: IMAP_ID_FIELDS_MAX + 1 }, (_, i) => field(i)), 'BAD'],
      [[`"name" "${'x'.repeat(IMAP_ID_VALUE_MAX_OCTETS)}"`], 'OK'],
      [[`"name" "${'x'.repeat(IMAP_ID_VALUE_MAX_OCTETS + 1)}"`], 'BAD'],
    ] as const) {
      assert.ok((await client.ask(`ID (${fields.join(' ')})`)).at(-1)!.startsWith(status))
    }
    const literal = (octets: number): string => `CREATE {${octets}+}\r\n${'x'.repeat(octets)}`
    assert.match((await client.ask(literal(IMAP_LITERAL_MAX_OCTETS + 1))).at(-1)!, /^NO \[TOOBIG\]/)
    assert.match((await client.ask(literal(IMAP_LITERAL_SKIP_MAX_OCTETS))).at(-1)!, /^NO \[TOOBIG\]/)
    assert.match((await client.ask(literal(IMAP_LITERAL_SKIP_MAX_OCTETS + 1)))[0]!, /^\* BYE /)
  }))

test('a thousand pipelined commands are answered in order', () =>
  withStage(async (stage) => {
    const client = await logIn(stage)
    client.peer.send(Array.from({ length: 1000 }, (_, i) => `n${i} NOOP\r\n`).join(''))
    const lines = await client.until('n999 ')
    assert.deepEqual(
      lines,
      Array.from({ length: 1000 }, (_, i) => `n${i} OK Noop completed`),
    )
  }))

test('keywords: too many are refused, and what others use is announced', () =>
  withStage(async (stage) => {
    await stage.fill('INBOX', ['A: b\r\n\r\n'])
    const [one, two] = [await logIn(stage), await logIn(stage)]
    await one.ask('SELECT INBOX')
    await two.ask('SELECT INBOX')
    await one.ask('STORE 1 +FLAGS ($Work)')
    const told = await two.ask('NOOP')
    assert.match(told[0]!, /^\* FLAGS \(.*\$Work\)/)
    assert.equal(told[2], '* 1 FETCH (UID 1 FLAGS ($Work))')
    const many = Array.from({ length: 100 }, (_, i) => `k${i}`).join(' ')
    assert.match((await one.ask(`STORE 1 +FLAGS (${many})`)).at(-1)!, /^NO \[LIMIT\]/)
  }))

/** A client's own view, kept by the rules of RFC 9051 §7.5: numbers, uids, flags. */
function follower(uids: number[]): { uids: number[]; exists: number; read(lines: readonly string[]): void } {
  const view = {
    uids,
    exists: uids.length,
    read(lines: readonly string[]) {
      for (const line of lines) {
        const expunged = /^\* (\d+) EXPUNGE$/.exec(line)
        if (expunged !== null) {
          assert.ok(Number(expunged[1]) <= view.exists)
          view.uids.splice(Number(expunged[1]) - 1, 1)
          view.exists--
        }
        const exists = /^\* (\d+) EXISTS$/.exec(line)
        if (exists !== null) {
          assert.ok(Number(exists[1]) >= view.exists, 'EXISTS never shrinks')
          view.exists = Number(exists[1])
        }
        const fetched = /^\* (\d+) FETCH \(UID (\d+)/.exec(line)
        if (fetched !== null) {
          const [number, uid] = [Number(fetched[1]), Number(fetched[2])]
          assert.ok(view.uids[number - 1] === undefined || view.uids[number - 1] === uid, 'a number keeps its uid')
          view.uids[number - 1] = uid
        }
      }
    },
  }
  return view
}

test('R23: three sessions change one mailbox at random; each one’s numbers stay right', () =>
  withStage(async (stage) => {
    await stage.fill(
      'INBOX',
      Array.from({ length: 20 }, (_, i) => `A: ${i}\r\n\r\nx\r\n`),
    )
    const clients: { client: Client; view: ReturnType<typeof follower> }[] = []
    for (let i = 0; i < 3; i++) {
      const client = await logIn(stage)
      await client.ask('SELECT INBOX')
      const view = follower([])
      view.exists = 20
      view.read(await client.ask('FETCH 1:* UID'))
      clients.push({ client, view })
    }
    const { random } = stage.core
    const pick = (n: number): number => Math.floor(random.float() * n)
    const commands: readonly (() => string)[] = [
      () => `UID STORE ${1 + pick(40)}:${1 + pick(40)} +FLAGS.SILENT (\\Deleted)`,
      () => `UID STORE 1:* -FLAGS (\\Seen)`,
      () => `UID STORE ${1 + pick(40)} +FLAGS (\\Seen)`,
      () => 'EXPUNGE',
      () => 'APPEND INBOX {8+}\r\nA: b\r\n\r\n',
      () => 'UID COPY 1:5 INBOX',
      () => 'UID MOVE 1:3 INBOX',
      () => 'NOOP',
      () => 'SEARCH UNSEEN',
      () => 'UID FETCH 1:* FLAGS',
    ]
    for (let round = 0; round < 300; round++) {
      const { client, view } = clients[pick(clients.length)]!
      view.read(await client.ask(commands[pick(commands.length)]!()))
    }
    const truth = [...(await stage.mailboxes.uids((await stage.mailboxes.find('INBOX'))!.mailboxId))]
    for (const { client, view } of clients) {
      view.read(await client.ask('NOOP'))
      assert.equal(view.exists, truth.length)
      view.read(await client.ask('FETCH 1:* UID').then((lines) => (truth.length === 0 ? [] : lines)))
      assert.deepEqual(view.uids, truth)
    }
  }))

test('log events name the connection and never a password', () =>
  withStage(async (stage) => {
    const client = await logIn(stage)
    await client.ask('LOGOUT')
    await stage.ended()
    const names = stage.events.map(({ event }) => event)
    for (const event of ['imap.connected', 'imap.login', 'imap.closed']) assert.ok(names.includes(event), event)
    assert.ok(stage.events.filter(({ event }) => event.startsWith('imap.')).every(({ cid }) => cid === 'c1'))
    assert.ok(!JSON.stringify(stage.events).includes('sesame'))
  }))

test('what a command did stays done when the changes cannot be read; they are told at the next', () =>
  withStage(async (stage) => {
    await stage.fill('INBOX', ['A: b\r\n\r\n'])
    let failures = 0
    const client = await logIn(stage, {
      wrap: (handle) => ({
        ...handle,
        entries: (...args) => {
          if (failures-- > 0) throw new StoreError('busy', 'planted')
          return handle.entries(...args)
        },
      }),
    })
    await client.ask('SELECT INBOX')
    failures = 1
    const appended = await client.ask('APPEND INBOX {8+}\r\nA: b\r\n\r\n')
    assert.deepEqual(appended.length, 1)
    assert.match(appended[0]!, /^OK \[APPENDUID /)
    assert.deepEqual(await client.ask('NOOP'), ['* 2 EXISTS', 'OK Noop completed'])
  }))

test('own changes are told once, also when another session changed something between', () =>
  withStage(async (stage) => {
    await stage.fill('INBOX', ['A: b\r\n\r\n', 'A: b\r\n\r\n', 'A: b\r\n\r\n'])
    const [one, two] = [await logIn(stage), await logIn(stage)]
    await one.ask('SELECT INBOX')
    await two.ask('SELECT INBOX')
    await two.ask('STORE 2 +FLAGS.SILENT (\\Flagged)')
    assert.deepEqual(await one.ask('STORE 1 +FLAGS (\\Seen)'), [
      '* 1 FETCH (FLAGS (\\Seen))',
      '* 2 FETCH (UID 2 FLAGS (\\Flagged))',
      'OK Store completed',
    ])
    assert.deepEqual(await one.ask('STORE 1:3 +FLAGS.SILENT (\\Draft)'), ['OK Store completed'])
    assert.deepEqual(await one.ask('NOOP'), ['OK Noop completed'])
    await two.ask('STORE 3 +FLAGS.SILENT (\\Answered)')
    assert.deepEqual(await one.ask('FETCH 3 BODY[TEXT]'), [
      '* 3 FETCH (FLAGS (\\Answered \\Seen \\Draft) BODY[TEXT] "")',
      'OK Fetch completed',
    ])
  }))

test('STORE and EXPUNGE of many take several commands to the store, and one answer', () =>
  withStage(async (stage) => {
    await stage.fill('INBOX', ['A: b\r\n\r\n'])
    let commands = 0
    const counting = (handle: Mailboxes): Mailboxes => ({
      ...handle,
      setFlags: (...args) => {
        commands++
        return handle.setFlags(...args)
      },
      expunge: (...args) => {
        commands++
        return handle.expunge(...args)
      },
    })
    const client = await logIn(stage, { wrap: counting })
    await client.ask('SELECT INBOX')
    let messages = 1
    for (; messages <= 2 * STORE_PORTION_MESSAGES; messages *= 2) await client.ask('COPY 1:* INBOX')
    const lines = await client.ask('STORE 1:* +FLAGS (\\Deleted)')
    assert.equal(commands, messages / STORE_PORTION_MESSAGES)
    assert.equal(lines.length, messages + 1)
    assert.equal(lines.at(-2), `* ${messages} FETCH (FLAGS (\\Deleted))`)
    assert.deepEqual(await client.ask('NOOP'), ['OK Noop completed'])
    assert.deepEqual(await client.ask('UID STORE 1,3 -FLAGS.SILENT (\\Deleted)'), ['OK Store completed'])
    commands = 0
    const gone = await client.ask('EXPUNGE')
    assert.equal(commands, messages / STORE_PORTION_MESSAGES)
    assert.equal(gone.length, messages - 2 + 1)
    assert.match((await client.ask('STATUS INBOX (MESSAGES DELETED)'))[0]!, /MESSAGES 2 DELETED 0/)
  }))
