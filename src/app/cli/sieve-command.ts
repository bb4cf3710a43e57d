/** `gavan sieve check|test`: what they are called and take. What they do is loaded when they run. */
import { Command, Option } from 'commander'
import type { SieveTestFlags } from './sieve.ts'

const collect = (value: string, before: readonly string[]): string[] => [...before, value]

export function sieveCommand(): Command {
  const noun = new Command('sieve').description('filter scripts: whether they are right, and what they would do')
  noun
    .command('check <file...>')
    .description('whether scripts are right; exit 1 when one is not')
    .addOption(new Option('--json', 'machine-readable'))
    .action(async (files: string[], _flags: unknown, command: Command) => {
      const { runSieveCheck } = await import('./sieve.ts')
      await runSieveCheck(files, command)
    })
  noun
    .command('test <script> <message>')
    .description('what a script would do with a letter (a file as mail programs export it), and why; nothing is done')
    .option('--from <address>', 'the sender (MAIL FROM); the empty string for none')
    .option('--to <address>', 'the recipient, whose script it is')
    .option('--alias <address>', 'one more address of the recipient', collect, [])
    .option('--mailbox <name>', 'a mailbox that exists', collect, [])
    .option('--include <dir>', 'where NAME.sieve lies for: include "NAME"')
    .option('--seen', 'as if duplicates and answers had been met before')
    .addOption(new Option('--json', 'machine-readable'))
    .action(async (script: string, message: string, flags: SieveTestFlags, command: Command) => {
      const { runSieveTest } = await import('./sieve.ts')
      await runSieveTest({ script, message }, flags, command)
    })
  return noun
}
