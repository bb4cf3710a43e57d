/**
 * Matches regular expressions in time of text × expression, whatever they are: all ways are followed at once (Thompson, Pike).
 * What matches is the leftmost, and of those the longest, as POSIX wants.
 */
import { ok, type Result } from '../../std/result.ts'
import { eats, makeInstructions, type Instruction } from './regex-code.ts'
import { isSearchable, searchRegex, type Search } from './regex-search.ts'
import { isWord, parseRegex, type Place } from './regex-syntax.ts'

export type Regex = {
  readonly code: readonly Instruction[]
  readonly groups: number
  readonly searchable: boolean
  readonly search: Search
}

/** @param fold as texts will be folded before they come here; null when case counts */
export function compileRegex(source: string, fold: ((text: string) => string) | null): Result<Regex, string> {
  const parsed = parseRegex(source, { fold })
  if (!parsed.ok) return parsed
  const made = makeInstructions(parsed.value.tree)
  if (!made.ok) return made
  const search: Search = { states: new Map(), start: null }
  return ok({ code: made.value, groups: parsed.value.groups, searchable: isSearchable(made.value), search })
}

/** Places in the text of the whole match and its groups, -1 for a group that took no part. */
export type Found = readonly number[]

/** Ways that are followed at one place, the better ones first. */
type Ways = { readonly at: Int32Array; readonly slots: Int32Array[]; count: number }

/**
 * @param text folded when case does not count
 * @param spend is told how much was done; what it throws goes through
 * @param needsGroups without it only whether there is a match is found out, and `[]` says yes
 */
export function matchRegex(
  regex: Regex,
  text: string,
  spend: (steps: number) => void,
  needsGroups: boolean,
): Found | null {
  // Most texts match nothing, and who asks for no groups wants to know no more.
  if (regex.searchable) {
    if (!searchRegex(regex, text, spend)) return null
    if (!needsGroups) return []
  }
  const { code } = regex
  const width = needsGroups ? 2 * (regex.groups + 1) : 0
  const seen = new Int32Array(code.length).fill(-1)
  const stack: { pc: number; slots: Int32Array }[] = []
  const none = new Int32Array(width).fill(-1)
  let ways = newWays(code.length)
  let next = newWays(code.length)
  let best: Int32Array | null = null
  let pending = 0

  /** Follows what eats nothing. @returns whether `match` was reached */
  function follow(into: Ways, from: number, slots: Int32Array, at: number): Int32Array | null {
    let matched: Int32Array | null = null
    stack.push({ pc: from, slots })
    while (stack.length > 0) {
      const way = stack.pop()!
      let { pc } = way
      let own = way.slots
      for (;;) {
        if (seen[pc] === at) break
        seen[pc] = at
        pending++
        const instruction = code[pc]!
        if (instruction.do === 'jump') pc = instruction.to
        else if (instruction.do === 'split') {
          stack.push({ pc: instruction.second, slots: own })
          pc = instruction.first
        } else if (instruction.do === 'save') {
          if (width > 0) {
            own = own.slice()
            pending += 2 + (width >> 3)
            own[instruction.slot] = at
          }
          pc++
        } else if (instruction.do === 'look') {
          if (!isAt(instruction.place, text, at)) break
          pc++
        } else if (instruction.do === 'match') {
          matched ??= own
          break
        } else {
          into.at[into.count] = pc
          into.slots[into.count++] = own
          break
        }
      }
    }
    return matched
  }

  for (let at = 0; ;) {
    if (best === null) {
      const start = width > 0 ? none.slice() : none
      if (width > 0) start[0] = at
      const matched = follow(ways, 0, start, at)
      if (matched !== null) {
        if (!needsGroups) return []
        best = finish(matched, at)
        dropOthers(ways, best[0]!)
      }
    }
    pending += 1 + ways.count
    if (pending > 4096) {
      spend(pending)
      pending = 0
    }
    if (at >= text.length || (ways.count === 0 && best !== null)) break
    const character = text.codePointAt(at)!
    const after = at + (character > 0xffff ? 2 : 1)
    next.count = 0
    for (let i = 0; i < ways.count; i++) {
      const pc = ways.at[i]!
      if (!eats(code[pc] as Instruction & { do: 'eat' }, character)) continue
      const matched = follow(next, pc + 1, ways.slots[i]!, after)
      if (matched === null) continue
      if (!needsGroups) return []
      // Leftmost first, then longest: ways that began later are behind, and are dropped.
      if (best === null || matched[0]! < best[0]! || (matched[0] === best[0] && after > best[1]!)) {
        best = finish(matched, after)
      }
    }
    if (best !== null) dropOthers(next, best[0]!)
    const spare = ways
    ways = next
    next = spare
    at = after
  }
  spend(pending)
  return best === null ? null : Array.from(best)
}

function newWays(size: number): Ways {
  return { at: new Int32Array(size), slots: Array.from<Int32Array>({ length: size }), count: 0 }
}

function finish(slots: Int32Array, end: number): Int32Array {
  const found = slots.slice()
  found[1] = end
  return found
}

function dropOthers(ways: Ways, start: number): void {
  let count = 0
  for (let i = 0; i < ways.count; i++) {
    if (ways.slots[i]![0]! > start) continue
    ways.at[count] = ways.at[i]!
    ways.slots[count++] = ways.slots[i]!
  }
  ways.count = count
}

function isAt(place: Place, text: string, at: number): boolean {
  if (place === 'start') return at === 0
  if (place === 'end') return at === text.length
  const before = at > 0 && isWord(codeBefore(text, at))
  const after = at < text.length && isWord(text.codePointAt(at)!)
  switch (place) {
    case 'word-edge':
      return before !== after
    case 'no-word-edge':
      return before === after
    case 'word-start':
      return !before && after
    case 'word-end':
      return before && !after
  }
}

function codeBefore(text: string, at: number): number {
  const code = text.charCodeAt(at - 1)
  return (code & 0xfc00) === 0xdc00 && at > 1 ? text.codePointAt(at - 2)! : code
}
