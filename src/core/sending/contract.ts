/** How much mail an account may send to other servers: what a stolen password is worth at most. */
import type { AccountId } from '../../model/ids.ts'

/** In 24 hours. 0: nothing at all. */
export type SendingLimit = { readonly messages: number; readonly recipients: number }

export type SendingRefusal = {
  readonly what: 'messages' | 'recipients'
  readonly max: number
  /** Epoch milliseconds: when there is room again; null: not by waiting. */
  readonly freeAt: number | null
}

export type Sending = {
  /** What the account may send, and has sent in the last 24 hours. `usual`: where nothing else was said for it. @throws StoreError */
  of(accountId: AccountId, usual: SendingLimit): Promise<{ readonly limit: SendingLimit; readonly sent: SendingLimit }>
  /** Why one message more to so many recipients may not go; null: it may. @throws StoreError */
  refusal(accountId: AccountId, usual: SendingLimit, recipients: number): Promise<SendingRefusal | null>
}
