import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import type { Address } from '../../model/address.ts'
import type { TraceId } from '../../model/ids.ts'
import { HEADER_BLOCK_MAX_OCTETS } from '../../model/limits.ts'
import type { QueueEntry } from '../../model/queue.ts'
import { compile } from '../../sieve/compile.ts'
import { editHeader } from '../../sieve/message/edited-header.ts'
import { renderNotification, renderVacation } from '../../sieve/render.ts'
import { run } from '../../sieve/run.ts'
import type { AccountRef, AcceptResult, Intake } from '../contract.ts'
import { createIntake } from '../intake/intake.ts'
import { openMailboxes } from '../mailboxes/mailboxes.ts'
import { openTestCore, type TestCore } from '../testing/test-core.ts'
import { StoreError, type StoreErrorKind } from '../../store/contract.ts'
import { createFilters } from './filter.ts'

const at = (text: string): Address => {
  const [localPart = '', domain = ''] = text.split('@')
  return { localPart, domain }
}

type Stage = {
  readonly core: TestCore
  readonly intake: Intake
  readonly ann: AccountRef
  readonly bob: AccountRef
  script(text: string, account?: AccountRef): Promise<void>
  /** From zoe@far.test to ann, unless said otherwise. */
  send(
    letter?: string,
    options?: { to?: readonly string[]; from?: string | null; verified?: boolean },
  ): Promise<AcceptResult>
  /** The letters of a mailbox, with their flags before them where there are any. */
  mailbox(name: string, account?: AccountRef): Promise<string[]>
  queued(): Promise<{ entry: QueueEntry; text: string }[]>
}

const LETTER =
  'From: Zoe <zoe@far.test>\r\nTo: ann@here.test\r\nSubject: [list] hello\r\nMessage-ID: <1@far.test>\r\n\r\nbody\r\n'

async function withStage(body: (stage: Stage) => Promise<void>): Promise<void> {
  await using core = await openTestCore()
  const { store, clock, random } = core
  const ann = await core.addAccount('ann@here.test')
  const bob = await core.addAccount('bob@here.test')
  const filters = createFilters({
    store,
    clock,
    random,
    log: silentLog,
    hostname: 'mail.here.test',
    version: '1',
    engine: async () => Promise.resolve({ compile, run, editHeader, renderVacation, renderNotification }),
    openMailboxes: (account) => openMailboxes(account, { store, clock }),
  })
  const intake = createIntake({ store, clock, random, hostname: 'mail.here.test', postmaster: null, filters })
  await body({
    core,
    intake,
    ann,
    bob,
    async script(text, account = ann) {
      assert.deepEqual(compile(text), { ...compile(text), ok: true })
      const { accountId } = account
      await store.run({ do: 'putScript', accountId, name: 'main', text })
      await store.run({ do: 'activateScript', accountId, name: 'main' })
    },
    async send(letter = LETTER, { to = ['ann@here.test'], from = 'zoe@far.test', verified = false } = {}) {
      const envelope = {
        reversePath: from === null ? null : at(from),
        recipients: to.map((text) => ({ address: at(text) })),
        body: '7BIT',
        smtputf8: false,
        requireTls: false,
      } as const
      const sink = intake.open({ envelope, received: 'Received: by mail.here.test\r\n', complete: null })
      await sink.write(Buffer.from(letter))
      const message = await sink.finish()
      assert.ok(!('at' in message))
      return intake.accept({ envelope, message, traceId: 'trace' as TraceId, senderVerified: verified })
    },
    async mailbox(name, account = ann) {
      const mailboxes = openMailboxes(account, { store, clock })
      const info = await mailboxes.find(name)
      assert.notEqual(info, null, name)
      const letters: string[] = []
      for await (const entries of mailboxes.entries(info!.mailboxId, [{ from: 1, to: 4_294_967_295 } as never])) {
        for (const { messageKey, sizeOctets, flags } of entries) {
          const marks = flags.length === 0 ? '' : `${flags.join(' ')} | `
          letters.push(marks + Buffer.from(await mailboxes.read(messageKey, 0, sizeOctets)).toString())
        }
      }
      return letters
    },
    async queued() {
      const entries = await store.queue.list()
      return Promise.all(
        entries.map(async (entry) => ({
          entry,
          text: Buffer.from(await store.queue.read(entry.queueId, 0, entry.sizeOctets)).toString(),
        })),
      )
    },
  })
}

const STORED = `Return-Path: <zoe@far.test>\r\nReceived: by mail.here.test\r\n${LETTER}`

