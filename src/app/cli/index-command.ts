/** `gavan index status|rebuild`: the search index. */
import { Command } from 'commander'
import type { SearchIndexStatus } from '../admin/search-index.ts'
import type { WithAdmin } from './nouns.ts'
import { print, printJson, printTable } from './output.ts'
import { printOctets } from './units.ts'

const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true

export function indexCommand(withAdmin: WithAdmin): Command {
  const noun = new Command('index').description('the search index: made from the mail, it may be lost at any time')
  noun
    .command('status')
    .description('how far it is; what it lacks is looked into, so searches are right all the while')
    .option('--json', 'machine-readable')
    .action(async (_options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const status = (await call('GET', '/v1/search-index')) as SearchIndexStatus
        if (isJson(command)) return printJson(status)
        printTable(
          ['USER', 'INDEXED', 'WAITING'],
          status.accounts.map(({ address, messages, waiting }) => [address, String(messages), String(waiting)]),
        )
        print(`${status.messages} indexed, ${status.waiting} waiting, ${printOctets(status.octets)} on the disk.`)
      }),
    )
  noun
    .command('rebuild')
    .description('make it anew, while the server runs')
    .option('--account <address>', 'only of this user')
    .option('--json', 'machine-readable')
    .action(async (options: { account?: string }, command: Command) =>
      withAdmin(command, async (call) => {
        const address = options.account ?? null
        await call('POST', '/v1/search-index/rebuild', { address })
        if (isJson(command)) return printJson({ rebuilding: address ?? 'all' })
        print(`The index of ${address ?? 'all users'} is made anew. See how far it is: gavan index status`)
      }),
    )
  return noun
}
