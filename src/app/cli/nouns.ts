/** `gavan domain|user|alias|queue …`: each a call of the admin API, printed. */
import { Command } from 'commander'
import type { AdminApi } from '../admin/api.ts'
import { appPasswordCommand, clientCertificateCommand } from './access-keys.ts'
import { inviteCommand, resetCommand } from './links.ts'
import { CliError, EXIT, print, printJson, printTable, type ExitCode } from './output.ts'
import { makePassword, readPassword } from './password.ts'
import { parseDuration } from './ban.ts'
import { sendingCommand } from './sending.ts'
import { parseCount, parseQuota, printOctets } from './units.ts'

export type Call = (method: string, url: string, body?: unknown) => Promise<Record<string, unknown>>

/** How a command gets at the admin API of its `--config`. */
export type WithAdmin = <T>(command: Command, use: (call: Call) => Promise<T>) => Promise<T>

const EXIT_BY_STATUS: Record<number, ExitCode> = { 400: EXIT.usage, 422: EXIT.usage, 503: EXIT.tryLater }

export function callerOf(api: AdminApi): Call {
  return async (method, url, body) => {
    const answer = await api.handle(method, url, body)
    if (answer.status < 300) return answer.body
    const error = answer.body['error'] as { cause?: string; fix?: string | null } | undefined
    throw new CliError(
      EXIT_BY_STATUS[answer.status] ?? EXIT.failed,
      error?.cause ?? 'no reason given',
      error?.fix ?? null,
    )
  }
}

const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true
const at = (collection: string, name: string): string => `/v1/${collection}/${encodeURIComponent(name)}`

/** A confirmation for people; for scripts what was done, as data. */
function confirm(command: Command, text: string, facts: Record<string, unknown>): void {
  if (isJson(command)) printJson(facts)
  else print(text)
}

export function domainCommand(withAdmin: WithAdmin): Command {
  const noun = new Command('domain').description('the domains whose mail this server keeps')
  noun
    .command('list')
    .option('--json', 'machine-readable')
    .action(async (_options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const { domains } = (await call('GET', '/v1/domains')) as {
          domains: { name: string; catchAll: string | null }[]
        }
        if (isJson(command)) return printJson({ domains })
        printTable(
          ['DOMAIN', 'CATCH-ALL'],
          domains.map(({ name, catchAll }) => [name, catchAll ?? '–']),
        )
      }),
    )
  noun.command('add <name>').action(async (name: string, _options: unknown, command: Command) =>
    withAdmin(command, async (call) => {
      await call('POST', '/v1/domains', { name })
      confirm(command, `${name} is added. Next: gavan user add somebody@${name}`, { added: name })
    }),
  )
  noun.command('remove <name>').action(async (name: string, _options: unknown, command: Command) =>
    withAdmin(command, async (call) => {
      await call('DELETE', at('domains', name))
      confirm(command, `${name} is removed.`, { removed: name })
    }),
  )
  noun
    .command('catch-all <name> [target]')
    .description('where mail for unknown names goes; without target it is refused')
    .action(async (name: string, target: string | undefined, _options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        await call('PUT', `${at('domains', name)}/catch-all`, { target: target ?? null })
        confirm(
          command,
          target === undefined
            ? `Mail for unknown names of ${name} is refused.`
            : `Mail for unknown names of ${name} goes to ${target}.`,
          { domain: name, catchAll: target ?? null },
        )
      }),
    )
  return noun
}

type UserRow = { address: string; quotaOctets: number | null; usedOctets: number; messages: number }

