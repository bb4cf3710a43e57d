/** Out to files and in again: mailboxes, flags, dates and octets come back; what was broken off goes on. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { AccountRef, Mailboxes } from '../../core/contract.ts'
import { openMailboxes } from '../../core/mailboxes/mailboxes.ts'
import { createQueueOperator } from '../../core/queue/operator.ts'
import { openTestCore, type TestCore } from '../../core/testing/test-core.ts'
import { TRANSFER_BATCH_MAX, TRANSFER_PIECE_MAX_OCTETS } from '../../model/limits.ts'
import type { Uid } from '../../model/ids.ts'
import type { StoreReader } from '../../store/sqlite/reader.ts'
import { createAdminApi, type AdminApi } from '../admin/api.ts'
import { mailboxesOf } from '../admin/messages.ts'
import { ADMIN_ROUTES } from '../admin/routes.ts'
import { emlSource } from './eml-source.ts'
import { exportLetters, type ExportFormat } from './export.ts'
import { packLetters, unpackLetters } from './frames.ts'
import { importLetters, type LetterOutcome, type Target } from './import.ts'
import { knownLetters } from './known.ts'
import { maildirSource } from './maildir-source.ts'
import { mboxSource } from './mbox-source.ts'
import type { Source } from './source.ts'

const ALL = [{ from: 1 as Uid, to: 4_294_967_295 as Uid }]
const DATE = Date.UTC(2020, 0, 2, 3, 4, 5)
const SOURCES = { maildir: maildirSource, mbox: mboxSource, eml: emlSource }

type Room = { core: TestCore; api: AdminApi; folder: string; ann: AccountRef; bob: AccountRef }

async function inRoom(body: (room: Room) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gavan-transfer-'))
  await using core = await openTestCore()
  const { directory } = core
  const parts = {
    directory,
    queue: createQueueOperator({ store: core.store, clock: core.clock }),
    mailboxesOf: mailboxesOf({ directory, openMailboxes: (account) => openMailboxes(account, core) }),
    health: async () => ({}),
  }
  const [ann, bob] = [await core.addAccount('ann@here.test'), await core.addAccount('bob@here.test')]
  try {
    await body({ core, api: createAdminApi(parts, ADMIN_ROUTES), folder, ann, bob })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const boxes = ({ core }: Room, account: AccountRef): Mailboxes => openMailboxes(account, core)
const readerOf = ({ core }: Room): StoreReader => ({ ...core.store, close() {} })

function targetOf({ core, api }: Room, { accountId, address }: AccountRef): Target {
  const url = `/v1/users/${address.localPart}@${address.domain}/mailboxes`
  const call = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const answer = await api.handle('POST', path, body)
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
    return answer.body
  }
  return {
    known: (mailbox) => knownLetters(core.store.mail, { accountId, mailbox }),
    createMailbox: async (name) => void (await call(url, { name })),
    append: async (mailbox, letters) =>
      (await call(`${url}/${encodeURIComponent(mailbox)}/messages`, packLetters(letters)))[
        'letters'
      ] as LetterOutcome[],
  }
}

const bring = (
  room: Room,
  account: AccountRef,
  source: Source,
  more: { signal?: AbortSignal; dryRun?: boolean } = {},
) => importLetters({ source, target: targetOf(room, account), dryRun: false, keywords: true, ...more })

const send = (room: Room, account: AccountRef, format: ExportFormat, path: string) =>
  exportLetters({ reader: readerOf(room), accountId: account.accountId, mailbox: null, format, path })

async function put(mailboxes: Mailboxes, name: string, content: string, flags: readonly string[] = []): Promise<void> {
  await mailboxes.create(name, null)
  const sink = mailboxes.open()
  await sink.write(Buffer.from(content, 'latin1'))
  const message = await sink.finish()
  assert.ok(!('at' in message))
  const { mailboxId } = (await mailboxes.find(name))!
  assert.equal((await mailboxes.append(mailboxId, [{ message, flags, internalDate: DATE }])).at, 'done')
}

type Seen = { readonly flags: readonly string[]; readonly date: number; readonly content: string }

async function everything(mailboxes: Mailboxes): Promise<Record<string, Seen[]>> {
  const found: Record<string, Seen[]> = {}
  for (const { name, mailboxId } of await mailboxes.list()) {
    const letters: Seen[] = []
    for await (const batch of mailboxes.entries(mailboxId, ALL)) {
      for (const { flags, internalDate, messageKey, sizeOctets } of batch) {
        const content = Buffer.from(await mailboxes.read(messageKey, 0, sizeOctets)).toString('latin1')
        letters.push({ flags: flags.toSorted(), date: internalDate, content })
      }
    }
    found[name] = letters
  }
  return found
}

const PLAIN = 'Subject: plain\r\nFrom: a@b.test\r\n\r\nhello\r\nFrom here\r\n>From there\r\n\r\n\r\n'
const LETTERS: readonly [mailbox: string, content: string, flags: string[]][] = [
  ['INBOX', PLAIN, ['\\Seen', '\\Flagged', 'Work', '$Forwarded']],
  ['INBOX', PLAIN, []],
  ['INBOX', `Subject: large\r\n\r\n${'From a line\r\n'.repeat(60_000)}`, ['\\Draft']],
  ['INBOX', '\r\nno header\r\n', ['\\Answered', '\\Deleted']],
  ['Архив/Новые письма', 'Subject: =?utf-8?q?x?=\r\n\r\n\xd0\xb6\xff\r\n', ['\\Seen', 'Work']],
  ['v1.0/a&b/.../con: "50"', 'Subject: odd\r\n\r\nodd\r\n', []],
]
/** No mbox can tell these from others. */
const EXACT: readonly string[] = [
  'Subject: bare LF\r\n\r\na\nb\r\n',
  'Subject: bare CR\r\n\r\na\rb\r\n',
  'Subject: NUL\r\n\r\na\0b',
  'Status: mine\r\nSubject: status\r\n\r\nx\r\n',
]

