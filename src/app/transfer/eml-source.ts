/** A letter in a file (.eml), or directories of them; each directory is a mailbox. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { partOfFileName } from './file-names.ts'
import { letterOfFile, placed, type Source, type SourceItem } from './source.ts'

const LETTER_FILE = /\.eml$/i

export async function* emlSource(path: string, under: string | null): Source {
  const kind = await stat(path)
  if (kind.isFile()) {
    yield { kind: 'mailbox', name: placed('INBOX', under) }
    yield letterAt(path, kind.mtimeMs, placed('INBOX', under))
    return
  }
  yield* lettersBelow(path, '', under)
}

async function* lettersBelow(folder: string, name: string, under: string | null): Source {
  const mailbox = placed(name === '' ? 'INBOX' : name, under)
  const names = (await readdir(folder)).toSorted(byNumber)
  if (name !== '' || names.some((one) => LETTER_FILE.test(one))) yield { kind: 'mailbox', name: mailbox }
  const folders: string[] = []
  for (const one of names) {
    const kind = await stat(join(folder, one))
    if (kind.isDirectory()) folders.push(one)
    else if (LETTER_FILE.test(one)) yield letterAt(join(folder, one), kind.mtimeMs, mailbox)
  }
  for (const one of folders) {
    const part = partOfFileName(one)
    yield* lettersBelow(join(folder, one), name === '' ? part : `${name}/${part}`, under)
  }
}

/** `9.eml` before `10.eml`. */
const collator = new Intl.Collator('en', { numeric: true })
const byNumber = (a: string, b: string): number => collator.compare(a, b)

const letterAt = (path: string, modified: number, mailbox: string): SourceItem => ({
  kind: 'letter',
  mailbox,
  flags: [],
  internalDate: Math.floor(modified),
  where: path,
  open: () => letterOfFile(path),
})
