import { assert } from '../../std/assert.ts'
import { HEADER_BLOCK_MAX_OCTETS, HEADER_LINES_MAX } from '../../model/limits.ts'
import { createScanner } from '../../format/message/scan.ts'
import type { Store } from '../../store/contract.ts'
import type { MessageSink } from '../contract.ts'
import type { HeaderRewriter } from './header-rewriter.ts'
import { moved } from './moved.ts'

/** What goes before the content in the stored message. */
export type Prefix = {
  /** For local mailboxes only; written at the end. */
  readonly returnPath: string
  /** Trace fields that travel on. */
  readonly received: string
}

const countReceived = (fields: string): number => (fields.match(/^received:/gim) ?? []).length

/**
 * Writes one message out and scans it in the same pass. Memory: what the store's stage and the scanner hold.
 * `nulInBody`: whether the body may hold NUL (RFC 3030 BINARYMIME, RFC 3516); the header never may (RFC 5322 §2.2).
 */
export function openSink(options: {
  store: Pick<Store, 'stage'>
  prefix: Prefix | null
  rewriter?: HeaderRewriter | null
  nulInBody: boolean
}): MessageSink {
  const { prefix, rewriter = null, nulInBody } = options
  const body = options.store.stage()
  const scanner = createScanner()
  let sizeOctets = 0
  let written = 0
  let begun = false

  const emit = async (chunk: Uint8Array): Promise<void> => {
    written += chunk.length
    scanner.push(chunk)
    await body.write(chunk)
  }

  const begin = async (): Promise<void> => {
    begun = true
    if (prefix !== null) await emit(Buffer.from(prefix.received))
  }

  return {
    /** Of what was written here; the prefix is not the sender's to answer for. */
    get sizeOctets() {
      return sizeOctets
    },
    async write(chunk) {
      if (!begun) await begin()
      sizeOctets += chunk.length
      if (rewriter === null) return emit(chunk)
      for (const part of rewriter.push(chunk)) await emit(part)
    },
    async finish(fields) {
      if (!begun) await begin()
      for (const part of rewriter?.finish() ?? []) await emit(part)
      const { summary, receivedCount, fromCount, malformed } = scanner.finish()
      const why = malformed.headerTooLarge
        ? `the header has more than ${HEADER_BLOCK_MAX_OCTETS} octets or ${HEADER_LINES_MAX} fields`
        : malformed.headerHasNul || (malformed.bodyHasNul && !nulInBody)
          ? 'the message contains a NUL octet'
          : null
      if (why !== null) {
        await body.abort()
        return { at: 'malformed', why }
      }
      assert(summary.sizeOctets === written, 'the scanner counts as many octets as were written')
      const seen = {
        summary,
        receivedCount: receivedCount - countReceived(prefix?.received ?? ''),
        fromCount,
      }
      const front = Buffer.from((prefix?.returnPath ?? '') + ((await fields?.(seen)) ?? ''))
      const skipOctets = front.length
      return { ...seen, body: await body.finish(front), summary: moved(summary, skipOctets), skipOctets }
    },
    abort: () => body.abort(),
  }
}
