import type { MessageKey } from '../../model/ids.ts'
import type { Part } from '../../model/message.ts'
import { createCharsetDecoder } from '../../format/charset/charset.ts'
import { createBodyDecoder } from '../../format/charset/transfer.ts'
import { parameterValue } from '../../format/header/parameters.ts'
import { fieldText, headerFields } from '../../format/header/field.ts'
import { decodeWords } from '../../format/header/words.ts'
import { foldForSearch } from '../../format/charset/fold.ts'
import { htmlToText } from '../../format/message/html-text.ts'
import { HEADER_BLOCK_MAX_OCTETS, HEADER_LINES_MAX } from '../../model/limits.ts'
import type { Mailboxes } from '../contract.ts'
import { createFoldedStream } from './folded-stream.ts'

/** Octets read, decoded and folded at once. Not more: V8 interprets a regular expression the first time it is run. */
export const WINDOW_OCTETS = 64 * 1024
/** Text of parts up to this size may be kept for the next key. */
export const WHOLE_PART_MAX_OCTETS = 4 * 1024 * 1024

/** HTML up to this size is also searched without its tags, which takes one turn of the event loop. */
const STRIPPED_HTML_MAX_OCTETS = 1024 * 1024

export type MessageBytes = (start: number, end: number) => Promise<Uint8Array>

export function bytesOf(mailboxes: Mailboxes, messageKey: MessageKey): MessageBytes {
  return (start, end) => mailboxes.read(messageKey, start, end)
}

/** A header field, decoded and folded; `line` is name and value. */
export type FoldedField = { readonly name: string; readonly value: string; readonly line: string }

/** Reads a part's header, at most HEADER_BLOCK_MAX_OCTETS of it, as the scanner did. @throws StoreError */
export async function readHeader(read: MessageBytes, part: Part): Promise<FoldedField[]> {
  const end = Math.min(part.bodyStart, part.headerStart + HEADER_BLOCK_MAX_OCTETS)
  if (end === part.headerStart) return []
  const bytes = await read(part.headerStart, end)
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const charset = parameterValue(part.parameters, 'charset')
  return headerFields(block, HEADER_LINES_MAX)
    .filter((field) => field.name !== '')
    .map((field) => {
      const value = foldForSearch(decodeWords(fieldText(block, field, charset)))
      return { name: field.name.toLowerCase(), value, line: `${foldForSearch(field.name)}: ${value}` }
    })
}

/** A text part's content in folded pieces, to be joined. An encoding that we do not know is read as it is. @throws StoreError */
export async function* foldedText(read: MessageBytes, part: Part): AsyncGenerator<string> {
  const whole = part.subtype === 'html' && part.bodyEnd - part.bodyStart <= STRIPPED_HTML_MAX_OCTETS
  const folded = createFoldedStream()
  let html = ''
  for await (const text of decodedText(read, part)) {
    if (whole) html += text
    yield folded.push(text)
  }
  yield folded.end()
  if (!whole) return
  yield SEPARATOR
  yield foldForSearch(htmlToText(html))
}

/** No needle holds it: foreign text is searched for as one line. */
export const SEPARATOR = '\n'

export function isWhole(part: Part): boolean {
  return part.bodyEnd - part.bodyStart <= WHOLE_PART_MAX_OCTETS
}

export async function* decodedText(read: MessageBytes, part: Part): AsyncGenerator<string> {
  const body = createBodyDecoder(part.encoding) ?? createBodyDecoder('binary')!
  const charset = createCharsetDecoder(parameterValue(part.parameters, 'charset'))
  for (let at = part.bodyStart; at < part.bodyEnd; at += WINDOW_OCTETS) {
    const octets = await read(at, Math.min(at + WINDOW_OCTETS, part.bodyEnd))
    yield charset.write(body.push(octets))
  }
  yield charset.write(body.end()) + charset.end()
}
