/** What setup and its undoing share. */
import { appendFileSync, existsSync, mkdirSync, openSync, closeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Language } from '../../exposure/words/contract.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { printProblems } from '../config/show.ts'
import type { Places } from '../setup/contract.ts'
import type { SetupWords } from '../setup/words/contract.ts'
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
  readonly lang?: Language
  readonly root?: string
}

export type Setting = {
  readonly flags: SetupFlags
  readonly places: Places
  readonly words: SetupWords
  readonly language: Language
  readonly terminal: Terminal | null
}

export function mayChange({ flags, places, words }: Setting): void {
  if (flags.dryRun === true || !places.wholeSystem || process.getuid?.() === 0) return
  throw new CliError(EXIT.notAllowed, ...words.notRoot)
}

export type Earlier = { readonly text: string; readonly config: Config }

export async function readEarlier({ config: path }: Places): Promise<Earlier | null> {
  if (!existsSync(path)) return null
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliError(EXIT.notAllowed, `${path} cannot be read: ${error.code}`, 'run it as root')
  })
  return { text, config: await checked(path, text) }
}

/** As the server will see it: without the environment of this shell. */
export async function checked(path: string, text: string): Promise<Config> {
  const loaded = await loadConfig({ path, env: {}, text })
  if (loaded.ok) return loaded.value
  throw new CliError(EXIT.badConfig, printProblems(loaded.error), null)
}

export async function confirmed(what: 'apply' | 'remove', { flags, terminal, words }: Setting): Promise<boolean> {
  if (flags.yes === true || terminal === null) return true
  const answer = await terminal.ask(words.confirm[what])
  if (answer === null) return false
  const text = answer.trim().toLowerCase()
  return text === '' ? what === 'apply' : words.yes.includes(text)
}

/** One line each, never a secret. A log that cannot be kept stops nothing. */
export function openSessionLog({ log: path }: Places): (line: string) => void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    closeSync(openSync(path, 'a', 0o600))
  } catch {
    return () => {}
  }
  return (line) => {
    try {
      appendFileSync(path, `${new Date().toISOString()} ${line}\n`)
    } catch {
      // As above.
    }
  }
}

/** What is begun is ended: neither a closed terminal nor a closed pipe stops it half-way. */
export async function undisturbed<T>(work: () => Promise<T>): Promise<T> {
  const later = (): void => {}
  for (const signal of SIGNALS) process.on(signal, later)
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error')
    stream.on('error', later)
  }
  try {
    return await work()
  } finally {
    for (const signal of SIGNALS) process.off(signal, later)
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
