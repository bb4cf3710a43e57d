/** Writes an account's letters out as files that other programs read. */
import { mkdir, open, readdir, rename, rm, stat, utimes, writeFile, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { lineEndsOf, toLf } from '../../format/line-ends/line-ends.ts'
import { printMaildirName } from '../../format/maildir/file-name.ts'
import { folderOf } from '../../format/maildir/folder.ts'
import { printFromLine } from '../../format/mbox/from-line.ts'
import { fromQuoting } from '../../format/mbox/quoting.ts'
import { printStatus } from '../../format/mbox/status.ts'
import type { AccountId, Uid } from '../../model/ids.ts'
import type { Flag, MailboxInfo, UidRange } from '../../model/mailbox.ts'
import { type StoredMessage, StoreError } from '../../store/contract.ts'
import type { StoreReader } from '../../store/sqlite/reader.ts'
import { pathOfMailbox } from './file-names.ts'
import { contentOf } from './known.ts'
import { UTF7 } from './maildir-source.ts'
import { rewritten } from './source.ts'

export type ExportFormat = 'maildir' | 'mbox' | 'eml'
export type ExportReport = {
  readonly exported: number
  readonly octets: number
  readonly mailboxes: Readonly<Record<string, number>>
  readonly problems: readonly { readonly where: string; readonly why: string }[]
  readonly cancelled: boolean
}

/** Where the export should go is taken. */
export class TargetNotEmpty extends Error {
  override name = 'TargetNotEmpty'
}

type Content = () => AsyncGenerator<Uint8Array>
type Sink = {
  write(message: StoredMessage, content: Content): Promise<void>
  close(): Promise<void>
}

const ALL: readonly UidRange[] = [{ from: 1 as Uid, to: 4_294_967_295 as Uid }]

/**
 * A letter that does not verify is told as a problem; the others go on. Nothing that exists is written over.
 * @param options.mailbox null: all of them
 * @throws TargetNotEmpty
 */
export async function exportLetters(options: {
  reader: StoreReader
  accountId: AccountId
  mailbox: string | null
  format: ExportFormat
  path: string
  signal?: AbortSignal
  progress?: (so: { readonly exported: number; readonly total: number; readonly mailbox: string }) => void
}): Promise<ExportReport> {
  const { reader, accountId, format, path, signal, progress } = options
  const all = await reader.mail.mailboxes(accountId)
  const wanted = all.filter(({ name }) => options.mailbox === null || name === options.mailbox)
  await mkdir(path, { recursive: true, mode: 0o700 })
  if ((await readdir(path)).length > 0) throw new TargetNotEmpty(`${path} is not empty`)
  const total = wanted.reduce((sum, { messages }) => sum + messages, 0)
  const mailboxes: Record<string, number> = {}
  const problems: { where: string; why: string }[] = []
  let [exported, octets] = [0, 0]

  async function one(mailbox: MailboxInfo, sink: Sink): Promise<void> {
    for await (const batch of reader.mail.messages(accountId, mailbox.mailboxId, ALL)) {
      for (const message of batch) {
        if (signal?.aborted === true) return
        const { messageKey, sizeOctets, uid } = message
        try {
          await sink.write(message, () => contentOf(reader.mail, accountId, messageKey, sizeOctets))
          exported++
          octets += sizeOctets
          mailboxes[mailbox.name] = (mailboxes[mailbox.name] ?? 0) + 1
        } catch (error) {
          if (!(error instanceof StoreError && error.kind === 'damaged')) throw error
          problems.push({ where: `${mailbox.name}, UID ${uid}`, why: error.message })
        }
        progress?.({ exported, total, mailbox: mailbox.name })
      }
    }
  }

  for (const mailbox of wanted) {
    if (signal?.aborted === true) break
    mailboxes[mailbox.name] = 0
    const sink = await SINKS[format](path, mailbox, await reader.mail.keywords(accountId, mailbox.mailboxId))
    try {
      await one(mailbox, sink)
    } finally {
      await sink.close()
    }
  }
  return { exported, octets, mailboxes, problems, cancelled: signal?.aborted === true }
}

const SINKS: Record<ExportFormat, (root: string, mailbox: MailboxInfo, keywords: readonly Flag[]) => Promise<Sink>> = {
  maildir: maildirSink,
  mbox: mboxSink,
  eml: emlSink,
}

async function writeOut(file: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) await file.appendFile(chunk)
}

