import { authservIdOf } from '../../format/trace/authentication-results.ts'
import { headerFields } from '../../format/header/field.ts'
import { createHeaderRewriter, type HeaderRewriter } from './header-rewriter.ts'

/**
 * Takes away Authentication-Results that a stranger says are ours (RFC 8601 §5), and X-Spam-Status, by which filters and people
 * here go; nothing else.
 * @param authservId our name in them, lower-case
 */
export function createResultsRemover(authservId: string): HeaderRewriter {
  return createHeaderRewriter((all, end) => {
    const forged = headerFields(all.subarray(0, end)).filter(
      ({ name, valueStart, end: fieldEnd }) =>
        name.toLowerCase() === 'x-spam-status' ||
        (name.toLowerCase() === 'authentication-results' &&
          authservIdOf(all.toString('latin1', valueStart, fieldEnd)) === authservId),
    )
    if (forged.length === 0) return all
    const parts: Uint8Array[] = []
    let at = 0
    for (const field of forged) {
      parts.push(all.subarray(at, field.start))
      at = field.end
    }
    parts.push(all.subarray(at))
    return Buffer.concat(parts)
  })
}
