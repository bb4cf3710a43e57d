import { foldForSearch } from '../../format/charset/fold.ts'
import { partNames } from '../../format/message/part-names.ts'
import type { MessageSummary, Part } from '../../model/message.ts'
import type { ContentProbe, ContentSearch } from '../contract.ts'
import { createFinder } from './folded-stream.ts'
import { bytesOf, foldedText, isWhole, readHeader, type FoldedField, type MessageBytes } from './part-text.ts'

/** Characters of decoded text that one probe keeps, for the next key of the same search. */
const KEPT_MAX_CHARACTERS = 8 * 1024 * 1024

/**
 * Searches in messages' content (RFC 9051 §6.4.4: HEADER, BODY, TEXT): encoded words, transfer encodings and charsets
 * undone, compared by `foldForSearch`. Reads only what a key needs: headers, text parts, headers of messages inside.
 * TEXT looks at what parts are called too (RFC 9051 §6.4.4: "including MIME header fields").
 * All that is looked at here is indexed by indexed-text.ts: what is not would not be found.
 * Choice: HTML matches as written and, up to 1 MiB, without its tags; other parts' content is not searched (RFC 9051 §6.4.4 allows).
 */
export function createContentSearch(): ContentSearch {
  return { probe: (mailboxes, message) => createProbe(bytesOf(mailboxes, message.messageKey), message.summary) }
}

function createProbe(read: MessageBytes, { root }: MessageSummary): ContentProbe {
  const headers = new Map<Part, Promise<FoldedField[]>>()
  const texts = new Map<Part, readonly string[]>()
  let kept = 0

  function headerOf(part: Part): Promise<FoldedField[]> {
    let fields = headers.get(part)
    if (fields === undefined) {
      fields = readHeader(read, part)
      headers.set(part, fields)
    }
    return fields
  }

  async function anyField(part: Part, needle: string): Promise<boolean> {
    return (await headerOf(part)).some((field) => field.line.includes(needle))
  }

  async function textHas(part: Part, needle: string): Promise<boolean> {
    if (part.bodyStart === part.bodyEnd) return false // Nothing to make decoders for: a letter may have thousands of these.
    const finds = createFinder(needle)
    const known = texts.get(part)
    if (known !== undefined) return known.some(finds)
    const pieces: string[] = []
    let length = 0
    let found = false
    for await (const piece of foldedText(read, part)) {
      found ||= finds(piece)
      if (found && !isWhole(part)) return true
      length += piece.length
      if (isWhole(part)) pieces.push(piece)
    }
    if (isWhole(part) && kept + length <= KEPT_MAX_CHARACTERS) {
      texts.set(part, pieces)
      kept += length
    }
    return found
  }

  async function bodyHas(part: Part, needle: string): Promise<boolean> {
    if (part.message !== null) {
      const inner = part.message.root
      return (await anyField(inner, needle)) || (await bodyHas(inner, needle))
    }
    if (part.type === 'text') return textHas(part, needle)
    for (const child of part.parts) if (await bodyHas(child, needle)) return true
    return false
  }

  const namesHave = (needle: string): boolean => partNames(root).some((name) => foldForSearch(name).includes(needle))

  return {
    async header(name, text) {
      const wanted = name.toLowerCase()
      const needle = foldForSearch(text)
      return (await headerOf(root)).some((field) => field.name === wanted && field.value.includes(needle))
    },
    async body(text) {
      const needle = foldForSearch(text)
      return needle === '' || bodyHas(root, needle)
    },
    async text(text) {
      const needle = foldForSearch(text)
      return needle === '' || namesHave(needle) || (await anyField(root, needle)) || bodyHas(root, needle)
    },
  }
}
