/** Letters that are sent on, between two servers: in whose name, and where their notices go. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { createTransport } from 'nodemailer'
import type { AccountRef } from '../src/core/contract.ts'
import { parseAddress } from '../src/format/address/address.ts'
import { eventually, openWorld, type World, type WorldServer } from './world.ts'

async function send(world: World, from: WorldServer, who: string, envelope: { from: string; to: string }) {
  const transport = createTransport({
    host: from.address,
    port: from.port('submission'),
    requireTLS: true,
    auth: { user: who, pass: 'sesame' },
    tls: { ca: await readFile(world.caFile, 'utf8') },
  })
  await transport.sendMail({ envelope, from: who, to: envelope.to, subject: `for ${envelope.to}`, text: 'x' })
  transport.close()
}

const arrival = (server: WorldServer, account: AccountRef, what: RegExp): Promise<string> =>
  eventually(`${what.source} at ${account.address.localPart}`, async () => {
    const texts = await server.read(account)
    return texts.find((text) => what.test(text)) ?? null
  })

test('a letter that is sent on comes in our name; its bounce goes back to the sender, through both', async () => {
  await using world = await openWorld()
  const { east, west } = world
  const bert = await west.addAccount('bert')
  const olga = await west.addAccount('olga')
  const added = await east.core.directory.addAlias('anna@east.test', ['olga@west.test'])
  assert.equal(added.at, 'done')

  await send(world, west, 'bert@west.test', { from: 'bert@west.test', to: 'anna@east.test' })
  const text = await arrival(west, olga, /^Subject: for anna/m)
  const [, path = ''] = /^Return-Path: <(.*)>\r\n/.exec(text) ?? []
  assert.match(path, /^SRS0=[A-Z2-7]{8}=[A-Z2-7]{2}=west\.test=bert@east\.test$/)

  await send(world, west, 'olga@west.test', { from: '', to: path })
  const bounce = await arrival(west, bert, /^Subject: for SRS0/m)
  assert.match(bounce, /^Return-Path: <>\r\n/)

  const { intake } = east.core
  const lookup = async (address: string, from: 'null' | 'sender'): Promise<string> => {
    const parsed = parseAddress(address)
    assert.ok(parsed.ok)
    return (await intake.lookup(parsed.value, null, from === 'null' ? null : bert.address)).at
  }
  assert.equal(await lookup(path, 'null'), 'local')
  assert.equal(await lookup(path, 'sender'), 'unknown', 'only notices come back this way')
  assert.equal(await lookup(path.replace('=bert@', '=olga@'), 'null'), 'unknown')
  world.clock.advance(22 * 24 * 60 * 60 * 1000)
  assert.equal(await lookup(path, 'null'), 'unknown', 'after 22 days')
})

test('an account sends as much as it may, and then hears why and when again', async () => {
  await using world = await openWorld()
  const { east, west } = world
  const anna = await east.addAccount('anna')
  const bert = await west.addAccount('bert')
  await east.core.directory.addAlias('both@east.test', ['bert@west.test', 'olga@west.test'])
  const letter = (to: string) => send(world, east, 'anna@east.test', { from: 'anna@east.test', to })
  await east.core.directory.setSendingLimit('anna@east.test', { messages: 5, recipients: 2 })
  await letter('bert@west.test')
  await letter('anna@east.test')
  assert.deepEqual((await east.core.directory.sending('anna@east.test'))?.sent, { messages: 1, recipients: 1 })
  // How many an alias stands for is known when it is sent.
  await assert.rejects(letter('both@east.test'), /450 4\.7\.1 More mail than this account may send in a day/)
  await letter('bert@west.test')
  await assert.rejects(letter('bert@west.test'), /452 4\.5\.3 .* there is room again at .* \+0000/)
  await east.core.directory.setSendingLimit('anna@east.test', { messages: 0, recipients: 0 })
  await assert.rejects(letter('bert@west.test'), /550 5\.7\.1 This account may not send/)
  await letter('anna@east.test')
  await arrival(west, bert, /^Subject: for bert/m)
  assert.equal((await east.read(anna)).length, 2)
})

test('a temporary alias reaches its account until it ends; then it is nobody, also where a catch-all is', async () => {
  await using world = await openWorld()
  const { directory, intake, accounts } = world.east.core
  const anna = await world.east.addAccount('anna')
  await directory.setCatchAll('east.test', 'anna@east.test')
  const forMs = 30 * 24 * 60 * 60 * 1000
  const made = await directory.addTemporaryAlias('Anna@east.test', { forMs })
  assert.ok(made.at === 'done')
  const { address, until } = made.alias
  assert.match(address.localPart, /^[a-z]+\.\d{5}$/)
  assert.equal((await intake.lookup(address, null)).at, 'local')
  assert.equal(await accounts.maySendAs(anna, address), true)
  world.clock.advance(until! - world.clock.now())
  assert.equal((await intake.lookup(address, null)).at, 'unknown')
  assert.equal(await accounts.maySendAs(anna, address), false)
  assert.equal((await directory.addTemporaryAlias('anna@east.test', { forMs: 0 })).at, 'bad-term')
  assert.equal((await directory.addTemporaryAlias('nobody@east.test', { forMs })).at, 'not-found')
  assert.equal(
    (await directory.addAlias('x@east.test', ['anna@east.test'], { forMs: 3651 * 86_400_000 })).at,
    'bad-term',
  )
})