suite('out and in again', () => {
  for (const format of ['maildir', 'mbox', 'eml'] as const) {
    test(format, async () => {
      await inRoom(async (room) => {
        const [ann, bob] = [boxes(room, room.ann), boxes(room, room.bob)]
        for (const [mailbox, content, flags] of LETTERS) await put(ann, mailbox, content, flags)
        if (format !== 'mbox') for (const content of EXACT) await put(ann, 'Exact', content)
        const path = join(room.folder, 'out')
        const total = LETTERS.length + (format === 'mbox' ? 0 : EXACT.length)
        assert.equal((await send(room, room.ann, format, path)).exported, total)
        const report = await bring(room, room.bob, SOURCES[format](path, null))
        assert.deepEqual([report.imported, report.skipped, report.problems], [total, 0, []])
        const [before, after] = [await everything(ann), await everything(bob)]
        // A letter in a file of its own has no place for flags.
        if (format === 'eml')
          for (const list of Object.values(before)) list.forEach((one) => Object.assign(one, { flags: [] }))
        assert.deepEqual(after, before)
        const again = await bring(room, room.bob, SOURCES[format](path, null))
        assert.deepEqual([again.imported, again.skipped], [0, total])
        await assert.rejects(send(room, room.ann, format, path), /is not empty/)
      })
    })
  }

  test('names in files never lead out of the directory (S22)', async () => {
    await inRoom(async (room) => {
      const ann = boxes(room, room.ann)
      for (const name of ['../../out', 'a/../b', '.hidden', '...']) await put(ann, name, PLAIN)
      for (const format of ['maildir', 'mbox', 'eml'] as const) {
        await send(room, room.ann, format, join(room.folder, 'x', 'y', format))
        assert.deepEqual(await readdir(room.folder), ['x'])
        assert.deepEqual(await readdir(join(room.folder, 'x')), ['y'])
      }
    })
  })
})

