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

/** Before an ASCII character nothing composes with what stands left of it; it itself may with what comes. */
function safeCut(text: string): number {
  const stop = Math.max(0, text.length - HOLD_BACK_MAX)
  for (let i = text.length - 1; i >= stop; i--) if (text.charCodeAt(i) < 128) return i
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length
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
