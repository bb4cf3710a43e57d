/** `gavan dkim list|rotate|retire`: the keys that sign mail. */
import { Command } from 'commander'
import type { DkimKeyView } from '../dkim-operator.ts'
import type { WithAdmin } from './nouns.ts'
import { print, printJson, printTable } from './output.ts'

const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true

const STATES: Record<DkimKeyView['state'], string> = {
  signs: 'signs',
  waits: 'waits to be published',
  old: 'old: a newer one signs',
}
const seen = ({ published }: DkimKeyView): string =>
  published === null ? 'DNS does not answer' : published ? 'yes' : 'no'

export function dkimCommand(withAdmin: WithAdmin): Command {
  const noun = new Command('dkim').description('the keys that sign mail')
  noun
    .command('list')
    .description('all keys: which sign, which wait to be published')
    .option('--json', 'machine-readable')
    .action(async (_options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const keys = (await call('GET', '/v1/dkim'))['keys'] as readonly DkimKeyView[]
        if (isJson(command)) return printJson({ keys })
        if (keys.length === 0) return print('No keys. Make a pair with: gavan dkim rotate DOMAIN')
        const rows = keys.map((key) => [key.domain, key.selector, key.kind, seen(key), STATES[key.state]])
        printTable(['domain', 'selector', 'kind', 'published', 'state'], rows)
        const [waits] = keys.filter(({ state, published }) => state === 'waits' && published === false)
        if (waits !== undefined)
          print(`\nTo be published:\n\n${records(keys.filter(({ state }) => state === 'waits'))}`)
      }),
    )
  noun
    .command('rotate <domain>')
    .description('make the next pair; it signs by itself once its records are published')
    .option('--json', 'machine-readable')
    .action(async (domain: string, _options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const path = `/v1/domains/${encodeURIComponent(domain)}/dkim`
        const keys = (await call('POST', path))['keys'] as readonly DkimKeyView[]
        if (isJson(command)) return printJson({ keys })
        print(`New keys of ${domain}. Publish these records:

${records(keys)}

Mail is signed with the earlier keys until DNS shows the new ones, which is looked for at least once an hour.
Then: gavan dkim list, and gavan dkim retire ${domain} SELECTOR for each old one.`)
      }),
    )
  noun
    .command('retire <domain> <selector>')
    .description('remove a key that signs no more')
    .option('--json', 'machine-readable')
    .action(async (domain: string, selector: string, _options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const path = `/v1/domains/${encodeURIComponent(domain)}/dkim/${encodeURIComponent(selector)}`
        const { name, keepRecordUntil } = await call('DELETE', path)
        if (isJson(command)) return printJson({ name, keepRecordUntil })
        const day = new Date(Number(keepRecordUntil)).toISOString().slice(0, 10)
        print(`The key is gone. Leave the record at ${String(name)} until ${day}: letters that it signed are still on
their way. Then take the record away, or publish it as "v=DKIM1; p=".`)
      }),
    )
  return noun
}

const records = (keys: readonly DkimKeyView[]): string =>
  keys.map(({ name, record }) => `${name}. IN TXT ${txt(record)}`).join('\n')

/** A text of DNS has 255 octets at most (RFC 1035 §3.3). */
const txt = (record: string): string => (record.match(/.{1,255}/g) ?? []).map((piece) => `"${piece}"`).join(' ')