export function userCommand(withAdmin: WithAdmin): Command {
  const noun = new Command('user').alias('account').description('the people who have mail here')
  noun
    .command('list')
    .option('--json', 'machine-readable')
    .action(async (_options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const { users } = (await call('GET', '/v1/users')) as { users: UserRow[] }
        if (isJson(command)) return printJson({ users })
        const rows = users.map((user) => [
          user.address,
          String(user.messages),
          printOctets(user.usedOctets),
          user.quotaOctets === null ? 'none' : printOctets(user.quotaOctets),
        ])
        printTable(['ADDRESS', 'MESSAGES', 'USED', 'QUOTA'], rows)
      }),
    )
  noun
    .command('add <address>')
    .option('--password-stdin', 'read the password from standard input instead of making one')
    .option('--quota <size>', 'e.g. 5G; none without')
    .option('--json', 'machine-readable')
    .action(async (address: string, options: { passwordStdin?: true; quota?: string }, command: Command) => {
      const password = options.passwordStdin === true ? await readPassword() : makePassword()
      const quotaOctets = options.quota === undefined ? null : parseQuota(options.quota)
      await withAdmin(command, async (call) => {
        await call('POST', '/v1/users', { address, password: password.reveal(), quotaOctets })
        const shown = options.passwordStdin === true ? {} : { password: password.reveal() }
        const told = options.passwordStdin === true ? '' : ` Password: ${password.reveal()}`
        confirm(command, `${address} is added.${told}`, { added: address, ...shown })
      })
    })
  noun
    .command('remove <address>')
    .description('with all mail')
    .action(async (address: string, _options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        await call('DELETE', at('users', address))
        confirm(command, `${address} is removed, with all its mail.`, { removed: address })
      }),
    )
  noun
    .command('password <address>')
    .description('set a new password')
    .option('--password-stdin', 'read it from standard input instead of making one')
    .option('--json', 'machine-readable')
    .action(async (address: string, options: { passwordStdin?: true }, command: Command) => {
      const password = options.passwordStdin === true ? await readPassword() : makePassword()
      await withAdmin(command, async (call) => {
        await call('PUT', `${at('users', address)}/password`, { password: password.reveal() })
        const shown = options.passwordStdin === true ? {} : { password: password.reveal() }
        const told = options.passwordStdin === true ? 'as given' : password.reveal()
        confirm(command, `The password of ${address} is set: ${told}`, { changed: address, ...shown })
      })
    })
  noun
    .command('quota <address> <size>')
    .description('e.g. 5G, or none')
    .option('--messages <count>', 'how many messages at most, or none')
    .action(async (address: string, size: string, options: { messages?: string }, command: Command) =>
      withAdmin(command, async (call) => {
        const quotaOctets = size === 'none' ? null : parseQuota(size)
        const { messages } = options
        const counted =
          messages === undefined ? {} : { quotaMessages: messages === 'none' ? null : parseCount(messages) }
        await call('PUT', `${at('users', address)}/quota`, { quotaOctets, ...counted })
        const more = messages === undefined ? '' : `, and ${messages === 'none' ? 'any number of' : messages} messages`
        confirm(command, `The quota of ${address} is ${size}${more}.`, { changed: address, quotaOctets, ...counted })
      }),
    )
  noun.addCommand(sendingCommand(withAdmin))
  noun.addCommand(appPasswordCommand(withAdmin))
  noun.addCommand(clientCertificateCommand(withAdmin))
  noun.addCommand(inviteCommand(withAdmin))
  noun.addCommand(resetCommand(withAdmin))
  return noun
}

export function aliasCommand(withAdmin: WithAdmin): Command {
  const noun = new Command('alias').description('addresses that stand for others')
  noun
    .command('list')
    .option('--json', 'machine-readable')
    .action(async (_options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const { aliases } = (await call('GET', '/v1/aliases')) as { aliases: AliasRow[] }
        if (isJson(command)) return printJson({ aliases })
        printTable(
          ['ADDRESS', 'GOES TO', 'UNTIL'],
          aliases.map(({ address, targets, until }) => [address, targets.join(', '), printEnd(until)]),
        )
      }),
    )
  noun
    .command('add <address> <target...>')
    .option('--for <time>', 'it ends after, e.g. 30d')
    .action(async (address: string, targets: string[], options: { for?: string }, command: Command) =>
      withAdmin(command, async (call) => {
        const term = options.for === undefined ? {} : { forMs: parseDuration(options.for) }
        await call('POST', '/v1/aliases', { address, targets, ...term })
        confirm(command, `Mail for ${address} goes to ${targets.join(', ')}.`, { added: address, targets })
      }),
    )
  noun
    .command('temporary <account>')
    .description('an address for once, with a name that nobody guesses')
    .option('--for <time>', 'it ends after', '30d')
    .option('--json', 'machine-readable')
    .action(async (account: string, options: { for: string }, command: Command) =>
      withAdmin(command, async (call) => {
        const path = `${at('users', account)}/temporary-aliases`
        const made = (await call('POST', path, { forMs: parseDuration(options.for) })) as {
          address: string
          until: number
        }
        confirm(command, `${made.address} reaches ${account} until ${printEnd(made.until)}.`, { ...made, account })
      }),
    )
  noun.command('remove <address>').action(async (address: string, _options: unknown, command: Command) =>
    withAdmin(command, async (call) => {
      await call('DELETE', at('aliases', address))
      confirm(command, `${address} is removed.`, { removed: address })
    }),
  )
  return noun
}

type AliasRow = { address: string; targets: string[]; until: number | null }

const printEnd = (until: number | null): string =>
  until === null ? '' : `${new Date(until).toISOString().slice(0, 16).replace('T', ' ')} UTC`