/** A file under its last name only once it is whole. */
async function writeFileOf(part: string, path: string, chunks: AsyncIterable<Uint8Array>, date: number): Promise<void> {
  const file = await open(part, 'wx', 0o600)
  try {
    await writeOut(file, chunks)
  } catch (error) {
    await file.close()
    await rm(part, { force: true })
    throw error
  }
  await file.close()
  await utimes(part, date / 1000, date / 1000)
  await rename(part, path)
}

const CHUNKS_HELD_MAX_OCTETS = 1024 * 1024

/** LF, as programs on Unix keep it, where CRLF can be made of it again; otherwise the octets as they are. */
async function* unixLines(content: Content, sizeOctets: number): AsyncGenerator<Uint8Array> {
  const ends = lineEndsOf()
  const held: Uint8Array[] = []
  for await (const chunk of content()) {
    ends.push(chunk)
    if (sizeOctets <= CHUNKS_HELD_MAX_OCTETS) held.push(chunk)
  }
  async function* again(): AsyncGenerator<Uint8Array> {
    if (held.length > 0) yield* held
    else yield* content()
  }
  yield* ends.finish() === 'crlf' ? rewritten(again(), [toLf()]) : again()
}

async function maildirSink(root: string, { name, uidValidity }: MailboxInfo, keywords: readonly Flag[]): Promise<Sink> {
  const folder = name === 'INBOX' ? root : join(root, folderOf(name, UTF7))
  for (const part of ['cur', 'new', 'tmp']) await mkdir(join(folder, part), { recursive: true, mode: 0o700 })
  if (name !== 'INBOX') await writeFile(join(folder, 'maildirfolder'), '')
  const named = keywords.filter((flag) => !flag.startsWith('\\') && flag !== '$Forwarded').slice(0, 26)
  const letters = new Map(named.map((flag, index) => [flag, String.fromCharCode(97 + index)]))
  if (named.length > 0) {
    await writeFile(join(folder, 'dovecot-keywords'), named.map((flag, index) => `${index} ${flag}\n`).join(''))
  }
  return {
    async write({ uid, flags, internalDate, sizeOctets }, content) {
      const base = `${Math.floor(internalDate / 1000)}.V${uidValidity}U${String(uid).padStart(10, '0')}.gavan`
      const file = printMaildirName(base, flags, letters)
      const chunks = unixLines(content, sizeOctets)
      await writeFileOf(join(folder, 'tmp', base), join(folder, 'cur', file), chunks, internalDate)
    },
    close: () => Promise.resolve(),
  }
}

async function mboxSink(root: string, { name }: MailboxInfo): Promise<Sink> {
  const parts = pathOfMailbox(name)
  const path = `${join(root, ...parts)}.mbox`
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(path, 'ax', 0o600)
  return {
    async write(message, content) {
      const { size } = await file.stat()
      try {
        await writeOut(file, asMbox(message, content))
      } catch (error) {
        await file.truncate(size) // Not half a letter.
        throw error
      }
    },
    close: () => file.close(),
  }
}

async function* asMbox(message: StoredMessage, content: Content): AsyncGenerator<Uint8Array> {
  const { flags, internalDate, summary } = message
  const sender = summary.header.from.find(({ mailbox, host }) => mailbox !== null && host !== null)
  const from = printFromLine(sender === undefined ? '' : `${sender.mailbox}@${sender.host}`, internalDate)
  yield Buffer.from(`${from}\n${printStatus(flags)}`)
  let last = 0
  for await (const chunk of rewritten(content(), [toLf(), fromQuoting('quote')])) {
    last = chunk.at(-1) ?? last
    yield chunk
  }
  yield Buffer.from(last === 10 ? '\n' : '\n\n')
}

async function emlSink(root: string, { name }: MailboxInfo): Promise<Sink> {
  const folder = join(root, ...pathOfMailbox(name))
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return {
    async write({ uid, internalDate }, content) {
      const path = join(folder, `${uid}.eml`)
      if ((await stat(path).catch(() => null)) !== null) throw new TargetNotEmpty(`${path} exists`)
      await writeFileOf(`${path}.part`, path, content(), internalDate)
    },
    close: () => Promise.resolve(),
  }
}
