import { BOUNDARY_MAX_OCTETS } from '../../model/limits.ts'
import type { Part } from '../../model/message.ts'
import { fieldText } from '../header/field.ts'
import { parseContentType, parseDisposition, parameterValue, type ContentType } from '../header/parameters.ts'
import type { HeaderIndex } from './header-index.ts'

export type Mutable<T> = { -readonly [K in keyof T]: T[K] }
/** A part while its end is not yet known. */
export type GrowingPart = Mutable<Omit<Part, 'parts'>> & { parts: GrowingPart[] }

export type DefaultType = 'text/plain' | 'message/rfc822'

/** RFC 2045 §5.2. */
export const PLAIN: ContentType = { type: 'text', subtype: 'plain', parameters: [['charset', 'us-ascii']] }
const RFC822: ContentType = { type: 'message', subtype: 'rfc822', parameters: [] }

const IDENTITY = new Set(['7bit', '8bit', 'binary'])

/**
 * What a part's header says of it. Choice: of several fields of one name the first counts (S10).
 * @param defaultType of a part without Content-Type: message/rfc822 in a digest (RFC 2046 §5.1.5)
 */
export function readPart(
  header: HeaderIndex,
  defaultType: DefaultType,
  headerStart: number,
  bodyStart: number,
): GrowingPart {
  const text = (name: string): string | null => {
    const field = header.first.get(name)
    return field === undefined ? null : fieldText(header.block, field)
  }
  const disposition = text('content-disposition')
  const encoding = readEncoding(text('content-transfer-encoding'))
  return {
    ...readType(text('content-type'), defaultType, encoding),
    contentId: text('content-id'),
    description: text('content-description'),
    encoding,
    disposition: disposition === null ? null : parseDisposition(disposition),
    language: readLanguages(text('content-language')),
    location: text('content-location')?.replace(/[ \t]+/g, '') ?? null, // RFC 2557 §4.4.1
    md5: text('content-md5'),
    headerStart,
    bodyStart,
    bodyEnd: bodyStart,
    lines: 0,
    parts: [],
    message: null,
  }
}

function readType(text: string | null, defaultType: DefaultType, encoding: string): ContentType {
  const fallback = text === null && defaultType === 'message/rfc822' ? RFC822 : PLAIN
  // RFC 2045 §5.2: a wrong Content-Type is best read as the default, text/plain.
  const type = (text === null ? null : parseContentType(text)) ?? fallback
  if (isMessage(type) && !IDENTITY.has(encoding)) {
    // Choice: an encoded message is not opened (RFC 2046 §5.2.1 forbids it), so it is shown as a file.
    return { type: 'application', subtype: 'octet-stream', parameters: type.parameters }
  }
  return type
}

/** RFC 2046 §5.2.1, RFC 6532 §3.7. */
export function isMessage(part: { readonly type: string; readonly subtype: string }): boolean {
  return part.type === 'message' && (part.subtype === 'rfc822' || part.subtype === 'global')
}

function readEncoding(text: string | null): string {
  const token = /^[ \t]*"?([!-~]+?)"?(?:[ \t;(]|$)/.exec(text?.slice(0, 100) ?? '')
  return token === null ? '7bit' : token[1]!.toLowerCase() // RFC 2045 §6.1
}

/** RFC 3282. */
function readLanguages(text: string | null): string[] {
  if (text === null) return []
  return text
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
}

/**
 * A multipart's boundary (RFC 2046 §5.1.1), or null when none can be looked for: the part is then a leaf.
 * Blanks at its end are dropped, as a delimiter line's are.
 */
export function readBoundary(part: ContentType): string | null {
  const boundary = parameterValue(part.parameters, 'boundary')?.trimEnd() ?? ''
  if (boundary.length > BOUNDARY_MAX_OCTETS) return null
  return /^[ -~]+$/.test(boundary) ? boundary : null
}
