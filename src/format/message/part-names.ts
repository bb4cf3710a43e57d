import type { Part } from '../../model/message.ts'
import { parameterValue } from '../header/parameters.ts'
import { decodeWords } from '../header/words.ts'

/** What the parts of a message are called: file names and descriptions, decoded, also of messages inside. */
export function partNames(root: Part): readonly string[] {
  const names: string[] = []
  const open = [root]
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    // RFC 2183 §2.3; `name` is RFC 2045's older way, and encoded words in either are common though RFC 2047 §5 forbids them.
    const fileName = parameterValue(part.disposition?.parameters ?? [], 'filename')
    for (const name of [fileName, parameterValue(part.parameters, 'name'), part.description]) {
      if (name !== null && name !== '') names.push(decodeWords(name))
    }
    open.push(...part.parts)
    if (part.message !== null) open.push(part.message.root)
  }
  return [...new Set(names)]
}
