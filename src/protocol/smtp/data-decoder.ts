/**
 * The content of a message as it comes in: RFC 5321 §4.5.2 transparency undone, the end found, and lines that do not end
 * with CRLF refused (S2): two servers that disagree about what a line is can be made to see two messages in one.
 */
import { SMTP_DATA_LINE_MAX_OCTETS } from '../../model/limits.ts'

const CR = 13
const LF = 10
const DOT = 46

export type DecodedData = {
  /** Views of the chunk. */
  readonly pieces: readonly Buffer[]
  /** Octets of the chunk that were content; the rest follows the end. */
  readonly consumed: number
  /** CRLF.CRLF was read (never in BDAT). */
  readonly ended: boolean
  readonly bad: 'bare-cr' | 'bare-lf' | null
}

export type DataDecoder = {
  /** After `ended` or `bad` it may not be used again. */
  decode(chunk: Buffer): DecodedData
  /** Whether a line was longer than we take. */
  readonly lineTooLong: boolean
  /** BDAT: whether the content may end here; a CR at its end is bare. */
  readonly mayEnd: boolean
}

/** `dot` and `dot-cr`: a dot at the start of a line was read, and perhaps a CR behind it. */
type At = 'line-start' | 'dot' | 'dot-cr' | 'line' | 'cr'

/** @param options.transparency true for DATA; false for BDAT, where a dot is nothing special and the size tells the end */
export function createDataDecoder(options: { transparency: boolean }): DataDecoder {
  let at: At = 'line-start'
  let lineOctets = 0
  let lineTooLong = false

  const addToLine = (octets: number): void => {
    lineOctets += octets
    if (lineOctets > SMTP_DATA_LINE_MAX_OCTETS) lineTooLong = true
  }

  const decode = (chunk: Buffer): DecodedData => {
    const pieces: Buffer[] = []
    let runStart = 0
    let position = 0
    let nextLf = -2
    let nextCr = -2
    const emit = (end: number): void => {
      if (end > runStart) pieces.push(chunk.subarray(runStart, end))
    }
    const stop = (consumed: number, ended: boolean, bad: DecodedData['bad']): DecodedData => ({
      pieces,
      consumed,
      ended,
      bad,
    })
    while (position < chunk.length) {
      switch (at) {
        case 'line-start':
          if (options.transparency && chunk[position] === DOT) {
            emit(position)
            runStart = ++position
            at = 'dot'
          } else at = 'line'
          break
        case 'dot':
          if (chunk[position] === CR) {
            runStart = ++position
            at = 'dot-cr'
          } else at = 'line'
          break
        case 'dot-cr':
          if (chunk[position] === LF) return stop(position + 1, true, null)
          return stop(position, false, 'bare-cr')
        case 'cr':
          if (chunk[position] !== LF) return stop(position, false, 'bare-cr')
          position++
          lineOctets = 0
          at = 'line-start'
          break
        case 'line':
          if (nextLf !== -1 && nextLf < position) nextLf = chunk.indexOf(LF, position)
          if (nextCr !== -1 && nextCr < position) nextCr = chunk.indexOf(CR, position)
          if (nextLf === -1) {
            addToLine(chunk.length - position)
            if (nextCr === -1) position = chunk.length
            else if (nextCr === chunk.length - 1) {
              position = chunk.length
              at = 'cr'
            } else return stop(nextCr, false, 'bare-cr')
          } else if (nextCr !== -1 && nextCr === nextLf - 1) {
            addToLine(nextLf - position)
            position = nextLf + 1
            lineOctets = 0
            at = 'line-start'
          } else return stop(position, false, nextCr === -1 || nextCr > nextLf ? 'bare-lf' : 'bare-cr')
          break
      }
    }
    emit(chunk.length)
    return stop(chunk.length, false, null)
  }

  return {
    decode,
    get lineTooLong() {
      return lineTooLong
    },
    get mayEnd() {
      return at !== 'cr'
    },
  }
}