suite('import', () => {
  test('goes on where it was broken off; twice the same letter stays twice', async () => {
    await inRoom(async (room) => {
      const many = TRANSFER_BATCH_MAX * 2 + 10
      for (let n = 0; n < many; n++) {
        const content = `Subject: ${n % 2 === 0 ? 'same' : n}\r\n\r\nx\r\n`
        await mkdir(join(room.folder, 'in'), { recursive: true })
        await writeFile(join(room.folder, 'in', `${n}.eml`), content)
      }
      const source = (): Source => emlSource(join(room.folder, 'in'), 'In')
      const ending = new AbortController()
      const target = targetOf(room, room.ann)
      const options = { target, keywords: true, dryRun: false }
      const first = await importLetters({
        ...options,
        source: source(),
        signal: ending.signal,
        progress: () => ending.abort(),
      })
      assert.deepEqual([first.cancelled, first.imported], [true, TRANSFER_BATCH_MAX])
      const dry = await importLetters({ ...options, source: source(), dryRun: true })
      const second = await importLetters({ ...options, source: source() })
      for (const report of [dry, second])
        assert.deepEqual([report.imported, report.skipped], [many - TRANSFER_BATCH_MAX, TRANSFER_BATCH_MAX])
      const letters = (await everything(boxes(room, room.ann)))['In']!
      assert.equal(letters.length, many)
      assert.equal(letters.filter(({ content }) => content.includes('same')).length, many / 2)
      assert.equal(letters[1]?.content, 'Subject: 1\r\n\r\nx\r\n', 'in order')
      assert.ok((await boxes(room, room.ann).subscriptions()).includes('In'))
    })
  })

  test('an answer that was lost does not double letters', async () => {
    await inRoom(async (room) => {
      await mkdir(join(room.folder, 'in'))
      for (let n = 0; n < 5; n++) await writeFile(join(room.folder, 'in', `${n}.eml`), `Subject: ${n}\n\nx\n`)
      const target = targetOf(room, room.ann)
      const deaf: Target = {
        ...target,
        async append(mailbox, letters) {
          await target.append(mailbox, letters)
          throw new Error('connection lost')
        },
      }
      const source = (): Source => emlSource(join(room.folder, 'in'), null)
      await assert.rejects(importLetters({ source: source(), target: deaf, keywords: true, dryRun: false }), /lost/)
      assert.deepEqual((await bring(room, room.ann, source())).skipped, 5)
      assert.equal((await everything(boxes(room, room.ann)))['INBOX']?.length, 5)
    })
  })

  test('one bad letter is told, the others of its batch are kept; dates and line ends of files', async () => {
    await inRoom(async (room) => {
      const folder = join(room.folder, 'in')
      await mkdir(folder)
      const files = {
        'a.eml': 'Subject: a\n\none\n',
        'b.eml': 'Sub\0ject: b\n\nx\n',
        'c.eml': 'Subject: c\r\n\r\ntwo\n',
        'd.eml': '',
      }
      for (const [name, content] of Object.entries(files)) {
        await writeFile(join(folder, name), content)
        await utimes(join(folder, name), DATE / 1000, DATE / 1000)
      }
      const { imported, problems } = await bring(room, room.ann, emlSource(folder, null))
      assert.equal(imported, 2)
      assert.deepEqual(problems.map(({ where }) => where.slice(-5)).toSorted(), ['b.eml', 'd.eml'])
      assert.deepEqual(
        (await everything(boxes(room, room.ann)))['INBOX']?.map(({ content, date }) => [content, date]),
        [
          ['Subject: a\r\n\r\none\r\n', DATE],
          ['Subject: c\r\n\r\ntwo\n', DATE],
        ],
      )
    })
  })

  test('over quota: nothing of the batch is kept, and the cause is told', async () => {
    await inRoom(async (room) => {
      const small = await room.core.addAccount('small@here.test', 100)
      await mkdir(join(room.folder, 'in'))
      for (let n = 0; n < 9; n++)
        await writeFile(join(room.folder, 'in', `${n}.eml`), `Subject: ${n}\n\nxxxxxxxxxxxx\n`)
      await assert.rejects(bring(room, small, emlSource(join(room.folder, 'in'), null)), /quota/)
      assert.equal((await everything(boxes(room, small)))['INBOX']?.length, 0)
    })
  })

  test('what is no Maildir and no mbox is refused', async () => {
    await inRoom(async (room) => {
      await writeFile(join(room.folder, 'file'), 'Subject: x\n\ny\n')
      await assert.rejects(bring(room, room.ann, maildirSource(room.folder, null)), /is no Maildir/)
      await assert.rejects(bring(room, room.ann, mboxSource(join(room.folder, 'file'), null)), /is no mbox/)
    })
  })
})

suite('frames', () => {
  const letters = ['one', 'x'.repeat(TRANSFER_PIECE_MAX_OCTETS + 1), ''].map((text) => ({
    flags: ['\\Seen', 'Work'],
    internalDate: DATE,
    content: (async function* () {
      yield Buffer.from(text)
    })(),
  }))

  test('any pieces come to the same letters; a cut or bent stream is refused and leaves nothing', async () => {
    const packed = Buffer.concat(await Array.fromAsync(packLetters(letters)))
    async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    }
    for (const size of [1000, 65_536, packed.length]) {
      const sizes: number[] = []
      for await (const { content } of unpackLetters(inPieces(packed, size)))
        sizes.push(Buffer.concat(await Array.fromAsync(content)).length)
      assert.deepEqual(sizes, [3, TRANSFER_PIECE_MAX_OCTETS + 1, 0])
    }
    await inRoom(async (room) => {
      const url = '/v1/users/ann@here.test/mailboxes/INBOX/messages'
      const tooLong = Buffer.from(packed)
      tooLong.writeUInt32BE(TRANSFER_PIECE_MAX_OCTETS + 1, 0)
      for (const bad of [
        packed.subarray(0, -1),
        packed.subarray(0, 50),
        tooLong,
        Buffer.from('\0\0\0\x02{}\0\0\0\0'),
      ]) {
        const answer = await room.api.handle('POST', url, inPieces(bad, 1000))
        assert.equal(answer.status, 400, JSON.stringify(answer.body))
      }
      assert.equal((await room.api.handle('POST', url, { flags: [] })).status, 400)
      assert.equal((await everything(boxes(room, room.ann)))['INBOX']?.length, 0)
    })
  })

  test('an mbox written here begins each letter with a From line that others read', async () => {
    await inRoom(async (room) => {
      await put(boxes(room, room.ann), 'INBOX', PLAIN, ['\\Seen'])
      await send(room, room.ann, 'mbox', join(room.folder, 'out'))
      const text = await readFile(join(room.folder, 'out', 'INBOX.mbox'), 'utf8')
      assert.match(text, /^From a@b\.test Thu Jan 02 03:04:05 2020\nStatus: RO\nSubject: plain\n/)
      assert.match(text, /\n>From here\n>>From there\n/)
    })
  })
})
