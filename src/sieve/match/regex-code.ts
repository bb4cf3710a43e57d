/** What an expression is made into: instructions for whoever follows all its ways. */
import { SIEVE_REGEX_INSTRUCTIONS_MAX } from '../../model/limits.ts'
import { err, ok, type Result } from '../../std/result.ts'
import type { CharacterSet, Place, RegexNode } from './regex-syntax.ts'

/** Of ASCII characters: 1 belongs to the set, 2 does not, 0 is not known yet. */
export type AsciiTable = Uint8Array

export type Instruction =
  | { readonly do: 'eat'; readonly set: CharacterSet; readonly ascii: AsciiTable }
  | { readonly do: 'split'; first: number; second: number }
  | { readonly do: 'jump'; to: number }
  | { readonly do: 'save'; readonly slot: number }
  | { readonly do: 'look'; readonly place: Place }
  | { readonly do: 'match' }

class TooLarge extends Error {}

/** @returns what is wrong when the tree needs too many instructions */
export function makeInstructions(tree: RegexNode): Result<readonly Instruction[], string> {
  const code: Instruction[] = []
  try {
    emit(tree, code, new Map())
  } catch (error) {
    if (error instanceof TooLarge) return err('its repeats make it too large')
    throw error
  }
  code.push({ do: 'match' })
  return ok(code)
}

function add<T extends Instruction>(code: Instruction[], instruction: T): T {
  if (code.length >= SIEVE_REGEX_INSTRUCTIONS_MAX) throw new TooLarge()
  code.push(instruction)
  return instruction
}

/** One table for a set, however often it is repeated. */
type Tables = Map<CharacterSet, AsciiTable>

function tableOf(set: CharacterSet, tables: Tables): AsciiTable {
  const known = tables.get(set)
  if (known !== undefined) return known
  const table = new Uint8Array(128)
  tables.set(set, table)
  return table
}

/** Whether an instruction eats a character. */
export function eats({ set, ascii }: Instruction & { do: 'eat' }, character: number): boolean {
  if (character >= 128) return set(character)
  if (ascii[character] === 0) ascii[character] = set(character) ? 1 : 2
  return ascii[character] === 1
}

function emit(node: RegexNode, code: Instruction[], tables: Tables): void {
  switch (node.is) {
    case 'set':
      add(code, { do: 'eat', set: node.set, ascii: tableOf(node.set, tables) })
      return
    case 'place':
      add(code, { do: 'look', place: node.place })
      return
    case 'sequence':
      for (const part of node.of) emit(part, code, tables)
      return
    case 'choice':
      emitChoice(node.of, code, tables)
      return
    case 'group':
      add(code, { do: 'save', slot: 2 * node.index })
      emit(node.of, code, tables)
      add(code, { do: 'save', slot: 2 * node.index + 1 })
      return
    case 'repeat':
      emitRepeat(node, code, tables)
      return
  }
}

function emitChoice(of: readonly RegexNode[], code: Instruction[], tables: Tables): void {
  const ends: { to: number }[] = []
  for (const [i, part] of of.entries()) {
    if (i === of.length - 1) {
      emit(part, code, tables)
      break
    }
    const split = add(code, { do: 'split', first: code.length + 1, second: 0 })
    emit(part, code, tables)
    ends.push(add(code, { do: 'jump', to: 0 }))
    split.second = code.length
  }
  for (const end of ends) end.to = code.length
}

function emitRepeat(node: RegexNode & { is: 'repeat' }, code: Instruction[], tables: Tables): void {
  for (let i = 0; i < node.least; i++) emit(node.of, code, tables)
  if (node.most === Infinity) {
    const start = code.length
    const split = add(code, { do: 'split', first: start + 1, second: 0 })
    emit(node.of, code, tables)
    add(code, { do: 'jump', to: start })
    split.second = code.length
    return
  }
  const splits: { second: number }[] = []
  for (let i = node.least; i < node.most; i++) {
    splits.push(add(code, { do: 'split', first: code.length + 1, second: 0 }))
    emit(node.of, code, tables)
  }
  for (const split of splits) split.second = code.length
}
