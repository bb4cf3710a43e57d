/** An mbox file, or a directory of them: `Sent`, `Sent.mbox`, and below them Thunderbird's `Sent.sbd/2024`. */
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { toCrlf } from '../../format/line-ends/line-ends.ts'
import { fromQuoting } from '../../format/mbox/quoting.ts'
import { type MboxLetter, mboxSplitter } from '../../format/mbox/splitter.ts'
import { takeStatus } from '../../format/mbox/status.ts'
import { HEADER_BLOCK_MAX_OCTETS } from '../../model/limits.ts'
import { partOfFileName } from './file-names.ts'
import { BadSource, fileChunks, placed, rewritten, type Source, type SourceItem } from './source.ts'

/** Indexes and other company of mbox files. */
const NOT_MAIL = /^\.|\.(?:msf|dat|html|json|index|cache|lock)$/i

/** @throws BadSource when `path` is a file and no mbox */
export async function* mboxSource(path: string, under: string | null): Source {
  const kind = await stat(path)
  if (kind.isFile()) {
    yield* lettersIn(path, placed('INBOX', under), (why) => {
      throw new BadSource(why)
    })
    return
  }
  for (const { file, name } of await filesBelow(path, '')) {
    const problems: SourceItem[] = []
    yield* lettersIn(file, placed(name, under), (why) => problems.push({ kind: 'problem', where: file, why }))
    yield* problems
  }
}

async function filesBelow(folder: string, prefix: string): Promise<{ file: string; name: string }[]> {
  const found: { file: string; name: string }[] = []
  for (const name of (await readdir(folder)).toSorted()) {
    const path = join(folder, name)
    const kind = await stat(path)
    if (kind.isDirectory()) {
      const own = name.replace(/\.(?:sbd|mbox)$/, '')
      // Apple Mail keeps each mailbox as a directory with a file of this name.
      const apple = (await stat(join(path, 'mbox')).catch(() => null))?.isFile() === true
      if (apple) found.push({ file: join(path, 'mbox'), name: `${prefix}${partOfFileName(own)}` })
      else found.push(...(await filesBelow(path, `${prefix}${partOfFileName(own)}/`)))
    } else if (!NOT_MAIL.test(name)) {
      found.push({ file: path, name: `${prefix}${partOfFileName(name.replace(/\.mbox$/, ''))}` })
    }
  }
  return found
}

async function* lettersIn(file: string, mailbox: string, notMbox: (why: string) => void): Source {
  const splitter = mboxSplitter()
  let serial = 0
  let told = false
  for await (const chunk of fileChunks(file)) {
    for (const letter of splitter.push(chunk)) {
      if (!told) yield { kind: 'mailbox', name: mailbox }
      told = true
      yield* await itemOf(file, letter, mailbox, ++serial)
    }
  }
  const last = splitter.finish()
  if (last === null) return notMbox(`${basename(file)} is no mbox: it does not begin with a From line`)
  if (!told) yield { kind: 'mailbox', name: mailbox }
  for (const letter of last) yield* await itemOf(file, letter, mailbox, ++serial)
}

async function itemOf(file: string, letter: MboxLetter, mailbox: string, serial: number): Promise<SourceItem[]> {
  const { header, rest } = await readHeader(file, letter)
  const status = takeStatus(header)
  if (status.gone) return []
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield status.header
    yield* fileChunks(file, { start: rest, end: letter.end })
  }
  const open = (): AsyncIterable<Uint8Array> => rewritten(whole(), [fromQuoting('unquote'), toCrlf()])
  return [
    {
      kind: 'letter',
      mailbox,
      flags: status.flags,
      internalDate: letter.date,
      where: `${file}, letter ${serial}`,
      open,
    },
  ]
}

/** The header with its empty line, or nothing when there is no end of it in reach. */
async function readHeader(file: string, { start, end }: MboxLetter): Promise<{ header: Buffer; rest: number }> {
  const parts: Uint8Array[] = []
  for await (const chunk of fileChunks(file, { start, end: Math.min(end, start + HEADER_BLOCK_MAX_OCTETS) })) {
    parts.push(chunk)
    const bytes = Buffer.concat(parts)
    const stop = endOfHeader(bytes)
    if (stop !== -1) return { header: bytes.subarray(0, stop), rest: start + stop }
  }
  const all = Buffer.concat(parts)
  return start + all.length >= end ? { header: all, rest: end } : { header: Buffer.alloc(0), rest: start }
}

function endOfHeader(bytes: Buffer): number {
  if (bytes[0] === 10) return 1
  const [lf, crlf] = [bytes.indexOf('\n\n'), bytes.indexOf('\n\r\n')]
  if (crlf !== -1 && (lf === -1 || crlf < lf)) return crlf + 3
  return lf === -1 ? -1 : lf + 2
}
