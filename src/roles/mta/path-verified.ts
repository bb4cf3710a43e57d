import type { Authentication } from '../../mailauth/contract.ts'
import type { ReversePath } from '../../model/address.ts'

/**
 * Whether a notice about a letter goes to who has sent it, as far as can be known: SPF lets this visitor speak for the
 * reverse-path, or that very domain (or one above it) has signed the letter (R22).
 */
export function pathIsVerified({ spf, dkim }: Authentication, reversePath: ReversePath): boolean {
  if (reversePath === null) return false
  if (spf.scope === 'mailfrom' && spf.result === 'pass') return true
  const host = `.${reversePath.domain.toLowerCase()}`
  return dkim.some(({ result, domain }) => result === 'pass' && domain.includes('.') && host.endsWith(`.${domain}`))
}
