/**
 * Whether an expression matches anywhere, and nothing more: sets of places in the expression are states of an automaton that is
 * made as the text asks for it, so that most characters cost one look-up. At worst each makes a state anew, which is the cost of
 * following all ways.
 */
import { eats as takes, type Instruction } from './regex-code.ts'

type State = {
  /** Places that eat. */
  readonly eats: readonly number[]
  readonly matches: boolean
  /** Whether it matches if the text ends here. */
  readonly matchesAtEnd: boolean
  /** By code of an ASCII character. */
  readonly next: (State | undefined)[]
  /** By code of another. */
  readonly nextOther: Map<number, State>
}

export type Search = { readonly states: Map<string, State>; start: State | null }

type Searched = { readonly code: readonly Instruction[]; readonly search: Search }

/** Past this the states are forgotten and made again. */
const STATES_MAX = 200
const OTHERS_MAX = 100

/** Edges of words look at two characters at once: such expressions are not for this. */
export const isSearchable = (code: readonly Instruction[]): boolean =>
  code.every((one) => one.do !== 'look' || one.place === 'start' || one.place === 'end')

/** @param spend is told how much was done; what it throws goes through */
export function searchRegex(regex: Searched, text: string, spend: (steps: number) => void): boolean {
  const { search, code } = regex
  let pending = 0
  const charge = (steps: number): void => {
    pending += steps
    if (pending < 4096) return
    spend(pending)
    pending = 0
  }
  search.start ??= makeState(code, [0], { isStart: true }, charge)
  let state = search.start
  for (let at = 0; at < text.length; at++) {
    if (state.matches) break
    let character = text.charCodeAt(at)
    if ((character & 0xfc00) === 0xd800 && at + 1 < text.length) {
      const whole = text.codePointAt(at)!
      if (whole > 0xffff) at++
      character = whole
    }
    const known: State | undefined = character < 128 ? state.next[character] : state.nextOther.get(character)
    if (known === undefined) state = step(regex, state, character, charge)
    else state = known
    if ((at & 15) === 0) charge(1) // A look-up is some 3 ns.
  }
  spend(pending)
  return state.matches || state.matchesAtEnd
}

function step(regex: Searched, state: State, character: number, charge: (steps: number) => void): State {
  const { code, search } = regex
  // An expression may begin at every place.
  const kernel = [0]
  for (const pc of state.eats) {
    if (takes(code[pc] as Instruction & { do: 'eat' }, character)) kernel.push(pc + 1)
  }
  // More than it takes: what is kept is paid for too.
  charge(16 + state.eats.length)
  const key = kernel.join()
  let next = search.states.get(key)
  if (next === undefined) {
    if (search.states.size >= STATES_MAX) search.states.clear()
    next = makeState(code, kernel, { isStart: false }, charge)
    search.states.set(key, next)
  }
  if (character < 128) state.next[character] = next
  else if (state.nextOther.size < OTHERS_MAX) state.nextOther.set(character, next)
  return next
}

function makeState(
  code: readonly Instruction[],
  kernel: readonly number[],
  { isStart }: { readonly isStart: boolean },
  charge: (steps: number) => void,
): State {
  const eats: number[] = []
  const matches = reach(code, kernel, { isStart, isEnd: false }, eats, charge)
  const matchesAtEnd = matches || reach(code, kernel, { isStart, isEnd: true }, [], charge)
  return { eats, matches, matchesAtEnd, next: [], nextOther: new Map() }
}

/** Follows what eats nothing. @returns whether the end of the expression was reached */
function reach(
  code: readonly Instruction[],
  kernel: readonly number[],
  place: { readonly isStart: boolean; readonly isEnd: boolean },
  eats: number[],
  charge: (steps: number) => void,
): boolean {
  const seen = new Uint8Array(code.length)
  const stack = kernel.toReversed()
  let visits = 8
  let matches = false
  while (stack.length > 0) {
    const pc = stack.pop()!
    if (seen[pc] === 1) continue
    seen[pc] = 1
    visits++
    const one = code[pc]!
    switch (one.do) {
      case 'jump':
        stack.push(one.to)
        break
      case 'split':
        stack.push(one.second, one.first)
        break
      case 'save':
        stack.push(pc + 1)
        break
      case 'look':
        if (one.place === 'start' ? place.isStart : place.isEnd) stack.push(pc + 1)
        break
      case 'eat':
        eats.push(pc)
        break
      case 'match':
        matches = true
        break
    }
  }
  charge(visits)
  return matches
}
