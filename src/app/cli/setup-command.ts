/** `gavan setup`: what it is called and takes. What it does is loaded when it runs. */
import { Command, Option } from 'commander'
import type { SetupFlags } from './setup-common.ts'

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value]

export function setupCommand(): Command {
  return new Command('setup')
    .description('from nothing to a running mail server: four questions, a plan, then the work')
    .argument('[host]', 'the name under which others reach this machine: mail.example.org')
    .option('--domain <domain>', 'what stands behind the @ of your addresses')
    .option('--first <address>', 'the first mailbox; it gets warnings too')
    .option('--clients <where>', 'where people read mail: browser, office or anywhere')
    .option('--port80 <what>', 'when another program holds port 80: stop it, keep it, or certificates by dns')
    .option('--public <address>', 'under which the internet reaches this machine, behind NAT; may be repeated', collect)
    .option('--web [port]', 'the same four questions on a page, for a machine that is not set up yet (port 2443)')
    .option('--no-input', 'ask nothing: defaults for what no flag says, and apply')
    .option('-y, --yes', 'apply without asking once more')
    .option('--dry-run', 'show the plan and change nothing')
    .option('--remove', 'undo what setup made; mail stays')
    .option('--with-data', 'with --remove: all mail as well')
    .addOption(new Option('--lang <language>', 'instead of the locale’s').choices(['en', 'ru']))
    .addOption(new Option('--root <dir>', 'everything below this folder; no user, no service').hideHelp())
    .action(async (host: string | undefined, flags: SetupFlags, command: Command) => {
      const { runSetup } = await import('./setup.ts')
      await runSetup(host, flags, command)
    })
}
