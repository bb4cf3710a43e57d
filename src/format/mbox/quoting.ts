/** The `>` before `From ` in an mbox, as mboxrd has it: one more is put on at each writing, one taken off at each reading. */
import type { Rewriter } from '../line-ends/line-ends.ts'

const LF = 10
const MORE = 0x3e
const FROM = Buffer.from('From ')
/** A longer row of `>` is no quotation. */
const DEPTH_MAX = 1000

/** @param what `quote`: for writing; `unquote`: for reading */
export function fromQuoting(what: 'quote' | 'unquote'): Rewriter {
  let held: Buffer = Buffer.alloc(0)
  let atLineStart = true

  /** @returns whether a line beginning here is concerned; null when its beginning is not there yet */
  function concerned(bytes: Buffer, start: number, final: boolean): boolean | null {
    let at = start
    while (at < bytes.length && bytes[at] === MORE && at - start < DEPTH_MAX) at++
    if (what === 'unquote' && at === start && at < bytes.length) return false
    const word = bytes.subarray(at, at + FROM.length)
    if (word.length < FROM.length && !final && FROM.subarray(0, word.length).equals(word)) return null
    return word.equals(FROM) && (what === 'quote' || at > start)
  }

  function step(chunk: Uint8Array, final: boolean): Uint8Array {
    const bytes = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk])
    held = Buffer.alloc(0)
    const parts: Uint8Array[] = []
    let from = 0
    let line = atLineStart ? 0 : bytes.indexOf(LF) + 1
    if (!atLineStart && line === 0) return bytes
    while (line <= bytes.length) {
      const is = line === bytes.length ? (final ? false : null) : concerned(bytes, line, final)
      if (is === null) {
        held = bytes.subarray(line)
        parts.push(bytes.subarray(from, line))
        atLineStart = true
        return Buffer.concat(parts)
      }
      if (is) {
        parts.push(bytes.subarray(from, line))
        if (what === 'quote') parts.push(Uint8Array.of(MORE))
        from = what === 'quote' ? line : line + 1
      }
      const eol = bytes.indexOf(LF, line)
      if (eol === -1) break
      line = eol + 1
    }
    parts.push(bytes.subarray(from))
    atLineStart = false
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  return {
    push: (chunk) => step(chunk, false),
    finish: () => (held.length === 0 ? held : step(new Uint8Array(0), true)),
  }
}
