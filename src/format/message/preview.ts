import { PREVIEW_MAX_CHARACTERS } from '../../model/limits.ts'
import type { Part } from '../../model/message.ts'
import { decodeCharset } from '../charset/charset.ts'
import { decodeBody } from '../charset/transfer.ts'
import { parameterValue } from '../header/parameters.ts'
import { htmlToText } from './html-text.ts'

/** Invisible characters that newsletters pad their first lines with; control characters. */
const UNSEEN = /\u034f|[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]/g

/** Enough for a preview in most encodings. */
const FIRST_OCTETS = 1800
/** What a cut through an encoding may spoil at the end, at most. */
const CUT_CHARACTERS = 8

/**
 * A part's first words as one line of text (RFC 8970 §3.2), at most PREVIEW_MAX_CHARACTERS UTF-16 units.
 * @param body its first octets as stored; `cut` when there were more
 */
export function makePreview(part: Part, body: Buffer, cut: boolean): string {
  // Most letters say enough at once. (HTML begins with what is not text.)
  if (body.length > FIRST_OCTETS && part.subtype !== 'html') {
    const line = asLine(part, body.subarray(0, FIRST_OCTETS), true)
    if (line.length > PREVIEW_MAX_CHARACTERS + CUT_CHARACTERS) return shortened(line)
  }
  return shortened(asLine(part, body, cut))
}

function asLine(part: Part, body: Buffer, cut: boolean): string {
  const octets = decodeBody(body, part.encoding) ?? body
  let text = decodeCharset(octets, parameterValue(part.parameters, 'charset'))
  if (cut) text = text.replace(/\ufffd{1,3}$/, '') // A character that the limit cut.
  if (part.subtype === 'html') text = htmlToText(text)
  return text.replace(UNSEEN, '').replace(/\s+/g, ' ').trim()
}

function shortened(line: string): string {
  if (line.length <= PREVIEW_MAX_CHARACTERS) return line.toWellFormed()
  return line
    .slice(0, PREVIEW_MAX_CHARACTERS)
    .replace(/[\ud800-\udbff]$/, '')
    .toWellFormed()
    .trimEnd()
}
