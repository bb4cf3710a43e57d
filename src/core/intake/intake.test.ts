import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Envelope } from '../../model/envelope.ts'
import type { QueueId, TraceId, Uid } from '../../model/ids.ts'
import type { MailboxEntry } from '../../model/mailbox.ts'
import {
  BODY_IN_MEMORY_MAX_OCTETS,
  HEADER_BLOCK_MAX_OCTETS,
  HEADER_LINES_MAX,
  QUEUE_DSN_LIFETIME_MS,
} from '../../model/limits.ts'
import { StoreError } from '../../store/contract.ts'
import type { AccountRef, Intake, StagedMessage } from '../contract.ts'
import { at } from '../testing/test-directory.ts'
import { openTestCore, type TestCore } from '../testing/test-core.ts'
import { createIntake } from './intake.ts'

const RECEIVED = 'Received: from x by mail.here.test;\r\n Mon, 05 Jan 2026 12:00:00 +0000\r\n'
const RETURN_PATH = 'Return-Path: <sender@away.test>\r\n'
const TRACE = 'trace1' as TraceId

type World = TestCore & { intake: Intake; ann: AccountRef; bob: AccountRef }

async function openWorld(): Promise<World> {
  const core = await openTestCore()
  const [ann, bob] = [await core.addAccount('ann@here.test'), await core.addAccount('bob@here.test')]
  const intake = createIntake({ ...core, hostname: 'mail.here.test', postmaster: at('bob@here.test') })
  return Object.assign(core, { intake, ann, bob })
}

const envelope = (recipients: readonly string[], more: Partial<Envelope> = {}): Envelope => ({
  reversePath: at('sender@away.test'),
  recipients: recipients.map((address) => ({ address: at(address) })),
  body: '8BITMIME',
  smtputf8: false,
  requireTls: false,
  ...more,
})

type Sent = { content: string | Buffer; complete?: boolean; step?: number }

async function stage({ intake }: World, to: Envelope, { content, complete = false, step = 65536 }: Sent) {
  const date = Date.UTC(2026, 0, 5, 12)
  const sink = intake.open({
    envelope: to,
    received: RECEIVED,
    complete: complete ? { date, messageIdDomain: 'here.test' } : null,
  })
  const bytes = Buffer.from(content as string, 'latin1')
  for (let from = 0; from < bytes.length; from += step) await sink.write(bytes.subarray(from, from + step))
  assert.equal(sink.sizeOctets, bytes.length)
  return sink.finish()
}

async function staged(world: World, to: Envelope, sent: Sent): Promise<StagedMessage> {
  const message = await stage(world, to, sent)
  assert.ok(!('at' in message), 'at' in message ? message.why : '')
  return message
}

async function accept(world: World, to: Envelope, sent: Sent) {
  const message = await staged(world, to, sent)
  return world.intake.accept({ envelope: to, message, traceId: TRACE, senderVerified: false })
}

/** The stored octets of each message in the account's INBOX. */
async function inboxOf({ store }: World, { accountId }: AccountRef): Promise<string[]> {
  const inbox = (await store.mail.mailboxByName(accountId, 'INBOX'))!
  const entries: MailboxEntry[] = []
  const all = [{ from: 1 as Uid, to: 4294967295 as Uid }]
  for await (const batch of store.mail.entries(accountId, inbox.mailboxId, all)) entries.push(...batch)
  const texts: string[] = []
  for (const { messageKey, sizeOctets } of entries) {
    texts.push(Buffer.from(await store.mail.read(accountId, messageKey, 0, sizeOctets)).toString('latin1'))
  }
  return texts
}

const relayed = async ({ store }: World, queueId: QueueId): Promise<string> => {
  const { sizeOctets } = (await store.queue.entry(queueId))!
  return Buffer.from(await store.queue.read(queueId, 0, sizeOctets)).toString('latin1')
}

const CONTENT = 'From: sender@away.test\r\nSubject: \xe4\xf6\r\n\r\n.body \x80\xff\r\n'

