/** Takes away what setup made, and no mail unless that is said. */
import { existsSync } from 'node:fs'
import { copyFile, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { MadeRecord, Places } from './contract.ts'
import { UNIT, USER } from './places.ts'
import { lastWords, type RunProgram } from './programs.ts'

export type Removal =
  | { readonly do: 'stop-service' }
  | { readonly do: 'remove-file'; readonly path: string; /** Where a copy is left. */ readonly copy: string | null }
  | { readonly do: 'remove-directory'; readonly path: string; readonly withAll: boolean }
  | { readonly do: 'remove-user' }
  | { readonly do: 'start-other'; readonly unit: string }

/** Why a folder stays that is not ours alone. */
export const OTHER_FILES = 'other files are in it'

const NOTHING_MADE: MadeRecord = { user: false, unit: false, stopped: [] }

const schema = v.object({ user: v.boolean(), unit: v.boolean(), stopped: v.array(v.string()) })

/** @returns what is told there; nothing when it is missing or spoilt */
export async function readRecord({ record }: Places): Promise<MadeRecord> {
  const text = await readFile(record, 'utf8').catch(() => '')
  try {
    return v.parse(schema, JSON.parse(text))
  } catch {
    return NOTHING_MADE
  }
}

/**
 * Choice: while the mail stays, its user stays too. Else the next user of this machine might get that number, and the mail.
 * A copy of the settings stays beside the mail for the same reason: without them it would be hard to open.
 */
export function planRemoval(
  places: Places,
  input: {
    readonly made: MadeRecord
    readonly dataDir: string
    readonly withData: boolean
    readonly systemd: boolean
    readonly exists?: (path: string) => boolean
  },
): Removal[] {
  const { made, dataDir, withData, systemd, exists = existsSync } = input
  const { wholeSystem } = places
  const removals: Removal[] = []
  const keepsData = exists(dataDir) && !withData
  if (systemd && made.unit) removals.push({ do: 'stop-service' })
  if (made.unit && exists(places.unit)) removals.push({ do: 'remove-file', path: places.unit, copy: null })
  if (exists(places.config))
    removals.push({
      do: 'remove-file',
      path: places.config,
      copy: keepsData ? join(dataDir, 'gavan.toml.removed') : null,
    })
  if (exists(places.record)) removals.push({ do: 'remove-file', path: places.record, copy: null })
  if (exists(places.configDir)) removals.push({ do: 'remove-directory', path: places.configDir, withAll: false })
  if (exists(dataDir) && withData) removals.push({ do: 'remove-directory', path: dataDir, withAll: true })
  if (wholeSystem && made.user && !keepsData) removals.push({ do: 'remove-user' })
  if (systemd) removals.push(...made.stopped.map((unit) => ({ do: 'start-other', unit }) as const))
  return removals
}

/** @returns what could not be taken away, with the reason */
export async function remove(
  removals: readonly Removal[],
  hands: { readonly run: RunProgram; readonly log: (line: string) => void; readonly done: (removal: Removal) => void },
): Promise<string[]> {
  const left: string[] = []
  for (const removal of removals) {
    const why = await removeOne(removal, hands.run)
    hands.log(why === null ? `removed ${JSON.stringify(removal)}` : `left ${JSON.stringify(removal)}: ${why}`)
    if (why === null) hands.done(removal)
    else left.push(why)
  }
  return left
}

async function removeOne(removal: Removal, run: RunProgram): Promise<string | null> {
  const program = async (name: string, ...args: string[]): Promise<string | null> => {
    const ran = await run(name, args)
    return ran.code === 0 ? null : `${name} ${args.join(' ')}: ${lastWords(ran)}`
  }
  try {
    switch (removal.do) {
      case 'stop-service':
        return await program('systemctl', 'disable', '--now', UNIT)
      case 'remove-file':
        if (removal.copy !== null) await copyFile(removal.path, removal.copy)
        await rm(removal.path)
        return removal.path.endsWith(UNIT) && existsSync('/run/systemd/system')
          ? await program('systemctl', 'daemon-reload')
          : null
      case 'remove-directory':
        await (removal.withAll ? rm(removal.path, { recursive: true }) : rmdir(removal.path))
        return null
      case 'remove-user':
        return await program('userdel', USER)
      case 'start-other':
        return await program('systemctl', 'enable', '--now', removal.unit)
    }
  } catch (error) {
    // Somebody's own files are in there: keys, a password for a smarthost.
    if (error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY' && removal.do === 'remove-directory')
      return `${removal.path}: ${OTHER_FILES}`
    return error instanceof Error ? error.message : String(error)
  }
}
