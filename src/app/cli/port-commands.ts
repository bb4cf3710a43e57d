/** `gavan ports|set|doctor|dns|probe`: what they are called and take. What they do is loaded when they run. */
import { Command, Option } from 'commander'
import type { PortsFlags } from './ports.ts'

const json = (): Option => new Option('--json', 'machine-readable')
const lang = (): Option => new Option('--lang <language>', 'instead of the locale’s').choices(['en', 'ru'])

export function portCommands(): Command[] {
  return [portsCommand()]
}

function portsCommand(): Command {
  return new Command('ports')
    .description('which ports this server needs, who must reach them, what is open')
    .argument('[port]', 'one of them, in words: by number or name')
    .option('--svg', 'the exposure map, as a picture')
    .option('--watch', 'redrawn each second')
    .option('--plain', 'without colours, one line each')
    .addOption(lang())
    .addOption(json())
    .action(async (port: string | undefined, flags: PortsFlags, command: Command) => {
      const { runPorts } = await import('./ports.ts')
      await runPorts(port, flags, command)
    })
}
