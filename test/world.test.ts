import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ImapFlow } from 'imapflow'
import { createTransport, type Transporter } from 'nodemailer'
import type { AccountRef } from '../src/core/contract.ts'
import { RECEIVED_HEADERS_MAX } from '../src/model/limits.ts'
import { HOUR, MINUTE } from '../src/std/clock.ts'
import type { LogEvent } from '../src/std/log.ts'
import { eventually, openWorld, type World, type WorldServer } from './world.ts'

async function clientOf(world: World, server: WorldServer, user: string): Promise<Transporter> {
  return createTransport({
    host: server.address,
    port: server.port('submission'),
    requireTLS: true,
    auth: { user, pass: 'sesame' },
    tls: { ca: await readFile(world.caFile, 'utf8') },
  })
}

async function send(
  world: World,
  from: WorldServer,
  letter: { user: string; to: string; subject: string },
): Promise<void> {
  const { user, to, subject } = letter
  const address = `${user}@${from.domain}`
  const transport = await clientOf(world, from, address)
  await transport.sendMail({ from: address, to, subject, text: 'Привет' })
  transport.close()
}

const arrival = (server: WorldServer, account: AccountRef, subject: string): Promise<string> =>
  eventually(`"${subject}" in ${account.address.localPart}'s inbox`, async () => {
    const texts = await server.read(account)
    return texts.find((text) => text.includes(`Subject: ${subject}`)) ?? null
  })

test('a letter goes from one server to the other over TLS, is read by IMAP, and is answered', async () => {
  await using world = await openWorld()
  const { east, west } = world
  const anna = await east.addAccount('anna')
  const bert = await west.addAccount('bert')
  await send(world, east, { user: 'anna', to: 'bert@west.test', subject: 'There' })
  const text = await arrival(west, bert, 'There')
  const [last = '', first = '', ...more] = text.match(/^Received: .*(?:\r\n\t.*)*/gm) ?? []
  assert.deepEqual(more, [])
  assert.match(last, /from mail\.east\.test .*by mail\.west\.test with ESMTPS /s) // RFC 3848
  assert.match(first, /by mail\.east\.test with ESMTPSA /s)

  const client = new ImapFlow({
    host: west.address,
    port: west.port('imap'),
    doSTARTTLS: true,
    auth: { user: 'bert@west.test', pass: 'sesame' },
    tls: { ca: await readFile(world.caFile, 'utf8') },
    logger: false,
  })
  await client.connect()
  await client.mailboxOpen('INBOX')
  const message = await client.fetchOne('1', { envelope: true, source: true })
  assert.ok(message !== false)
  assert.equal(message.envelope?.subject, 'There')
  assert.equal(message.source?.toString(), text)
  await client.logout()

  await send(world, west, { user: 'bert', to: 'anna@east.test', subject: 'Back' })
  assert.match(await arrival(east, anna, 'Back'), /^Return-Path: <bert@west\.test>\r\n/)
})

test('one letter for both servers is one acceptance, delivered once to each', async () => {
  await using world = await openWorld()
  const { east, west } = world
  await east.addAccount('anna')
  const olga = await east.addAccount('olga')
  const bert = await west.addAccount('bert')
  await send(world, east, { user: 'anna', to: 'bert@west.test, olga@east.test, bert@west.test', subject: 'Both' })
  await arrival(west, bert, 'Both')
  await arrival(east, olga, 'Both')
  assert.equal((await west.read(bert)).length, 1)
  assert.equal((await east.read(olga)).length, 1)
  await eventually('an empty queue', async () => ((await east.store.queue.list()).length === 0 ? true : null))
})

test('while the other server is away its mail waits, and arrives once when it is back', async () => {
  await using world = await openWorld()
  const { clock, east, west } = world
  await east.addAccount('anna')
  const bert = await west.addAccount('bert')
  await west.shutMx()
  await send(world, east, { user: 'anna', to: 'bert@west.test', subject: 'Patience' })
  await eventually('a first attempt', async () => ((await east.store.queue.list())[0]?.attempts === 1 ? true : null))
  await west.openMx()
  clock.advance(10 * MINUTE)
  await arrival(west, bert, 'Patience')
  assert.equal((await west.read(bert)).length, 1)
})

test('a recipient whom the other server does not know comes back as one DSN that says so', async () => {
  await using world = await openWorld()
  const { clock, east } = world
  const anna = await east.addAccount('anna')
  await send(world, east, { user: 'anna', to: 'nobody@west.test', subject: 'Lost' })
  const dsn = await eventually('a DSN', async () => (await east.read(anna))[0] ?? null)
  assert.match(dsn, /^Return-Path: <>\r\n/)
  assert.match(dsn, /multipart\/report; report-type=delivery-status/)
  assert.match(dsn, /^Final-Recipient: rfc822; nobody@west\.test\r\nAction: failed\r\nStatus: 5\.1\.1\r$/m)
  assert.match(dsn, /Subject: Lost/)
  clock.advance(HOUR)
  assert.equal((await east.read(anna)).length, 1)
})

test('REQUIRETLS is taken and kept: without a proven MX the letter comes back (RFC 8689 §4.2.1)', async () => {
  await using world = await openWorld()
  const { east, west } = world
  const anna = await east.addAccount('anna')
  const bert = await west.addAccount('bert')
  const transport = await clientOf(world, east, 'anna@east.test')
  await transport.sendMail({
    envelope: { from: 'anna@east.test', to: ['bert@west.test'], requireTLSExtensionEnabled: true },
    raw: 'From: anna@east.test\r\nSubject: Sealed\r\n\r\nx',
  })
  transport.close()
  const dsn = await eventually('a DSN', async () => (await east.read(anna))[0] ?? null)
  assert.match(dsn, /Status: 5\.7\.10/)
  assert.deepEqual(await west.read(bert), [])
})

test('two aliases that point at each other across servers end within 50 hops (R21)', async () => {
  await using world = await openWorld()
  const { east, west } = world
  const anna = await east.addAccount('anna')
  await east.core.directory.addAlias('loop@east.test', ['loop@west.test'])
  await west.core.directory.addAlias('loop@west.test', ['loop@east.test'])
  await send(world, east, { user: 'anna', to: 'loop@east.test', subject: 'Round' })
  const events = (): LogEvent[] => [...east.events, ...west.events]
  const end = await eventually('an end', () => events().find(({ event }) => event === 'relay.failed') ?? null)
  assert.equal(end['status'], '5.4.6')
  assert.ok(events().filter(({ event }) => event === 'relay.delivered').length <= RECEIVED_HEADERS_MAX)
  const left = async (): Promise<number> =>
    (await east.store.queue.list()).length + (await west.store.queue.list()).length
  await eventually('empty queues', async () => ((await left()) === 0 ? true : null))
  // The last hop came from a stranger, whose reverse-path nobody has verified: no DSN (R22).
  assert.deepEqual(await east.read(anna), [])
})
