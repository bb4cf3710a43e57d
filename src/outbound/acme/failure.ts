import type { AcmeFailure, AcmeFailureKind } from '../../model/certificate.ts'
import type { Problem } from '../../protocol/acme/messages.ts'

/** Ends a conversation with a CA; does not leave this room. */
export class AcmeRefusal extends Error {
  override name = 'AcmeRefusal'
  readonly failure: AcmeFailure
  /** The problem's type, where there was one: `badNonce`. */
  readonly type: string
  constructor(failure: AcmeFailure, type = '') {
    super(failure.detail)
    this.failure = failure
    this.type = type
  }
}

/** RFC 8555 §6.7: problem types by what follows from them for the administrator. */
const KIND_BY_TYPE: Readonly<Record<string, AcmeFailureKind>> = {
  caa: 'caa',
  connection: 'challenge',
  dns: 'challenge',
  incorrectResponse: 'challenge',
  tls: 'challenge',
  unauthorized: 'challenge',
  rateLimited: 'rate-limited',
  rejectedIdentifier: 'name',
  unsupportedIdentifier: 'name',
  accountDoesNotExist: 'account',
  externalAccountRequired: 'account',
  unsupportedContact: 'account',
  invalidContact: 'account',
}

export function refusal(
  problem: Problem,
  about: { status?: number; retryAfterMs?: number | null; name?: string | null; otherwise?: AcmeFailureKind } = {},
): AcmeRefusal {
  const { status = 0, retryAfterMs = null, name = null, otherwise = 'refused' } = about
  const busy = status === 429 || status === 503
  const culprit = problem.subproblems.find((part) => part.name !== null) ?? problem
  const kind = KIND_BY_TYPE[culprit.type] ?? KIND_BY_TYPE[problem.type] ?? (busy ? 'rate-limited' : otherwise)
  const detail = culprit === problem ? problem.detail : `${problem.detail} ${culprit.detail}`
  return new AcmeRefusal({ kind, name: culprit.name ?? name, detail, retryAfterMs }, problem.type)
}

export const unusable = (detail: string): AcmeRefusal =>
  new AcmeRefusal({ kind: 'unreachable', name: null, detail, retryAfterMs: null })
