/** What the header of a kept letter tells of how it came: our own fields, which stand on top. */
import { fieldText, headerFields } from '../../format/header/field.ts'
import { HEADER_BLOCK_MAX_OCTETS, HEADER_LINES_MAX } from '../../model/limits.ts'
import type { Part } from '../../model/message.ts'
import type { LetterBytes } from './contract.ts'

export type StoredFacts = {
  /** It came by delivery, not by a mail program. */
  readonly delivered: boolean
  readonly provenDomain: string | null
  readonly forged: boolean
  readonly remoteAddress: string | null
}

/** @param authservId ours, lower-case. @throws StoreError */
export async function storedFacts(read: LetterBytes, root: Part, authservId: string): Promise<StoredFacts> {
  const end = Math.min(root.bodyStart, root.headerStart + HEADER_BLOCK_MAX_OCTETS)
  const octets = await read(root.headerStart, end)
  const block = Buffer.from(octets.buffer, octets.byteOffset, octets.length)
  const fields = headerFields(block, HEADER_LINES_MAX)
  const first = (name: string): string => {
    const field = fields.find((each) => each.name.toLowerCase() === name)
    return field === undefined ? '' : fieldText(block, field)
  }
  const results = first('authentication-results').trim().toLowerCase()
  const ours = results.startsWith(`${authservId};`) ? results : ''
  const dmarc = /;\s*dmarc=([a-z]+)(?: \([^)]*\))?(?: header\.from=([^\s;]{1,255}))?/.exec(ours)
  return {
    delivered: fields[0]?.name.toLowerCase() === 'return-path',
    provenDomain: dmarc?.[1] === 'pass' ? (dmarc[2]?.replaceAll('"', '') ?? null) : null,
    forged: dmarc?.[1] === 'fail',
    remoteAddress: /\[(?:ipv6:)?([0-9a-f.:]{2,45})\]/i.exec(first('received'))?.[1] ?? null,
  }
}