test('lookup: what a recipient would come to', async () => {
  await using world = await openWorld()
  const { directory, intake } = world
  await world.addAccount('full@here.test', 1000)
  await directory.addAlias('both@here.test', ['full@here.test', 'ann@here.test'])
  await directory.addAlias('out@here.test', ['far@there.test'])
  await directory.addAlias('leads@here.test', ['full@here.test'])
  await world.store.run({ do: 'addAlias', address: at('ring@here.test'), targets: [at('ring@here.test')] })
  const lookup = async (address: string, sizeOctets: number | null = null) =>
    (await intake.lookup(at(address), sizeOctets)).at
  assert.equal(await lookup('ANN@here.test'), 'local')
  assert.equal(await lookup('ann+tag@here.test'), 'local')
  assert.equal(await lookup('nobody@here.test'), 'unknown')
  assert.equal(await lookup('far@there.test'), 'foreign')
  assert.equal(await lookup('out@here.test'), 'local', 'our alias: ours to forward')
  assert.equal(await lookup('postmaster@here.test'), 'local')
  assert.equal(await lookup('Postmaster@mail.here.test'), 'local')
  assert.equal(await lookup('ring@here.test'), 'loop')
  assert.equal(await lookup('full@here.test', 1000), 'local')
  assert.equal(await lookup('full@here.test', 1001), 'over-quota')
  assert.equal(await lookup('leads@here.test', 1001), 'over-quota')
  assert.equal(await lookup('both@here.test', 1001), 'local')
  await accept(world, envelope(['full@here.test']), { content: CONTENT })
  await directory.setQuota('full@here.test', (await directory.account('full@here.test'))!.usedOctets)
  assert.equal(await lookup('full@here.test'), 'over-quota', 'full is full, whatever the size')
  await directory.setQuota('full@here.test', null)
  await directory.setMessageQuota('full@here.test', 1)
  assert.equal(await lookup('full@here.test'), 'over-quota', 'of messages too')
  await directory.setMessageQuota('full@here.test', 2)
  assert.equal(await lookup('full@here.test'), 'local')
})

test('nobody outside is reached by tricks with the local part (S1)', async () => {
  await using world = await openWorld()
  for (const localPart of [
    'far%there.test',
    'far@there.test',
    'there.test!far',
    'far@there.test+x',
    '"far@there.test"',
  ]) {
    const lookup = await world.intake.lookup({ localPart, domain: 'here.test' }, null)
    assert.equal(lookup.at, 'unknown', localPart)
  }
})

test('local mail: Return-Path and Received in front, the content octet by octet', async () => {
  await using world = await openWorld()
  for (const step of [1, 7, 65536]) {
    const outcome = await accept(world, envelope(['ann@here.test']), { content: CONTENT, step })
    assert.deepEqual(outcome, { at: 'accepted', queueIds: [], delivered: 1 })
  }
  assert.deepEqual(
    await inboxOf(world, world.ann),
    Array.from({ length: 3 }, () => RETURN_PATH + RECEIVED + CONTENT),
  )
  assert.deepEqual(await inboxOf(world, world.bob), [])
})

test('the null reverse path, and a forged Return-Path below ours', async () => {
  await using world = await openWorld()
  const content = `Return-Path: <forged@bank.test>\r\n${CONTENT}`
  await accept(world, envelope(['ann@here.test'], { reversePath: null }), { content })
  assert.deepEqual(await inboxOf(world, world.ann), [`Return-Path: <>\r\n${RECEIVED}${content}`])
})

test('counts are of the content alone', async () => {
  await using world = await openWorld()
  const content = `Received: a\r\nRECEIVED: b\r\nFrom: a@b.test\r\nfrom: c@d.test\r\n\r\nReceived: c\r\n`
  const message = await staged(world, envelope(['ann@here.test']), { content })
  assert.equal(message.receivedCount, 2)
  assert.equal(message.fromCount, 2)
  assert.equal(message.skipOctets, RETURN_PATH.length)
  assert.equal(message.summary.sizeOctets, RETURN_PATH.length + RECEIVED.length + content.length)
})

test('aliases, overlapping lists, repeated recipients: each person once', async () => {
  await using world = await openWorld()
  const { directory } = world
  await directory.addAlias('team@here.test', ['ann@here.test', 'bob@here.test', 'far@there.test'])
  await directory.addAlias('all@here.test', ['team@here.test', 'ann+x@here.test', 'far@there.test', 'near@there.test'])
  const to = envelope(['team@here.test', 'all@here.test', 'ann@here.test', 'ann+x@here.test', 'far@there.test'])
  const outcome = await accept(world, to, { content: CONTENT })
  assert.ok(outcome.at === 'accepted')
  assert.equal(outcome.delivered, 2)
  assert.equal((await inboxOf(world, world.ann)).length, 1)
  assert.equal((await inboxOf(world, world.bob)).length, 1)
  assert.equal(outcome.queueIds.length, 1)
  const entry = (await world.store.queue.entry(outcome.queueIds[0]!))!
  assert.equal(entry.destination, 'there.test')
  assert.deepEqual(
    entry.recipients.map(({ address }) => address.localPart),
    ['far', 'near'],
  )
})

