import type { Part } from '../../model/message.ts'
import { createScanner, type ScanResult } from './scan.ts'

/** For tests: scans a message given whole, or in chunks of `chunkOctets`. */
export function scan(message: string | Uint8Array, chunkOctets = Number.POSITIVE_INFINITY): ScanResult {
  const octets = Buffer.from(message as string)
  const scanner = createScanner()
  for (let at = 0; at < octets.length; at += chunkOctets) scanner.push(octets.subarray(at, at + chunkOctets))
  return scanner.finish()
}

/** For tests: all parts, holders before what they hold. */
export function allParts(root: Part): Part[] {
  const inner = root.message === null ? root.parts : [root.message.root]
  return [root, ...inner.flatMap(allParts)]
}

/** For tests: `mixed(plain html)`, messages in brackets. */
export function shape(part: Part): string {
  const inner = part.message === null ? part.parts.map(shape).join(' ') : `[${shape(part.message.root)}]`
  const name = part.type === 'text' || part.type === 'multipart' ? part.subtype : `${part.type}/${part.subtype}`
  return part.message === null && part.parts.length > 0 ? `${name}(${inner})` : `${name}${inner}`
}
