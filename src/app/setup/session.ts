/** What a run of setup begins with and keeps to, whichever face it has: a terminal or a page. */
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Language } from '../../exposure/words/contract.ts'
import { CliError, EXIT } from '../cli/output.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { printProblems } from '../config/show.ts'
import type { Places } from './contract.ts'
import type { SetupWords } from './words/contract.ts'

/** Where it works, and in whose language it speaks. */
export type Voice = { readonly places: Places; readonly words: SetupWords; readonly language: Language }

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
