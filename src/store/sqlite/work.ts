/** What a command's handler may do beside SQL. */
import type { ChangeNotice, CommandName, OutcomeOf, Command } from '../contract.ts'
import type { AccountId, MailboxId, ModSeq } from '../../model/ids.ts'
import type { PreparedBody, PreparedInputs } from './prepared.ts'

export type Work = {
  /** An id for a body that rows of this command will refer to. */
  newBody(): number
  /** Gives that body its bytes and row. @param meta enough to rebuild the rows that refer to it */
  keepBody(bodyId: number, body: PreparedBody, refs: number, meta: object): void
  /** Rows were taken away: at the end of the group, messages without entries and bodies without rows go too. */
  dropped(): void
  notice(notice: ChangeNotice): void
  mailboxChanged(accountId: AccountId, mailboxId: MailboxId, modSeq: ModSeq): void
}

export type Handler<K extends CommandName> = (
  input: PreparedInputs[K],
  work: Work,
) => OutcomeOf<Extract<Command, { do: K }>>

export type Handlers<K extends CommandName = CommandName> = { readonly [N in K]: Handler<N> }

/** Clusters a message's row by account: `account_id * 2^32 + message_key` stays exact below 2^53. */
export const messageId = (accountId: number, messageKey: number): number => accountId * 2 ** 32 + messageKey
