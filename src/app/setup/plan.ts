/** From answers, and from what is there already, to the steps that are left. Pure. */
import type { Config } from '../config/config.ts'
import { ok, type Result } from '../../std/result.ts'
import type { Answers, Around, Found, Places, Step } from './contract.ts'
import { changeSettings, printSettings } from './settings-file.ts'

export type PlanInput = {
  readonly answers: Answers
  readonly around: Pick<Around, 'held' | 'systemd'>
  readonly places: Places
  readonly found: Found
  /** Text of gavan.toml when all is done: `settingsAfter`. */
  readonly config: string
  readonly unitText: string
  /** Another program holds a port without which the server does not start. */
  readonly blocked: boolean
}

/** @returns the text of gavan.toml when all is done; or the line that only a person can write there */
export function settingsAfter(
  answers: Answers,
  places: Places,
  earlier: { readonly text: string; readonly config: Config } | null,
): Result<string, string> {
  if (earlier === null) return ok(printSettings(answers, places))
  return changeSettings(earlier.text, earlier.config, answers)
}

/** What is as it should be already is no step. */
export function planSetup({ answers, around, places, found, config, unitText, blocked }: PlanInput): readonly Step[] {
  const { wholeSystem } = places
  const steps: Step[] = []
  const holder = around.held.get(80)
  if (wholeSystem && !found.user) steps.push({ do: 'make-user' })
  if (!found.dataDir) steps.push({ do: 'make-directory', path: places.dataDir, mode: 0o700, owner: 'gavan' })
  const configChanges = config !== found.config
  if (found.config === null) steps.push({ do: 'make-directory', path: places.configDir, mode: 0o750, owner: 'group' })
  if (configChanges)
    steps.push({
      do: 'write-file',
      what: 'config',
      path: places.config,
      mode: 0o640,
      owner: 'group',
      before: found.config,
      after: config,
    })
  const unitChanges = found.unit === null || (!found.unit.packaged && found.unit.text !== unitText)
  if (unitChanges)
    steps.push({
      do: 'write-file',
      what: 'unit',
      path: places.unit,
      mode: 0o644,
      owner: 'root',
      before: found.unit?.text ?? null,
      after: unitText,
    })
  if (!found.keys) steps.push({ do: 'make-keys', domain: answers.domain })
  if (!found.account) steps.push({ do: 'make-account', address: answers.first })
  if (wholeSystem && around.systemd) {
    if (answers.port80 === 'stop' && holder !== undefined && holder.unit !== null)
      steps.push({ do: 'stop-other', unit: holder.unit })
    if (blocked) return steps // It would be tried again and again, in vain.
    if (!found.running || !found.enabled) steps.push({ do: 'start', restart: false })
    else if (configChanges || unitChanges) steps.push({ do: 'start', restart: true })
  }
  return steps
}
