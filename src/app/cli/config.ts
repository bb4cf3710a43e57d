import { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { effectiveConfig, printProblems } from '../config/show.ts'
import { addressesMissing } from '../host-facts.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'
import { CliError, EXIT, print, printJson, printTable, say } from './output.ts'

export const DEFAULT_CONFIG = '/etc/gavan/gavan.toml'

/** `--config`, else GAVAN_CONFIG, else the usual place. */
export function configPath(command: Command): string {
  const given: unknown = command.optsWithGlobals()['config']
  return typeof given === 'string' ? given : (process.env['GAVAN_CONFIG'] ?? DEFAULT_CONFIG)
}

export async function readConfig(path: string): Promise<Config> {
  const loaded = await loadConfig({ path, env: process.env })
  if (loaded.ok) return loaded.value
  throw new CliError(EXIT.badConfig, printProblems(loaded.error), null)
}

/** What is right as a configuration, and wrong on this host. */
const warningsOf = ({ services }: Config): string[] =>
  addressesMissing(services).map(({ id, facts }) => PLAN_WORDS.en.warning[id](facts))

export function configCommand(): Command {
  const noun = new Command('config').description('the configuration file')
  noun
    .command('check')
    .description('read and check it; nothing is changed')
    .option('--json', 'machine-readable')
    .action(async (options: { json?: true }, command: Command) => {
      const path = configPath(command)
      const loaded = await loadConfig({ path, env: process.env })
      const warnings = loaded.ok ? warningsOf(loaded.value) : []
      if (options.json === true) printJson({ file: path, problems: loaded.ok ? [] : loaded.error, warnings })
      else if (loaded.ok) {
        for (const warning of warnings) say(`! ${warning}`)
        print(`${path} is in order.`)
      }
      if (loaded.ok) return
      if (options.json === true) process.exitCode = EXIT.badConfig
      else throw new CliError(EXIT.badConfig, printProblems(loaded.error), null)
    })
  noun
    .command('show')
    .description('every key with the value that holds and who decided it')
    .option('--effective', 'defaults too (as always)')
    .option('--json', 'machine-readable')
    .action(async (options: { json?: true }, command: Command) => {
      const rows = effectiveConfig(await readConfig(configPath(command)))
      if (options.json === true) return printJson({ config: rows })
      printTable(
        ['KEY', 'VALUE', 'FROM'],
        rows.map(({ key, value, source }) => [key, value ?? '–', source]),
      )
    })
  return noun
}
