/** `gavan setup --remove`. */
import { existsSync } from 'node:fs'
import { runProgram } from '../setup/programs.ts'
import { OTHER_FILES, planRemoval, readRecord, remove, type Removal } from '../setup/remove.ts'
import { openSessionLog, readEarlier, undisturbed } from '../setup/session.ts'
import { CliError, EXIT, print } from './output.ts'
import { confirmed, mayChange, type Setting } from './setup-common.ts'

// Undo -----------------------------------------------------------------------------------------------------------------------

export async function runRemove(setting: Setting): Promise<void> {
  const { flags, places, words, terminal } = setting
  mayChange(setting)
  const earlier = await readEarlier(places).catch(() => null) // A spoilt file is taken away as well.
  const dataDir = earlier?.config.dataDir ?? places.dataDir
  const made = await readRecord(places)
  const withData = flags.withData === true
  const removals = planRemoval(places, { made, dataDir, withData, systemd: existsSync('/run/systemd/system') })
  if (removals.length === 0) return print(words.removal.nothing)
  print(words.removal.plan)
  for (const removal of removals) print(`  ${words.removal.line(removal)}`)
  if (existsSync(dataDir) && !withData) print(`  ${words.removal.dataStays(dataDir)}`)
  if (flags.dryRun === true) return print(words.dryRun)
  if (withData && existsSync(dataDir) && flags.yes !== true) {
    // Mail is not thrown away by default, nor by Enter: --no-input alone does not agree to it.
    const name = earlier?.config.hostname ?? 'gavan'
    const typed = await terminal?.ask(words.removal.typeName(dataDir, name))
    if (typed?.trim() !== name) throw new CliError(EXIT.cancelled, words.removal.notTyped, null)
  } else if (!(await confirmed('remove', setting))) throw new CliError(EXIT.cancelled, words.cancelled, null)
  const log = openSessionLog(places)
  const done = (each: Removal): void => print(`✓ ${words.removal.done(each)}`)
  const left = await undisturbed(() => remove(removals, { run: runProgram, log, done }))
  for (const why of left) print(words.removal.left(why))
  // Somebody's own files in a folder are theirs; all else that stays should not have.
  if (left.some((why) => !why.endsWith(OTHER_FILES))) process.exitCode = EXIT.failed
  print(words.removal.finished)
}
