/**
 * Several letters in one stream, for the admin API: each is a head (JSON) and pieces, every one of them with its length
 * (32 bits, big-endian) in front; a piece of no octets ends the letter.
 */
import * as v from 'valibot'
import type { Flag } from '../../model/mailbox.ts'
import { TRANSFER_PIECE_MAX_OCTETS } from '../../model/limits.ts'

export type LetterHead = { readonly flags: readonly Flag[]; readonly internalDate: number | null }
export type Letter = LetterHead & { readonly content: AsyncIterable<Uint8Array> }

/** The stream is not what `packLetters` writes. */
export class BadFrames extends Error {
  override name = 'BadFrames'
}

const HEAD = v.strictObject({
  flags: v.array(
    v.pipe(
      v.string(),
      v.regex(/^(?:\\(?:Seen|Answered|Flagged|Deleted|Draft)|[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|}~]{1,50})$/),
    ),
  ),
  internalDate: v.nullable(v.pipe(v.number(), v.integer())),
})

function lengthOf(octets: number): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(octets)
  return length
}

export async function* packLetters(letters: readonly Letter[]): AsyncGenerator<Uint8Array> {
  for (const { flags, internalDate, content } of letters) {
    const head = Buffer.from(JSON.stringify({ flags, internalDate }))
    yield lengthOf(head.length)
    yield head
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length; at += TRANSFER_PIECE_MAX_OCTETS) {
        const piece = chunk.subarray(at, at + TRANSFER_PIECE_MAX_OCTETS)
        yield lengthOf(piece.length)
        yield piece
      }
    }
    yield lengthOf(0)
  }
}

/** Each letter's content must be read to its end before the next letter is asked for. @throws BadFrames */
export async function* unpackLetters(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Letter> {
  const reader = exactReader(stream)
  async function* content(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = await frame()
      if (piece === null) throw new BadFrames('the stream ends within a letter')
      if (piece.length === 0) return
      yield piece
    }
  }
  async function frame(): Promise<Buffer | null> {
    const length = await reader(4)
    if (length === null) return null
    const octets = length.readUInt32BE()
    if (octets > TRANSFER_PIECE_MAX_OCTETS) throw new BadFrames('a piece is too long')
    if (octets === 0) return length.subarray(4)
    const bytes = await reader(octets)
    if (bytes === null) throw new BadFrames('the stream ends within a piece')
    return bytes
  }
  for (let head = await frame(); head !== null; head = await frame()) {
    yield { ...parseHead(head), content: content() }
  }
}

function parseHead(bytes: Buffer): LetterHead {
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new BadFrames('a head is not JSON')
  }
  const parsed = v.safeParse(HEAD, json)
  if (!parsed.success) throw new BadFrames(v.summarize(parsed.issues))
  return parsed.output
}

/** @returns exactly as many octets as asked for; null at the end of the stream; throws when it ends in between */
function exactReader(stream: AsyncIterable<Uint8Array>): (octets: number) => Promise<Buffer | null> {
  const source = stream[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  return async (octets) => {
    const parts = [held]
    let have = held.length
    while (have < octets) {
      const next = await source.next()
      if (next.done === true) {
        if (have === 0) return null
        throw new BadFrames('the stream ends within a frame')
      }
      parts.push(Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength))
      have += next.value.byteLength
    }
    const all = parts.length === 1 ? held : Buffer.concat(parts)
    held = all.subarray(octets)
    return all.subarray(0, octets)
  }
}
