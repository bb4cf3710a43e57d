import { foldForSearch } from '../../format/charset/fold.ts'
import { envelopeText } from '../../format/header/envelope-text.ts'
import { decodeWords } from '../../format/header/words.ts'
import { partNames } from '../../format/message/part-names.ts'
import type { MessageSummary, Part } from '../../model/message.ts'
import type { GramCollector } from './grams.ts'
import { foldedText, readHeader, type MessageBytes } from './part-text.ts'

const ENVELOPE_FIELDS = ['from', 'to', 'cc', 'bcc', 'subject'] as const

/**
 * Grams of all that a search may look into (search.ts): header, envelope, text parts, headers of messages inside, names of parts.
 * @returns null when there is too much
 * @throws StoreError
 */
export async function gramsOfMessage(
  read: MessageBytes,
  summary: MessageSummary,
  collector: GramCollector,
): Promise<Uint16Array | null> {
  collector.take() // What an error left of the message before.
  const whole = (folded: string): boolean => {
    collector.part()
    return collector.add(folded)
  }
  for (const field of ENVELOPE_FIELDS) {
    const text = envelopeText(summary.header, field)
    if (text !== null) whole(foldForSearch(decodeWords(text)))
  }
  for (const name of partNames(summary.root)) whole(foldForSearch(name))
  for (const { line } of await readHeader(read, summary.root)) whole(line)
  await addBody(read, summary.root, collector)
  return collector.take()
}

/** @returns false once there is too much */
async function addBody(read: MessageBytes, part: Part, collector: GramCollector): Promise<boolean> {
  if (part.message !== null) {
    const inner = part.message.root
    for (const { line } of await readHeader(read, inner)) {
      collector.part()
      if (!collector.add(line)) return false
    }
    return addBody(read, inner, collector)
  }
  if (part.type === 'text') {
    collector.part()
    if (part.bodyStart === part.bodyEnd) return true
    for await (const piece of foldedText(read, part)) if (!collector.add(piece)) return false
    return true
  }
  for (const child of part.parts) if (!(await addBody(read, child, collector))) return false
  return true
}
