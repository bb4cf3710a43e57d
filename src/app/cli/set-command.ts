import { Command } from 'commander'
import type { SetFlags } from './set.ts'

export function setCommand(): Command {
  return new Command('set')
    .description('change what decides about ports, and show which of them move')
    .argument('<what>', 'clients, pop3, submissions or sieve')
    .argument('<value>', 'of clients: browser, office or anywhere; else on or off')
    .option('--dry-run', 'show it, change nothing')
    .option('--json', 'machine-readable')
    .action(async (what: string, value: string, flags: SetFlags, command: Command) => {
      const { runSet } = await import('./set.ts')
      await runSet(what, value, flags, command)
    })
}
