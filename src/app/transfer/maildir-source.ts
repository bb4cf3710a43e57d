/** A Maildir, alone or with folders: Maildir++ (`.Sent.2024`) or directories in directories (Dovecot's LAYOUT=fs). */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseKeywordFile, parseMaildirName, parseUidList } from '../../format/maildir/file-name.ts'
import { mailboxOf } from '../../format/maildir/folder.ts'
import type { Flag } from '../../model/mailbox.ts'
import { decodeUtf7, encodeUtf7 } from '../../protocol/imap/mailbox-name.ts'
import { BadSource, letterOfFile, placed, type Source, type SourceItem } from './source.ts'

export const UTF7 = { encode: encodeUtf7, decode: decodeUtf7 }

type Folder = { readonly path: string; readonly name: string }

/** @throws BadSource when `root` is no Maildir */
export async function* maildirSource(root: string, under: string | null): Source {
  const folders = await foldersBelow(root)
  if (folders.length === 0)
    throw new BadSource(`${root} is no Maildir: there is no cur/ and new/ in it, nor in a folder`)
  for (const { path, name } of folders) {
    const mailbox = placed(name, under)
    yield { kind: 'mailbox', name: mailbox }
    yield* await lettersIn(path, mailbox)
  }
}

async function namesIn(path: string): Promise<string[]> {
  return (await readdir(path).catch((): string[] => [])).toSorted()
}

async function isMaildir(path: string): Promise<boolean> {
  const found = await Promise.all(['cur', 'new'].map((name) => stat(join(path, name)).catch(() => null)))
  return found.every((one) => one?.isDirectory() === true)
}

async function foldersBelow(root: string): Promise<Folder[]> {
  const folders: Folder[] = []
  if (await isMaildir(root)) folders.push({ path: root, name: 'INBOX' })
  const walk = async (below: string, prefix: string): Promise<void> => {
    for (const name of await namesIn(below)) {
      const path = join(below, name)
      if (['cur', 'new', 'tmp'].includes(name) || !(await stat(path)).isDirectory()) continue
      const plus = name.startsWith('.') && prefix === ''
      const mailbox = plus ? mailboxOf(name, UTF7) : `${prefix}${UTF7.decode(name) ?? name}`
      if (await isMaildir(path)) folders.push({ path, name: mailbox })
      if (!plus) await walk(path, `${mailbox}/`)
    }
  }
  await walk(root, '')
  return folders
}

const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')

type Found = {
  readonly path: string
  readonly base: string
  readonly flags: readonly Flag[]
  readonly modified: number
}

/** As the program that kept it numbered them, then by date. */
async function lettersIn(folder: string, mailbox: string): Promise<Iterable<SourceItem>> {
  const keywords = parseKeywordFile(await textOf(join(folder, 'dovecot-keywords')))
  const order = new Map(parseUidList(await textOf(join(folder, 'dovecot-uidlist'))).map((base, index) => [base, index]))
  const found: Found[] = []
  for (const place of ['cur', 'new']) {
    for (const name of await namesIn(join(folder, place))) {
      const path = join(folder, place, name)
      const kind = await stat(path).catch(() => null)
      if (kind?.isFile() === true) found.push({ path, ...parseMaildirName(name, keywords), modified: kind.mtimeMs })
    }
  }
  const place = ({ base }: Found): number => order.get(base) ?? Number.MAX_SAFE_INTEGER
  found.sort((a, b) => place(a) - place(b) || a.modified - b.modified || (a.base < b.base ? -1 : 1))
  return found.map(({ path, flags, modified }) => ({
    kind: 'letter',
    mailbox,
    flags,
    internalDate: Math.floor(modified),
    where: path,
    open: () => letterOfFile(path),
  }))
}
