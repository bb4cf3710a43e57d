/** Letters of our own people are signed as they leave (RFC 6376 §5): with what they are sent as, and with the keys of that day. */
import { createHash } from 'node:crypto'
import { createScanner } from '../../format/message/scan.ts'
import { createBodyHash, splitFields } from '../../mailauth/dkim/canonical.ts'
import { signLetter, type SigningKey } from '../../mailauth/dkim/sign.ts'
import { authorDomain } from '../../mailauth/dmarc/check.ts'
import {
  DKIM_SIGNATURES_KEPT_MAX,
  DKIM_SIGNATURES_KEPT_MS,
  HEADER_BLOCK_MAX_OCTETS,
  READ_AT_ONCE_MAX_OCTETS,
} from '../../model/limits.ts'
import type { QueueEntry } from '../../model/queue.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { OutgoingContent } from '../contract.ts'

/** The keys that a domain's letters are signed with now; none for a domain that is not ours. */
export type Signer = { keysFor(domain: string): Promise<readonly SigningKey[]> }

export type Signing = {
  /** @returns the content with its signatures in front; as it is where nobody signs it. @throws StoreError */
  sign(entry: QueueEntry, content: OutgoingContent): Promise<OutgoingContent>
}

export function createSigning({ signer, clock, log }: { signer: Signer; clock: Clock; log: Log }): Signing {
  /**
   * By letter: it leaves for several destinations, and may be tried again. Oldest first. What has the same traceId is not
   * always the same letter: a notice about one, and a copy that a filter has edited, have it too.
   */
  const kept = new Map<string, { readonly fields: string; readonly until: number }>()

  function keep(letter: string, fields: string): void {
    kept.set(letter, { fields, until: clock.monotonic() + DKIM_SIGNATURES_KEPT_MS })
    if (kept.size > DKIM_SIGNATURES_KEPT_MAX) kept.delete(kept.keys().next().value ?? '')
  }

  /** RFC 9989 §4.4: a domain stands for its hosts, and notices are from the host that we are. */
  async function keysFor(domain: string): Promise<readonly SigningKey[]> {
    for (let name = domain; name.includes('.'); name = name.slice(name.indexOf('.') + 1)) {
      const keys = await signer.keysFor(name)
      if (keys.length > 0) return keys
    }
    return []
  }

  async function signatures(entry: QueueEntry, content: OutgoingContent, { header, bodyStart }: Head): Promise<string> {
    const scanner = createScanner()
    scanner.push(header)
    const { summary, fromCount } = scanner.finish()
    const domain = fromCount === 1 ? authorDomain(summary.header.from) : null
    const keys = domain === null ? [] : await keysFor(domain)
    if (keys.length === 0) return ''
    const hash = createBodyHash('relaxed')
    for (let at = bodyStart; at < content.sizeOctets; at += READ_AT_ONCE_MAX_OCTETS)
      hash.push(await content.read(at, Math.min(content.sizeOctets, at + READ_AT_ONCE_MAX_OCTETS)))
    const letter = { fields: splitFields(header), bodyHash: hash.finish().hash, now: clock.now() }
    log.info({
      event: 'relay.signed',
      traceId: entry.traceId,
      queueId: entry.queueId,
      domain: keys[0]!.domain,
      selectors: keys.map(({ selector }) => selector),
    })
    return keys.map((key) => signLetter(key, letter)).join('')
  }

  return {
    async sign(entry, content) {
      // What a stranger sends on by us is not ours to vouch for, though he may hear of what becomes of it.
      if (!entry.senderVerified || isSentOn(entry)) return content
      const head = await headerOf(content)
      const hash = createHash('sha256').update(head.header).digest('base64')
      const letter = `${entry.traceId} ${content.sizeOctets} ${hash}`
      const known = kept.get(letter)
      const good = known !== undefined && known.until > clock.monotonic()
      const fields = good ? known.fields : await signatures(entry, content, head)
      if (!good) keep(letter, fields)
      return fields === '' ? content : withFront(Buffer.from(fields, 'latin1'), content)
    },
  }
}

/** It leaves in a name of the Sender Rewriting Scheme (core/forwarding/srs). */
const isSentOn = ({ envelope }: QueueEntry): boolean => /^SRS[01]=/.test(envelope.reversePath?.localPart ?? '')

type Head = { readonly header: Buffer; readonly bodyStart: number }

/** @returns the header's fields, and where the body begins */
async function headerOf(content: OutgoingContent): Promise<Head> {
  const head = Buffer.from(await content.read(0, Math.min(content.sizeOctets, HEADER_BLOCK_MAX_OCTETS + 4)))
  const end = head.indexOf('\r\n\r\n')
  if (end === -1) return { header: head, bodyStart: content.sizeOctets }
  return { header: head.subarray(0, end + 2), bodyStart: end + 4 }
}

const withFront = (front: Buffer, content: OutgoingContent): OutgoingContent => ({
  sizeOctets: front.length + content.sizeOctets,
  async read(start, end) {
    const own = front.subarray(Math.min(start, front.length), Math.min(end, front.length))
    if (end <= front.length) return own
    const rest = await content.read(Math.max(0, start - front.length), end - front.length)
    return own.length === 0 ? rest : Buffer.concat([own, rest])
  },
})
