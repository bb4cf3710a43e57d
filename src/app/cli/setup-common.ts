/** What setup and its undoing share. */
import type { Language } from '../../exposure/words/contract.ts'
import type { Voice } from '../setup/session.ts'
import { CliError, EXIT } from './output.ts'
import type { Terminal } from './setup-dialogue.ts'

export type SetupFlags = {
  readonly domain?: string
  readonly first?: string
  readonly clients?: string
  readonly port80?: string
  readonly public?: readonly string[]
  /** False: nobody is there to ask. */
  readonly input: boolean
  readonly yes?: true
  readonly dryRun?: true
  readonly remove?: true
  readonly withData?: true
  /** The port of the page; true: the usual one. */
  readonly web?: true | string
  readonly lang?: Language
  readonly root?: string
}

export type Setting = Voice & { readonly flags: SetupFlags; readonly terminal: Terminal | null }

export function mayChange({ flags, places, words }: Setting): void {
  if (flags.dryRun === true || !places.wholeSystem || process.getuid?.() === 0) return
  throw new CliError(EXIT.notAllowed, ...words.notRoot)
}

export async function confirmed(what: 'apply' | 'remove', { flags, terminal, words }: Setting): Promise<boolean> {
  if (flags.yes === true || terminal === null) return true
  const answer = await terminal.ask(words.confirm[what])
  if (answer === null) return false
  const text = answer.trim().toLowerCase()
  return text === '' ? what === 'apply' : words.yes.includes(text)
}
