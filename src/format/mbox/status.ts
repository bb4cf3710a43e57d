/**
 * Flags in the header of a letter in an mbox: `Status` and `X-Status` as mail programs of Unix write them, `X-Keywords`,
 * and Thunderbird's `X-Mozilla-Status`. They tell of the mailbox, not of the letter: read, and left out of it.
 */
import type { Flag } from '../../model/mailbox.ts'
import { KEYWORD_MAX_OCTETS } from '../../model/limits.ts'

export type MboxStatus = {
  readonly flags: readonly Flag[]
  /** Deleted by the program that kept the mailbox, not yet cut out. */
  readonly gone: boolean
  /** The header without those fields; ends as it did. */
  readonly header: Buffer
}

const LETTERS: readonly (readonly [string, Flag])[] = [
  ['A', '\\Answered'],
  ['F', '\\Flagged'],
  ['T', '\\Draft'],
  ['D', '\\Deleted'],
]
const MOZILLA: readonly (readonly [number, Flag])[] = [
  [0x0001, '\\Seen'],
  [0x0002, '\\Answered'],
  [0x0004, '\\Flagged'],
]
const MOZILLA_EXPUNGED = 0x0008
const OURS = /^(status|x-status|x-keywords|x-mozilla-status|x-mozilla-status2|x-mozilla-keys)[ \t]*:/i

/** What may be a keyword (RFC 9051 §9, atom). */
export const isKeyword = (text: string): boolean =>
  text.length <= KEYWORD_MAX_OCTETS && /^[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|}~]+$/.test(text)

/** @param header with its empty line */
export function takeStatus(header: Buffer): MboxStatus {
  const flags = new Set<Flag>()
  let gone = false
  const kept: string[] = []
  let dropping = false
  for (const line of header.toString('latin1').split(/(?<=\n)/)) {
    const continued = /^[ \t]/.test(line)
    if (!continued) dropping = OURS.test(line)
    if (!dropping) {
      kept.push(line)
      continue
    }
    if (continued) continue
    const colon = line.indexOf(':')
    const value = line.slice(colon + 1).trim()
    switch (line.slice(0, colon).trim().toLowerCase()) {
      case 'status':
        if (value.includes('R')) flags.add('\\Seen')
        break
      case 'x-status':
        for (const [letter, flag] of LETTERS) if (value.includes(letter)) flags.add(flag)
        break
      case 'x-keywords':
      case 'x-mozilla-keys':
        for (const word of value.split(/[ ,\t]+/)) if (isKeyword(word)) flags.add(word)
        break
      case 'x-mozilla-status': {
        const bits = Number.parseInt(value, 16) || 0
        for (const [bit, flag] of MOZILLA) if ((bits & bit) !== 0) flags.add(flag)
        gone = (bits & MOZILLA_EXPUNGED) !== 0
        break
      }
      default:
    }
  }
  return { flags: [...flags], gone, header: Buffer.from(kept.join(''), 'latin1') }
}

/** Fields that say the flags, each with an LF. */
export function printStatus(flags: readonly Flag[]): string {
  const has = new Set(flags)
  const letters = LETTERS.filter(([, flag]) => has.has(flag)).map(([letter]) => letter)
  const keywords = flags.filter((flag) => !flag.startsWith('\\'))
  return [
    `Status: ${has.has('\\Seen') ? 'RO' : 'O'}\n`,
    letters.length === 0 ? '' : `X-Status: ${letters.join('')}\n`,
    keywords.length === 0 ? '' : `X-Keywords: ${keywords.join(' ')}\n`,
  ].join('')
}