test('relayed mail travels without Return-Path, one entry per domain, with the original reverse path', async () => {
  await using world = await openWorld()
  const to = envelope(['a@one.test', 'b@two.test', 'c@one.test', 'ann@here.test'])
  const message = await staged(world, to, { content: CONTENT })
  const outcome = await world.intake.accept({ envelope: to, message, traceId: TRACE, senderVerified: true })
  assert.ok(outcome.at === 'accepted')
  assert.equal(outcome.delivered, 1)
  assert.equal(outcome.queueIds.length, 2)
  for (const queueId of outcome.queueIds) {
    assert.equal(await relayed(world, queueId), RECEIVED + CONTENT)
    const entry = (await world.store.queue.entry(queueId))!
    assert.deepEqual(entry.envelope.reversePath, at('sender@away.test'))
    assert.equal(entry.senderVerified, true)
    assert.equal(entry.traceId, TRACE)
    assert.equal(entry.nextAttemptAt, world.clock.now())
  }
})

test('a submitted message is completed, blind recipients are not shown (RFC 6409 §8)', async () => {
  await using world = await openWorld()
  const content =
    'Return-Path: <x@y.test>\r\nFrom: ann@here.test\r\nBcc: bob@here.test,\r\n far@there.test\r\n\r\nbody\r\n'
  const to = envelope(['bob@here.test', 'far@there.test'])
  const outcome = await accept(world, to, { content, complete: true, step: 5 })
  assert.ok(outcome.at === 'accepted')
  const [stored] = await inboxOf(world, world.bob)
  const expected =
    /^From: ann@here\.test\r\nDate: Mon, 5 Jan 2026 12:00:00 \+0000\r\nMessage-ID: <[a-z2-7]{26}@here\.test>\r\n\r\nbody\r\n$/
  assert.ok(stored!.startsWith(RETURN_PATH + RECEIVED))
  assert.match(stored!.slice(RETURN_PATH.length + RECEIVED.length), expected)
  assert.equal(await relayed(world, outcome.queueIds[0]!), stored!.slice(RETURN_PATH.length))
})

test('a message larger than memory allows goes by a file and comes back whole', async () => {
  await using world = await openWorld()
  const line = `${'x'.repeat(76)}\r\n`
  const content = `From: a@b.test\r\n\r\n${line.repeat(Math.ceil((3 * BODY_IN_MEMORY_MAX_OCTETS) / line.length))}`
  const to = envelope(['ann@here.test', 'far@there.test'])
  const outcome = await accept(world, to, { content, step: 10_000 })
  assert.ok(outcome.at === 'accepted')
  assert.ok((await inboxOf(world, world.ann))[0] === RETURN_PATH + RECEIVED + content)
  assert.ok((await relayed(world, outcome.queueIds[0]!)) === RECEIVED + content)
})

test('content that cannot be taken', async () => {
  await using world = await openWorld()
  const to = envelope(['ann@here.test'])
  const why = async (content: string, more?: Partial<Envelope>) => {
    const message = await stage(world, { ...to, ...more }, { content })
    return 'at' in message ? message.at : 'fine'
  }
  const large = `A: ${'x'.repeat(HEADER_BLOCK_MAX_OCTETS)}\r\n\r\n`
  assert.equal(await why(large), 'malformed')
  assert.equal(await why(`${'A: b\r\n'.repeat(HEADER_LINES_MAX + 1)}\r\n`), 'malformed')
  assert.equal(await why('A: \0\r\n\r\nbody'), 'malformed')
  assert.equal(await why('A: \0\r\n\r\nbody', { body: 'BINARYMIME' }), 'malformed')
  assert.equal(await why('A: b\r\n\r\nbo\0dy'), 'malformed')
  assert.equal(await why('A: b\r\n\r\nbo\0dy', { body: 'BINARYMIME' }), 'fine')
  assert.equal(await why(''), 'fine')
  const completed = await stage(world, to, { content: large, complete: true, step: 4096 })
  assert.equal('at' in completed && completed.at, 'malformed')
})

test('over quota: refused when nobody else gets it, overdrawn when somebody does', async () => {
  await using world = await openWorld()
  const full = await world.addAccount('full@here.test', 10)
  assert.deepEqual(await accept(world, envelope(['full@here.test']), { content: CONTENT }), { at: 'over-quota' })
  assert.deepEqual(await inboxOf(world, full), [])
  const outcome = await accept(world, envelope(['full@here.test', 'ann@here.test']), { content: CONTENT })
  assert.ok(outcome.at === 'accepted' && outcome.delivered === 2)
})

test('a recipient that went away after RCPT: try again, nothing is kept', async () => {
  await using world = await openWorld()
  const to = envelope(['ann@here.test', 'bob@here.test', 'far@there.test'])
  const message = await staged(world, to, { content: CONTENT })
  await world.directory.removeAccount('bob@here.test')
  const accepting = world.intake.accept({ envelope: to, message, traceId: TRACE, senderVerified: false })
  await assert.rejects(accepting, (error) => error instanceof StoreError && error.kind === 'busy')
  assert.deepEqual(await inboxOf(world, world.ann), [])
  assert.deepEqual(await world.store.queue.list(), [])
})

