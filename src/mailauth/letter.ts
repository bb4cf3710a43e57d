/** Signatures of a letter, looked at while it comes in. */
import { DKIM_SIGNATURES_MAX, HEADER_BLOCK_MAX_OCTETS } from '../model/limits.ts'
import { verifyArc } from './arc/verify.ts'
import type { ArcResult, Asking, DkimResult } from './contract.ts'
import { createBodyHash, splitFields, type Canonicalization, type RawField } from './dkim/canonical.ts'
import { valueOf, type BodyHashes } from './dkim/proof.ts'
import { parseSignature } from './dkim/signature.ts'
import { verifySignature } from './dkim/verify.ts'

export type LetterVerifier = {
  /** The content as it comes, in any pieces: without what is put before it here. */
  push(chunk: Uint8Array): void
  /** @param now epoch milliseconds */
  finish(now: number): LetterProofs
}

/** Each by itself: a signature whose key is slow to come keeps no other from being looked at. */
export type LetterProofs = { readonly dkim: readonly Asking<DkimResult>[]; readonly arc: Asking<ArcResult> }

const HEADER_END = Buffer.from('\r\n\r\n')
/** Most headers fit. */
const HEADER_FIRST_OCTETS = 8 * 1024

/** Octets that are looked at twice: those of the header. The body is hashed as it goes by, once for each form that was used. */
export function createLetterVerifier(): LetterVerifier {
  /** The header so far; `length` octets of it are used. It grows by doubling, as strangers choose the size of pieces. */
  let pending: Buffer | null = Buffer.alloc(0)
  let length = 0
  let fields: readonly RawField[] = []
  const bodies = new Map<Canonicalization, ReturnType<typeof createBodyHash>>()

  function beginBody(header: Buffer, body: Uint8Array): void {
    pending = null
    fields = splitFields(header)
    for (const field of fields) {
      if (field.name !== 'dkim-signature' && field.name !== 'arc-message-signature') continue
      const signature = parseSignature(valueOf(field), { arc: field.name !== 'dkim-signature' })
      if (!('wrong' in signature) && !bodies.has(signature.body))
        bodies.set(signature.body, createBodyHash(signature.body))
    }
    for (const hash of bodies.values()) hash.push(body)
  }

  /** The end of the header lies at or after `from`, or is not there yet. */
  function look(from: number): void {
    const all = pending!.subarray(0, length)
    if (all.length >= 2 && all[0] === 0x0d && all[1] === 0x0a) {
      beginBody(Buffer.alloc(0), all.subarray(2))
      return
    }
    const end = all.indexOf(HEADER_END, from)
    if (end !== -1) beginBody(all.subarray(0, end + 2), all.subarray(end + 4))
    else if (all.length > HEADER_BLOCK_MAX_OCTETS) beginBody(Buffer.alloc(0), Buffer.alloc(0)) // It will be refused.
  }

  return {
    push(chunk) {
      if (pending === null) {
        for (const hash of bodies.values()) hash.push(chunk)
        return
      }
      const from = Math.max(0, length - 3)
      if (length + chunk.length > pending.length) {
        const larger = Buffer.allocUnsafe(Math.max(HEADER_FIRST_OCTETS, 2 * pending.length, length + chunk.length))
        pending.copy(larger, 0, 0, length)
        pending = larger
      }
      pending.set(chunk, length) // A copy: the caller may use its octets again.
      length += chunk.length
      look(from)
    },
    finish(now) {
      if (pending !== null) beginBody(pending.subarray(0, length), Buffer.alloc(0))
      const hashes: BodyHashes = {}
      for (const [form, hash] of bodies) hashes[form] = hash.finish()
      const signed = fields.filter(({ name }) => name === 'dkim-signature').slice(0, DKIM_SIGNATURES_MAX)
      return {
        dkim: signed.map((field) => verifySignature(field, { fields, hashes, now })),
        arc: verifyArc(fields, hashes),
      }
    },
  }
}
