/** What can be imported: mailboxes, and letters that can be read more than once. */
import { createReadStream } from 'node:fs'
import type { Rewriter } from '../../format/line-ends/line-ends.ts'
import { toCrlf } from '../../format/line-ends/line-ends.ts'
import type { Flag } from '../../model/mailbox.ts'

export type SourceLetter = {
  readonly kind: 'letter'
  /** Its mailbox here. */
  readonly mailbox: string
  readonly flags: readonly Flag[]
  /** Epoch milliseconds; null: when it is imported. */
  readonly internalDate: number | null
  /** For a person to find it by. */
  readonly where: string
  /** Its octets with CRLF, the same each time. */
  open(): AsyncIterable<Uint8Array>
}

export type SourceItem =
  | SourceLetter
  /** Comes before its letters; may have none. */
  | { readonly kind: 'mailbox'; readonly name: string }
  /** Could not be read; the others go on. */
  | { readonly kind: 'problem'; readonly where: string; readonly why: string }

export type Source = AsyncIterable<SourceItem>

/** The source is not what it was said to be. */
export class BadSource extends Error {
  override name = 'BadSource'
}

/** @param range of octets, `end` exclusive; the whole file without */
export async function* fileChunks(path: string, range?: { start: number; end: number }): AsyncGenerator<Uint8Array> {
  if (range !== undefined && range.start >= range.end) return
  const options = range === undefined ? {} : { start: range.start, end: range.end - 1 }
  for await (const chunk of createReadStream(path, { ...options, highWaterMark: 256 * 1024 })) yield chunk as Buffer
}

export async function* rewritten(
  chunks: AsyncIterable<Uint8Array>,
  rewriters: readonly Rewriter[],
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    const out = rewriters.reduce((bytes, rewriter) => rewriter.push(bytes), chunk)
    if (out.length > 0) yield out
  }
  let rest: Uint8Array = new Uint8Array(0)
  for (const rewriter of rewriters) rest = Buffer.concat([rewriter.push(rest), rewriter.finish()])
  if (rest.length > 0) yield rest
}

/** A file that is one letter. */
export const letterOfFile = (path: string): AsyncIterable<Uint8Array> => rewritten(fileChunks(path), [toCrlf()])

/** Names that a mailbox may not have here become ones that it may. */
export function usableName(name: string): string {
  const parts = name
    .replace(/[*%\0-\x1f\x7f-\x9f\u2028\u2029]/g, '_')
    .split('/')
    .filter((part) => part !== '')
  const joined = parts.join('/').toWellFormed()
  return joined === '' ? 'INBOX' : joined.replace(/^#/, '_')
}

/** @param under the mailbox that the source's inbox becomes, with the others below it; null: each keeps its name */
export function placed(name: string, under: string | null): string {
  const usable = usableName(name)
  if (under === null) return usable
  return /^inbox$/i.test(usable) ? under : `${under}/${usable}`
}
