/** `gavan ban …`: who is banned, why, until when; ban and lift by hand; lists for a firewall. */
import { Command } from 'commander'
import type { Ban, BanExemption, BanVerdict, FailedLogin } from '../../core/contract.ts'
import { BAN_MANUAL_MAX_MS } from '../../model/limits.ts'
import { PORT_GROUP_NAMES, type PortGroup } from '../../model/service.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../std/clock.ts'
import { EXEMPT_WORDS } from '../admin/bans.ts'
import { BAN_FORMATS, exportBans, type BanFormat } from '../ban-export.ts'
import { systemClock } from '../machine.ts'
import type { WithAdmin } from './nouns.ts'
import { CliError, EXIT, print, printJson, printTable } from './output.ts'

const GROUP_WORDS: Readonly<Record<PortGroup, string>> = {
  mail: "mail programs' ports",
  mx: 'port 25',
  web: 'the web',
}

const UNIT_MS: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY }

/** `90s`, `30m`, `1h`, `7d`. */
export function parseDuration(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const ms = Number(number) * (UNIT_MS[unit] ?? 0)
  if (ms > 0 && ms <= BAN_MANUAL_MAX_MS) return ms
  throw new CliError(
    EXIT.usage,
    `"${text}" is not a time from 1s to ${BAN_MANUAL_MAX_MS / DAY}d`,
    'e.g. --for 1h, --for 7d',
  )
}

function parsePorts(text: string): readonly PortGroup[] {
  if (text === 'all') return PORT_GROUP_NAMES
  const group = PORT_GROUP_NAMES.find((name) => name === text)
  if (group !== undefined) return [group]
  throw new CliError(EXIT.usage, `"${text}" is no group of ports`, '--ports mail, mx, web or all')
}

const minute = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
/** Names that were tried are strangers' text. */
const shown = (text: string): string => JSON.stringify(text)

const printFailure = ({ at, service, port, cid, user }: FailedLogin): void =>
  print(`  ${minute(at)}  ${service} ${port}  user ${shown(user)}  cid ${cid}`)

function printWhy({ address, bans, exempt, failures }: BanVerdict): void {
  for (const ban of bans) {
    const who = ban.by === 'administrator' ? 'by hand' : `its ban no. ${ban.times}`
    print(
      `${ban.network} is banned from ${GROUP_WORDS[ban.group]} since ${minute(ban.since)} until ${minute(ban.until)} (${who}).`,
    )
    if (ban.reason !== '') print(`  reason: ${ban.reason}`)
    for (const one of ban.evidence) printFailure(one)
  }
  if (bans.length === 0) print(`${address} is not banned.`)
  if (exempt !== null) print(`It is never banned: ${EXEMPT_WORDS[exempt satisfies BanExemption]}.`)
  if (bans.length === 0 && failures.length > 0) {
    print('Its last failed logins:')
    for (const one of failures) printFailure(one)
  }
  if (bans.length > 0) print(`Lift it: gavan ban remove ${address}`)
}

export function banCommand(withAdmin: WithAdmin): Command {
  const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true
  const at = (target: string): string => `/v1/bans/${encodeURIComponent(target)}`
  const noun = new Command('ban').description('addresses that are kept out for a while')
  noun
    .command('list')
    .option('--json', 'machine-readable')
    .action(async (_options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const { bans } = (await call('GET', '/v1/bans')) as { bans: Ban[] }
        if (isJson(command)) return printJson({ bans })
        if (bans.length === 0) return print('Nobody is banned.')
        printTable(
          ['ADDRESS', 'PORTS', 'UNTIL', 'TIMES', 'REASON'],
          bans.map((ban) => [ban.network, ban.group, minute(ban.until), String(ban.times), ban.reason]),
        )
      }),
    )
  noun
    .command('add <address>')
    .description('an address or a network')
    .option('--for <time>', 'e.g. 30m, 1h, 7d', '1h')
    .option('--ports <group>', 'mail, mx, web or all', 'mail')
    .option('--reason <text>', 'shown in the list', '')
    .option('--json', 'machine-readable')
    .action(async (target: string, options: { for: string; ports: string; reason: string }, command: Command) => {
      const [forMs, groups] = [parseDuration(options.for), parsePorts(options.ports)]
      await withAdmin(command, async (call) => {
        const body = { target, groups, forMs, reason: options.reason }
        const { bans } = (await call('POST', '/v1/bans', body)) as { bans: Ban[] }
        if (isJson(command)) return printJson({ bans })
        for (const { network, group, until } of bans)
          print(`${network} is banned from ${GROUP_WORDS[group]} until ${minute(until)}.`)
      })
    })
  noun
    .command('remove <address>')
    .description('lift its bans at once, and forget its failed logins')
    .option('--json', 'machine-readable')
    .action(async (target: string, _options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const { lifted } = (await call('DELETE', at(target))) as { lifted: Ban[] }
        if (isJson(command)) return printJson({ lifted })
        if (lifted.length === 0) print(`${target} was not banned; its failed logins are forgotten.`)
        for (const { network, group } of lifted) print(`${network} may use ${GROUP_WORDS[group]} again.`)
      }),
    )
  noun
    .command('why <address>')
    .description('the evidence: times, ports, names that were tried')
    .option('--json', 'machine-readable')
    .action(async (target: string, _options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const verdict = (await call('GET', at(target))) as BanVerdict
        if (isJson(command)) printJson(verdict)
        else printWhy(verdict)
      }),
    )
  noun
    .command('export')
    .description('for a firewall: nft -f, RouterOS /import, or one address a line')
    .option('--format <format>', BAN_FORMATS.join(', '), 'list')
    .option('--ports <group>', 'mail, mx, web or all', 'all')
    .action(async (options: { format: string; ports: string }, command: Command) => {
      const format = BAN_FORMATS.find((name): name is BanFormat => name === options.format)
      if (format === undefined)
        throw new CliError(EXIT.usage, `"${options.format}" is no format`, `--format ${BAN_FORMATS.join(', ')}`)
      const groups = parsePorts(options.ports)
      await withAdmin(command, async (call) => {
        const { bans } = (await call('GET', '/v1/bans')) as { bans: Ban[] }
        const chosen = bans.filter(({ group }) => groups.includes(group))
        process.stdout.write(exportBans(chosen, format, systemClock.now()))
      })
    })
  return noun
}
