/** What an account itself has to say of a letter that a stranger brings: its own words, and whom it knows. */
import type { AccountId } from '../../model/ids.ts'
import type { MessageSummary } from '../../model/message.ts'
import type { Finding } from '../screening/contract.ts'

/** Octets [start, end) of the letter. @throws StoreError */
export type LetterBytes = (start: number, end: number) => Promise<Uint8Array>

/** What is known of a letter from a stranger before the accounts' own memory is asked. */
export type Brought = {
  /** The author's domain, where it stands for the letter (DMARC passes): lower-case. */
  readonly provenDomain: string | null
  /** The author's domain says that it is not from there. */
  readonly forged: boolean
  /** Of who brought it. */
  readonly remoteAddress: string | null
  /** What was found out for all accounts. */
  readonly points: number
}

export type JudgedLetter = Brought & { readonly summary: MessageSummary; readonly read: LetterBytes }

export type JunkVerdict = {
  readonly result: 'good' | 'unsure' | 'junk'
  /** All together. */
  readonly points: number
  /** Of the account. */
  readonly findings: readonly Finding[]
}

export type JunkJudge = {
  /** Never throws but StoreError of `read`; with nothing learnt only the points of others count. */
  judge(accountId: AccountId, letter: JudgedLetter): Promise<JunkVerdict>
}
