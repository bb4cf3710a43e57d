/** Finds the letters of an mbox while it streams by. */
import { FROM_LINE_MAX_OCTETS, parseFromLine } from './from-line.ts'

const CR = 13
const LF = 10
const MARK = Buffer.from('\nFrom ')
/** The mark, and the empty line before it. */
const OVERLAP = MARK.length + 3

export type MboxLetter = {
  /** Octets of the content in the file, the separators left out. */
  readonly start: number
  readonly end: number
  /** Of the From_ line, epoch milliseconds. */
  readonly date: number
}

export type MboxSplitter = {
  /** @returns letters that have ended */
  push(chunk: Uint8Array): readonly MboxLetter[]
  /** @returns the last letter; null when the file is no mbox */
  finish(): readonly MboxLetter[] | null
}

/** A From_ line begins the file or follows an empty line, and has a date: other lines that begin so are text. */
export function mboxSplitter(): MboxSplitter {
  /** As if the file followed an empty line. */
  let held: Buffer = Buffer.from('\n\n')
  /** Place of `held` in the file. */
  let base = -2
  /** Marks before this place have been judged. */
  let judged = -2
  let open: { start: number; date: number } | null = null
  let noMbox = false

  /** @returns null when the line is not there yet */
  function judge(mark: number, final: boolean): { lineEnd: number; date: number } | 'text' | null {
    const eol = held.indexOf(LF, mark + 1)
    if (eol === -1 && !final && held.length - mark <= FROM_LINE_MAX_OCTETS) return null
    if (eol === -1 || !afterEmptyLine(held, mark)) return 'text'
    const date = parseFromLine(held.toString('latin1', mark + 1, held[eol - 1] === CR ? eol - 1 : eol))
    return date === null ? 'text' : { lineEnd: eol + 1, date }
  }

  function step(final: boolean): MboxLetter[] {
    const letters: MboxLetter[] = []
    let keepFrom = Math.max(0, held.length - OVERLAP)
    for (let mark = held.indexOf(MARK, Math.max(0, judged - base)); mark !== -1; mark = held.indexOf(MARK, mark + 1)) {
      const found = judge(mark, final)
      if (found === null) {
        keepFrom = Math.max(0, mark - 2)
        judged = base + mark
        break
      }
      judged = base + mark + 1
      if (found === 'text') continue
      // The empty line belongs to the separator.
      const end = base + mark + 1 - (held[mark - 1] === CR ? 2 : 1)
      if (open !== null) letters.push({ ...open, end: Math.max(open.start, end) })
      open = { start: base + found.lineEnd, date: found.date }
    }
    if (open === null && base + held.length > FROM_LINE_MAX_OCTETS) noMbox = true
    base += keepFrom
    held = held.subarray(keepFrom)
    judged = Math.max(judged, base)
    return letters
  }

  return {
    push(chunk) {
      if (noMbox) return []
      held = Buffer.concat([held, chunk])
      return step(false)
    },
    finish() {
      const letters = step(true)
      const size = base + held.length
      if (open === null) return size === 0 ? [] : null
      const tail = held.toString('latin1')
      const blank = tail.endsWith('\r\n\r\n') ? 2 : tail.endsWith('\n\n') ? 1 : 0
      letters.push({ ...open, end: Math.max(open.start, size - blank) })
      return letters
    },
  }
}

/** @param mark of the LF before `From ` */
function afterEmptyLine(bytes: Buffer, mark: number): boolean {
  if (mark === 0) return false
  return bytes[mark - 1] === LF || (bytes[mark - 1] === CR && bytes[mark - 2] === LF)
}
