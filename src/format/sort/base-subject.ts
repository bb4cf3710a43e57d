const BLOB_OPEN = 0x5b
const BLOB_CLOSE = 0x5d
const COLON = 0x3a
const SPACE = 0x20

export type BaseSubject = {
  readonly text: string
  /** Something that marks a reply or a forwarded letter was taken away (RFC 5256 §3, REFERENCES). */
  readonly isReply: boolean
}

/**
 * The base subject (RFC 5256 §2.1), each letter looked at a fixed number of times.
 * @param subject decoded (RFC 2047); its case stays
 */
export function baseSubject(subject: string): BaseSubject {
  const text = subject.replace(/[ \t\r\n]+/g, ' ') // (1)
  const lower = lowerAscii(text)
  let isReply = false
  let start = 0
  let end = text.length
  for (;;) {
    const trimmed = trimTrailers(lower, start, end) // (2)
    end = trimmed.end
    isReply ||= trimmed.isReply
    const led = skipLeaders(lower, start, end) // (3) to (5)
    start = led.start
    isReply ||= led.isReply
    // (6) RFC 5256 §5, subj-fwd.
    const isForward = end - start >= 6 && lower.startsWith('[fwd:', start) && lower.charCodeAt(end - 1) === BLOB_CLOSE
    if (!isForward) return { text: text.slice(start, end), isReply }
    isReply = true
    start += 5
    end--
  }
}

/** As long as the text was: places stay the same. */
const lowerAscii = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** RFC 5256 §5, subj-trailer. */
function trimTrailers(lower: string, start: number, from: number): { end: number; isReply: boolean } {
  let end = from
  let isReply = false
  for (;;) {
    if (end > start && lower.charCodeAt(end - 1) === SPACE) end--
    else if (end - start >= 5 && lower.startsWith('(fwd)', end - 5)) {
      end -= 5
      isReply = true
    } else return { end, isReply }
  }
}

/** RFC 5256 §2.1, steps 3 to 5: leaders go; a blob without one goes as long as something is left. */
function skipLeaders(lower: string, from: number, end: number): { start: number; isReply: boolean } {
  let start = from
  let isReply = false
  for (;;) {
    if (start < end && lower.charCodeAt(start) === SPACE) {
      start++
      continue
    }
    let last = start
    let after = start
    for (let next = blobEnd(lower, after, end); next !== -1; next = blobEnd(lower, after, end)) {
      last = after
      after = next
    }
    const leader = replyEnd(lower, after, end)
    if (leader !== -1) {
      start = leader
      isReply = true
      continue
    }
    // Step 4, for all blobs of the run at once: what follows them is no leader, whichever goes first.
    return { start: after < end ? after : last, isReply }
  }
}

/** RFC 5256 §5, subj-blob. @returns behind it and the blanks after it, or -1 */
function blobEnd(lower: string, start: number, end: number): number {
  if (start >= end || lower.charCodeAt(start) !== BLOB_OPEN) return -1
  for (let at = start + 1; at < end; at++) {
    const letter = lower.charCodeAt(at)
    if (letter === BLOB_OPEN || letter === 0) return -1
    if (letter === BLOB_CLOSE) return skipBlanks(lower, at + 1, end)
  }
  return -1
}

/** RFC 5256 §5, subj-refwd. @returns behind its colon, or -1 */
function replyEnd(lower: string, start: number, end: number): number {
  let at: number
  if (lower.startsWith('re', start)) at = start + 2
  else if (lower.startsWith('fw', start)) at = lower.charCodeAt(start + 2) === 0x64 ? start + 3 : start + 2
  else return -1
  at = skipBlanks(lower, at, end)
  const blob = blobEnd(lower, at, end)
  if (blob !== -1) at = blob
  return at < end && lower.charCodeAt(at) === COLON ? at + 1 : -1
}

function skipBlanks(lower: string, from: number, end: number): number {
  let at = from
  while (at < end && lower.charCodeAt(at) === SPACE) at++
  return at
}
