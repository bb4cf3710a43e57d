/** `gavan ports|firewall|set|doctor|dns|probe|dial`: what they are called and take. What they do is loaded when they run. */
import { Argument, Command, Option } from 'commander'
import { FIREWALL_FORMATS } from '../../exposure/firewall/contract.ts'
import { LETTERS, type Letter } from '../doctor/letters.ts'
import type { DialFlags } from './dial.ts'
import type { DnsFlags } from './dns.ts'
import type { DoctorFlags } from './doctor.ts'
import type { FirewallFlags } from './firewall.ts'
import type { PortsFlags } from './ports.ts'
import type { ProbeFlags } from './probe.ts'
import { setupCommand } from './setup-command.ts'

const json = (): Option => new Option('--json', 'machine-readable')
const lang = (): Option => new Option('--lang <language>', 'instead of the locale’s').choices(['en', 'ru'])

export function portCommands(): Command[] {
  return [
    setupCommand(),
    portsCommand(),
    firewallCommand(),
    doctorCommand(),
    dnsCommand(),
    probeCommand(),
    dialCommand(),
  ]
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

function firewallCommand(): Command {
  return new Command('firewall')
    .description('rules for the firewall at hand, from the same plan: print, compare, apply, take back')
    .addOption(new Option('--format <tool>', 'for which tool; the one of this host').choices(FIREWALL_FORMATS))
    .option('--router', 'nftables, pf: for the router in front of this host')
    .option('--hairpin', 'routers: people inside reach the server by its public address, without split DNS')
    .option('--allow-in <chain>', 'nftables: another table’s chain that drops the rest, as "inet filter input"')
    .option('--interface <name>', 'routers: where the internet is; firewalld: the zone')
    .option('--only-sender <user>', 'only this user of the host may send on 25')
    .option('--diff', 'against what is loaded: exit 0 equal, 1 different')
    .option('--apply', 'load it, read it back, put the old back when that fails (root)')
    .option('--remove', 'what leaves nothing of it; with --apply: do that')
    .addOption(lang())
    .addOption(json())
    .action(async (flags: FirewallFlags, command: Command) => {
      const { runFirewall } = await import('./firewall.ts')
      await runFirewall(flags, command)
    })
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value]

function doctorCommand(): Command {
  const noun = new Command('doctor')
    .description('hold the plan against what is: ports, ways in and out, DNS, certificate, reputation')
    .option('--changes', 'only what is new since the last time')
    .option('--phone', 'a code for the phone: is 443 reached from outside?')
    .option('--outgoing <host:port>', 'a mail server to try instead of the large providers', collect, [])
    .option('--blocklist <name>', 'instead of the usual ones', collect, [])
    .option('--time <host:port>', 'a time server instead of the usual ones', collect, [])
    .option('--dns-port <n>', 'of the name servers that are asked directly', '53')
    .addOption(lang())
    .addOption(json())
    .action(async (flags: DoctorFlags, command: Command) => {
      const { runDoctorCommand } = await import('./doctor.ts')
      await runDoctorCommand(flags, command)
    })
  noun
    .command('letter')
    .description('to the provider, ready to send: open outgoing 25, set the PTR')
    .addArgument(new Argument('<what>', LETTERS.join(' or ')).choices(LETTERS))
    .addOption(lang())
    .action(async (what: Letter, _flags: unknown, command: Command) => {
      const { runLetter } = await import('./doctor.ts')
      await runLetter(what, command)
    })
  return noun
}

function dnsCommand(): Command {
  const noun = new Command('dns')
    .description('the DNS records that this server wants')
    .argument('[domain]', 'only of this domain')
    .option('--zone', 'as lines of a zone file')
    .option('--split', 'texts in strings of 255 octets, for panels that want them so')
    .option('--tlsa', 'TLSA records too, though the zone is not signed (DNSSEC), or not yet')
    .option('--inside', 'those for a name server of the inner networks (split DNS)')
    .addOption(lang())
    .addOption(json())
    .action(async (domain: string | undefined, flags: DnsFlags, command: Command) => {
      const { runDns } = await import('./dns.ts')
      await runDns(domain, flags, command)
    })
  noun
    .command('ptr-letter')
    .description('to the provider: set the reverse name')
    .addOption(lang())
    .action(async (_flags: unknown, command: Command) => {
      const { runLetter } = await import('./doctor.ts')
      await runLetter('ptr', command)
    })
  return noun
}

function probeCommand(): Command {
  return new Command('probe')
    .description('from any other machine: which ports of a mail server answer, and how')
    .argument('<host>')
    .option('--offset <n>', 'added to every standard port', '0')
    .option('--port <n>', 'only these', collect, [])
    .addOption(lang())
    .addOption(json())
    .action(async (host: string, flags: ProbeFlags, command: Command) => {
      const { runProbe } = await import('./probe.ts')
      await runProbe(host, flags, command)
    })
}

function dialCommand(): Command {
  return new Command('dial')
    .description('the way of a letter to a domain, walked without one: MX, MTA-STS, DANE, TLS, RCPT')
    .argument('<domain>')
    .argument('[address]', 'whether this one would be taken, instead of postmaster')
    .option('--port <n>', 'of its mail servers', '25')
    .addOption(lang())
    .addOption(json())
    .action(async (domain: string, address: string | undefined, flags: DialFlags, command: Command) => {
      const { runDial } = await import('./dial.ts')
      await runDial(domain, address, flags, command)
    })
}
