import { Command, Option } from 'commander'
import { FIREWALL_FORMATS } from '../../exposure/firewall/contract.ts'
import type { SetFlags } from './set.ts'

export function setCommand(): Command {
  return new Command('set')
    .description('change what decides about ports, and show which of them move')
    .argument('<what>', 'clients, pop3, submissions or sieve')
    .argument('<value>', 'of clients: browser, office or anywhere; else on or off')
    .option('--dry-run', 'show it, change nothing')
    .addOption(
      new Option('--format <format>', 'of the rules that are compared').choices(FIREWALL_FORMATS).default('nftables'),
    )
    .addOption(new Option('--lang <language>', 'instead of the locale’s').choices(['en', 'ru']))
    .option('--json', 'machine-readable')
    .action(async (what: string, value: string, flags: SetFlags, command: Command) => {
      const { runSet } = await import('./set.ts')
      await runSet(what, value, flags, command)
    })
}
