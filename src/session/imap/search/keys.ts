import type { SearchKey } from '../../../protocol/imap/search.ts'

/** Whether a key of this kind stands anywhere in it. */
export function mentions(key: SearchKey, kind: SearchKey['key']): boolean {
  if (key.key === kind) return true
  if (key.key === 'and' || key.key === 'or') return key.of.some((each) => mentions(each, kind))
  return key.key === 'not' && mentions(key.of, kind)
}

/** The keys that must all hold. */
export const conjuncts = (key: SearchKey): readonly SearchKey[] =>
  key.key === 'and' ? key.of.flatMap((each) => conjuncts(each)) : [key]
