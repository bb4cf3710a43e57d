import { foldForSearch } from '../../format/charset/fold.ts'

const HOLD_BACK_MAX = 256

/** Folds a text that arrives in pieces, so that the pieces' folds together are the fold of the whole. */
export type FoldedStream = {
  push(text: string): string
  end(): string
}

export function createFoldedStream(): FoldedStream {
  let held = ''
  let endsBlank = false
  const emit = (text: string): string => {
    let folded = foldForSearch(text)
    if (endsBlank && folded.startsWith(' ')) folded = folded.slice(1)
    if (folded !== '') endsBlank = folded.endsWith(' ')
    return folded
  }
  return {
    push(text) {
      const all = held + text
      const cut = safeCut(all)
      held = all.slice(cut)
      return emit(all.slice(0, cut))
    },
    end() {
      const last = held
      held = ''
      return emit(last)
    },
  }
}

/**
 * What may join a character left of it: marks, the trailing parts of Hangul syllables and of kana, whatever their width;
 * and the second half of a surrogate pair.
 */
const JOINS_LEFT = /[\p{M}\u1160-\u11ff\u3131-\u318e\uff9e-\uffdc\udc00-\udfff]/u

/** Before the last character that joins nothing: what comes may still join that one. */
function safeCut(text: string): number {
  const stop = Math.max(0, text.length - HOLD_BACK_MAX)
  for (let i = text.length - 1; i >= stop; i--) if (!JOINS_LEFT.test(text[i]!)) return i
  return text.length
}

/** Looks for a needle in folded pieces; remembers no more of them than the needle is long. */
export function createFinder(needle: string): (piece: string) => boolean {
  let tail = ''
  return (piece) => {
    const text = tail + piece
    if (text.includes(needle)) return true
    tail = needle.length > 1 ? text.slice(-(needle.length - 1)) : ''
    return false
  }
}
