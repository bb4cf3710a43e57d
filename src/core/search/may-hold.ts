import { foldForSearch } from '../../format/charset/fold.ts'
import type { AccountId } from '../../model/ids.ts'
import type { MessageChoice, SearchReads } from '../../store/contract.ts'
import { gramsOfNeedle } from './grams.ts'

/** Messages that may hold a text, in any case; null where the index cannot tell: no index, or less than three characters. */
export async function mayHoldText(
  search: SearchReads | undefined,
  accountId: AccountId,
  text: string,
): Promise<MessageChoice | null> {
  if (search === undefined) return null
  const grams = gramsOfNeedle(foldForSearch(text))
  return grams.length === 0 ? null : search.candidates(accountId, grams)
}
