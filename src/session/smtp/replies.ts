import { StoreError } from '../../core/contract.ts'
import { reply, type SmtpReply } from '../../model/reply.ts'

export const TOO_BIG = reply(552, '5.3.4', 'Message too big')

/** docs/rules.md, codes. @throws what is no StoreError: that ends the session (R31) */
export function replyToStoreError(error: unknown): SmtpReply {
  if (!(error instanceof StoreError)) throw error
  if (error.kind === 'no-space') return reply(452, '4.3.1', 'No space left here, try again later')
  return reply(451, '4.3.0', 'Local error, try again later')
}
