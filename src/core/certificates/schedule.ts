/** When a certificate is renewed, and when a failure is followed by the next try. */
import type { RenewalWindow } from '../../model/certificate.ts'
import { ACME_RENEW_AT_SHARE, ACME_RETRY_JITTER, ACME_RETRY_MAX_MS, ACME_RETRY_MS } from '../../model/limits.ts'
import type { Random } from '../../std/random.ts'

/** @param failures runs that failed on end, this one included; from 1 */
export function retryAfterMs(failures: number, random: Random, askedMs: number | null): number {
  const doubled = Math.min(ACME_RETRY_MAX_MS, ACME_RETRY_MS * 2 ** (Math.min(failures, 32) - 1))
  const spread = doubled * (1 + ACME_RETRY_JITTER * (2 * random.float() - 1))
  return Math.max(spread, askedMs ?? 0) // RFC 8555 §6.6: not sooner than the CA wishes.
}

type Life = { readonly notBefore: number; readonly notAfter: number }

/** Where the CA names no time. */
export const renewAtByLife = ({ notBefore, notAfter }: Life): number =>
  notBefore + (notAfter - notBefore) * ACME_RENEW_AT_SHARE

/** RFC 9773 §4.2: a time in the window by chance, at once when it is past. Drawn once per window. */
export const renewAtByWindow = ({ start, end }: RenewalWindow, random: Random): number =>
  start + (end - start) * random.float()