test('a notice of our own: from nobody, never answered, by aliases, or to nobody at all', async () => {
  await using world = await openWorld()
  const { intake, store, directory } = world
  await directory.addAlias('both@here.test', ['ann@here.test', 'far@there.test'])
  const content = Buffer.from('From: MAILER-DAEMON@mail.here.test\r\nSubject: x\r\n\r\nbody\r\n')
  const notice = { content, traceId: TRACE, smtputf8: false, requireTls: false }
  assert.equal(await intake.prepareNotice({ ...notice, to: at('nobody@here.test') }), null)
  const input = await intake.prepareNotice({ ...notice, to: at('both@here.test') })
  assert.ok(input !== null)
  const outcome = await store.run({ do: 'accept', ...input })
  assert.ok(outcome.at === 'accepted')
  assert.deepEqual(await inboxOf(world, world.ann), [`Return-Path: <>\r\n${content.toString()}`])
  const entry = (await store.queue.entry(outcome.queueIds[0]!))!
  assert.equal(entry.envelope.reversePath, null)
  assert.equal(entry.envelope.body, '7BIT')
  assert.equal(entry.recipients[0]!.notify, 'never')
  assert.equal(entry.senderVerified, true, 'signed as ours')
  assert.equal(entry.expiresAt, world.clock.now() + QUEUE_DSN_LIFETIME_MS)
  assert.equal(await relayed(world, entry.queueId), content.toString())
})

test('an aborted message leaves nothing', async () => {
  await using world = await openWorld()
  const to = envelope(['ann@here.test'])
  const sink = world.intake.open({ envelope: to, received: RECEIVED, complete: null })
  await sink.write(Buffer.alloc(2 * BODY_IN_MEMORY_MAX_OCTETS, 'x'))
  await sink.abort()
  await sink.abort()
  await world.intake.discard(await staged(world, to, { content: CONTENT }))
  assert.deepEqual(await inboxOf(world, world.ann), [])
})

test('success is reported to a verified sender who asked (RFC 3461 §5.2.3): delivered, expanded, and to nobody else', async () => {
  await using world = await openWorld()
  await world.directory.addAlias('team@here.test', ['ann@here.test', 'bob@here.test', 'far@away.test'])
  const send = async (
    to: Envelope['recipients'],
    more: Partial<Envelope>,
    senderVerified: boolean,
  ): Promise<string[]> => {
    const asked = { ...envelope([], { reversePath: at('bob@here.test'), ...more }), recipients: to }
    const message = await staged(world, asked, { content: 'From: bob@here.test\r\nSubject: Did it?\r\n\r\nx' })
    await world.intake.accept({ envelope: asked, message, traceId: TRACE, senderVerified })
    return (await inboxOf(world, world.bob)).filter((text) => text.includes('multipart/report'))
  }
  const success = { notify: ['success' as const] }
  const ann = { address: at('ann@here.test') }
  assert.deepEqual(await send([{ ...ann, ...success }], {}, false), [])
  assert.deepEqual(await send([ann], {}, true), [])
  assert.deepEqual(await send([{ ...ann, ...success }], { reversePath: null }, true), [])

  const dsn = { dsn: { envelopeId: 'QQ1' } }
  const [report = ''] = await send([{ ...ann, ...success, originalRecipient: 'rfc822;Ann@here.test' }], dsn, true)
  assert.match(report, /^Return-Path: <>\r\n/)
  assert.match(report, /^Original-Envelope-Id: QQ1\r$/m)
  assert.match(report, /^Final-Recipient: rfc822; ann@here\.test\r\nAction: delivered\r\nStatus: 2\.0\.0\r$/m)
  assert.match(report, /^Subject: Did it\?\r$/m)
  assert.doesNotMatch(report, /Return-Path: <bob/)

  const [, group = ''] = await send([{ address: at('team@here.test'), ...success }], {}, true)
  assert.match(group, /Action: expanded/)
  const [entry] = await world.store.queue.list()
  assert.deepEqual(entry?.recipients[0]?.notify, 'never')
})

test('a group of outside addresses alone is reported as expanded too', async () => {
  await using world = await openWorld()
  await world.directory.addAlias('far@here.test', ['one@away.test', 'two@away.test'])
  const to = {
    ...envelope([], { reversePath: at('bob@here.test') }),
    recipients: [{ address: at('far@here.test'), notify: ['success' as const] }],
  }
  const message = await staged(world, to, { content: 'Subject: Out\r\n\r\nx' })
  await world.intake.accept({ envelope: to, message, traceId: TRACE, senderVerified: true })
  const [report = ''] = await inboxOf(world, world.bob)
  assert.match(report, /Final-Recipient: rfc822; far@here\.test\r\nAction: expanded/)
  assert.match(report, /Subject: Out/)
})
