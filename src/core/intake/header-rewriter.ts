import { HEADER_BLOCK_MAX_OCTETS } from '../../model/limits.ts'
import { emptyLineAt, headerFields } from '../../format/header/field.ts'

/** Rewrites the header of a message while it streams by; the body passes untouched. */
export type HeaderRewriter = {
  /** @returns what may be written on: nothing while the header is still incomplete */
  push(chunk: Uint8Array): readonly Uint8Array[]
  finish(): readonly Uint8Array[]
}

const LF = 0x0a

/** Interop: some programs leave the separator line of an mbox file in front. @returns its length, 0: there is none */
export const separatorEnd = (block: Buffer): number =>
  block.toString('latin1', 0, 5) === 'From ' ? block.indexOf(LF) + 1 || block.length : 0

/**
 * Choice: a header larger than HEADER_BLOCK_MAX_OCTETS passes as it is; the scan refuses it.
 * @param rewrite gets what has come so far, and where in it the header ends (0: there is none); returns all of it, rewritten
 */
export function createHeaderRewriter(rewrite: (all: Buffer, end: number) => Uint8Array): HeaderRewriter {
  let buffer = Buffer.allocUnsafe(4096)
  let length = 0
  /** The line that starts here is the first that has not been seen whole. */
  let lineStart = 0
  /** No line feed lies between `lineStart` and here. */
  let searched = 0
  let passing = false

  const take = (chunk: Uint8Array): void => {
    if (length + chunk.length > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, length + chunk.length))
      buffer.copy(larger, 0, 0, length)
      buffer = larger
    }
    buffer.set(chunk, length)
    length += chunk.length
  }

  /** @returns where the header ends, once that is known: at an empty line, or at 0 when there is none */
  const findEnd = (view: Buffer): number | null => {
    for (;;) {
      if (emptyLineAt(view, lineStart) > 0) return lineStart
      const feed = view.indexOf(LF, Math.max(lineStart, searched))
      if (feed === -1) return null
      if (lineStart === 0 && separatorEnd(view) === 0 && headerFields(view.subarray(0, feed + 1))[0]?.name === '')
        return 0
      lineStart = feed + 1
    }
  }

  const close = (end: number): readonly Uint8Array[] => {
    passing = true
    return [rewrite(buffer.subarray(0, length), end)] // Past it lie octets that nobody wrote.
  }

  return {
    push(chunk) {
      if (passing) return [chunk]
      take(chunk)
      const view = buffer.subarray(0, length)
      const end = findEnd(view)
      if (end !== null) return close(end)
      // A CR at the end may yet turn out to be half an empty line: `findEnd` looks at the line's start again.
      searched = length
      if (length <= HEADER_BLOCK_MAX_OCTETS) return []
      passing = true
      return [view]
    },
    finish() {
      if (passing) return []
      const unfinished = buffer.subarray(0, length)
      const isHeader = lineStart > 0 || separatorEnd(unfinished) > 0 || headerFields(unfinished)[0]?.name !== ''
      return close(isHeader ? length : 0)
    },
  }
}