suite('filters at delivery', () => {
  test('without a script, or with one that is not active, mail goes to the inbox', () =>
    withStage(async ({ send, mailbox, core, ann }) => {
      await core.store.run({ do: 'putScript', accountId: ann.accountId, name: 'idle', text: 'discard;' })
      await send()
      assert.deepEqual(await mailbox('INBOX'), [STORED])
    }))

  test('fileinto with flags; a mailbox that is not there means the inbox, or is made', () =>
    withStage(async ({ script, send, mailbox }) => {
      await script(`require ["fileinto", "imap4flags", "mailbox", "special-use"];
        if header :contains "subject" "[list]" { fileinto :create :flags "\\\\Seen work" "Lists/Проект"; }
        elsif header :contains "subject" "nowhere" { fileinto "Nowhere"; }
        elsif header :contains "subject" "junk" { fileinto :specialuse "\\\\Junk" "Spam"; }`)
      await send()
      await send(LETTER.replace('[list]', 'nowhere'))
      await send(LETTER.replace('[list]', 'junk'))
      assert.deepEqual(await mailbox('Lists/Проект'), [`\\Seen work | ${STORED}`])
      assert.equal((await mailbox('Lists')).length, 0)
      assert.match((await mailbox('INBOX')).join(), /^[^,]*nowhere/)
      assert.match((await mailbox('Junk')).join(), /Subject: junk hello/)
    }))

  test('discard keeps nothing, and says 250', () =>
    withStage(async ({ script, send, mailbox, queued }) => {
      await script('discard;')
      assert.deepEqual(await send(), { at: 'accepted', queueIds: [], delivered: 0 })
      assert.deepEqual(await mailbox('INBOX'), [])
      assert.deepEqual(await queued(), [])
    }))

  test('redirect goes to the queue with the sender’s own path; to a neighbour through his filter', () =>
    withStage(async ({ script, send, mailbox, queued, bob }) => {
      await script('require "copy"; redirect :copy "else@away.test"; redirect "bob@here.test";')
      await script('require "fileinto"; fileinto "Archive";', bob)
      await send()
      const [only, ...others] = await queued()
      assert.equal(others.length, 0)
      assert.deepEqual(only?.entry.envelope.reversePath, at('zoe@far.test'))
      assert.deepEqual(
        only?.entry.recipients.map(({ address }) => address),
        [at('else@away.test')],
      )
      assert.equal(only?.text, STORED.replace(/^Return-Path.*\r\n/, ''))
      assert.deepEqual(await mailbox('INBOX'), [])
      assert.deepEqual(await mailbox('Archive', bob), [STORED])
    }))

  test('two that redirect to each other: the letter is there once, and does not run in a circle', () =>
    withStage(async ({ script, send, mailbox, bob }) => {
      await script('redirect "bob@here.test";')
      await script('redirect "ann@here.test";', bob)
      await send()
      assert.deepEqual(await mailbox('INBOX'), [STORED])
      assert.deepEqual(await mailbox('INBOX', bob), [])
    }))

  test('redirect to where nobody is: it stays in the inbox', () =>
    withStage(async ({ script, send, mailbox }) => {
      await script('redirect "nobody@here.test";')
      await send()
      assert.deepEqual(await mailbox('INBOX'), [STORED])
    }))

  test('editheader: the copy filed is edited, below Return-Path; the body is the letter’s', () =>
    withStage(async ({ script, send, mailbox, queued }) => {
      await script(`require ["editheader", "fileinto", "copy"];
        fileinto :copy "Archive";
        addheader "X-Seen" "yes"; deleteheader "subject";
        redirect :copy "else@away.test";`)
      const large = `${LETTER}${'more of it\r\n'.repeat(50_000)}`
      await send(large)
      const stored = STORED + large.slice(LETTER.length)
      const edited = stored.replace('Received:', 'X-Seen: yes\r\nReceived:').replace(/Subject.*\r\n/, '')
      assert.deepEqual(await mailbox('Archive'), [stored])
      assert.deepEqual(await mailbox('INBOX'), [edited])
      assert.deepEqual(
        (await queued()).map(({ text }) => text),
        [edited.replace(/^Return-Path.*\r\n/, '')],
      )
    }))

  test('an edited letter is not lost: redirected to where nobody is; with a header that no letter may have', () =>
    withStage(async ({ script, send, mailbox }) => {
      await script('require "editheader"; addheader "X-Seen" "yes"; redirect "nobody@here.test";')
      await send()
      assert.match((await mailbox('INBOX')).join(), /^Return-Path: .*\r\nX-Seen: yes\r\n/)

      await script('require ["editheader", "fileinto"]; addheader "X-Seen" "yes"; fileinto "Archive";')
      const field = `X-Pad: ${'x'.repeat(900)}\r\n`
      const room = HEADER_BLOCK_MAX_OCTETS - Buffer.byteLength(STORED) - 40
      const full = LETTER.replace('\r\n\r\n', `\r\n${field.repeat(Math.floor(room / field.length))}\r\n`)
      const rest = HEADER_BLOCK_MAX_OCTETS - Buffer.byteLength(STORED.replace(LETTER, full).replace('body\r\n', ''))
      const brim = full.replace('\r\n\r\n', `\r\nY: ${'y'.repeat(rest - 5)}\r\n\r\n`)
      await send(brim)
      assert.deepEqual(await mailbox('Archive'), [STORED.replace(LETTER, brim)])
    }))

  test('an edited letter for a mailbox that is full is refused for now, not lost', () =>
    withStage(async ({ script, send, mailbox, core, ann }) => {
      await core.store.run({ do: 'setQuota', accountId: ann.accountId, quotaOctets: 10 })
      await script('require "editheader"; addheader "X-Seen" "yes";')
      assert.deepEqual(await send(), { at: 'over-quota' })
      assert.deepEqual(await mailbox('INBOX'), [])
    }))

  test('reject: the only recipient’s is a refusal; beside others it is kept', () =>
    withStage(async ({ script, send, mailbox, bob }) => {
      await script('require "reject"; reject "Not\r\nfor me";')
      assert.deepEqual(await send(), { at: 'refused', text: 'Not\r\nfor me' })
      assert.deepEqual(await mailbox('INBOX'), [])
      assert.equal((await send(LETTER, { to: ['ann@here.test', 'bob@here.test'] })).at, 'accepted')
      assert.deepEqual(await mailbox('INBOX'), [STORED])
      assert.deepEqual(await mailbox('INBOX', bob), [STORED])
    }))

  test('vacation answers once in its time, from <>, and keeps a copy where it is told', () =>
    withStage(async ({ script, send, mailbox, queued, core }) => {
      await script(`require ["vacation", "fcc", "imap4flags"];
        vacation :days 7 :fcc "Sent" :flags "\\\\Seen" "Away until May.";`)
      await send()
      await send()
      const answers = await queued()
      assert.equal(answers.length, 1)
      const { entry, text } = answers[0]!
      assert.equal(entry.envelope.reversePath, null)
      assert.deepEqual(
        entry.recipients.map(({ address, notify }) => ({ address, notify })),
        [{ address: at('zoe@far.test'), notify: 'never' }],
      )
      assert.match(text, /^In-Reply-To: <1@far\.test>\r$/m)
      assert.match(text, /Away until May\./)
      assert.equal((await mailbox('INBOX')).length, 2)
      assert.match((await mailbox('Sent')).join(), /^\\Seen \| From: /)
      core.clock.advance(7 * 24 * 3600 * 1000 + 1)
      await send()
      assert.equal((await queued()).length, 2)
      await send(LETTER, { from: null })
      await send(LETTER.replace('\r\n\r\n', '\r\nList-Id: <a.b>\r\n\r\n'), { from: 'yan@far.test' })
      assert.equal((await queued()).length, 2)
    }))

  test('duplicate and notify', () =>
    withStage(async ({ script, send, mailbox, queued }) => {
      await script(`require ["duplicate", "enotify"];
        if duplicate { discard; } else { notify :message "You have mail" "mailto:phone@away.test"; }`)
      await send()
      await send()
      assert.equal((await mailbox('INBOX')).length, 1)
      assert.deepEqual(
        (await queued()).map(({ entry }) => entry.destination),
        ['away.test'],
      )
    }))

  test('a script that fails keeps the letter, and its owner is told once a day', () =>
    withStage(async ({ script, send, mailbox, core }) => {
      await script('require ["include"]; include :personal "missing";')
      await send()
      await send()
      const letters = await mailbox('INBOX')
      assert.equal(letters.filter((text) => text === STORED).length, 2)
      assert.equal(letters.filter((text) => /Subject: Your mail filter failed/.test(text)).length, 1)
      core.clock.advance(24 * 3600 * 1000 + 1)
      await send()
      assert.equal((await mailbox('INBOX')).length, 5)
    }))

  test('an included script of one’s own', () =>
    withStage(async ({ script, send, mailbox, core, ann }) => {
      const { accountId } = ann
      await core.store.run({
        do: 'putScript',
        accountId,
        name: 'lists',
        text: 'require "fileinto"; fileinto "Archive";',
      })
      await script('require ["include"]; include :personal "lists";')
      await send()
      assert.deepEqual(await mailbox('Archive'), [STORED])
    }))

  test('a script that the device does not give keeps no mail back; a busy store does', () =>
    withStage(async ({ script, send, mailbox, core }) => {
      await script('discard;')
      const { filters } = core.store
      let kind: StoreErrorKind = 'device'
      Object.defineProperty(core.store, 'filters', {
        value: { ...filters, activeScript: () => Promise.reject(new StoreError(kind, 'unread')) },
      })
      await send()
      assert.deepEqual(await mailbox('INBOX'), [STORED])
      kind = 'busy'
      await assert.rejects(send(), { kind: 'busy' })
    }))

  test('nothing is left of a letter whose delivery fails', () =>
    withStage(async ({ script, send, mailbox, queued, core }) => {
      await script('require ["vacation"]; vacation "Away.";')
      const { store } = core
      const { run: original } = store
      store.run = (command) => (command.do === 'accept' ? Promise.reject(new Error('no')) : original(command))
      await assert.rejects(send())
      store.run = original
      assert.deepEqual([await mailbox('INBOX'), await queued()], [[], []])
      await send()
      assert.equal((await queued()).length, 1)
    }))
})
