/** `gavan account app-password|certificate …`: what signs in for one device. */
import { readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import type { AccessKeyView } from '../admin/access-keys.ts'
import { ACCESS_KEY_SCOPES } from '../../core/accounts/access-key-operator.ts'
import type { WithAdmin } from './nouns.ts'
import { CliError, EXIT, print, printJson, printTable } from './output.ts'

const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true
const pathOf = (address: string): string => `/v1/users/${encodeURIComponent(address)}/access-keys`

const forOption = (): Option =>
  new Option('--for <protocol...>', 'where it is good; everywhere without').choices([...ACCESS_KEY_SCOPES])

type AddOptions = { readonly name: string; readonly for?: readonly string[] }
const scopeOf = ({ for: wanted }: AddOptions): readonly string[] => wanted ?? []
const toldScope = (options: AddOptions): string =>
  options.for === undefined ? 'everywhere' : `for ${options.for.join(', ')}`

export function appPasswordCommand(withAdmin: WithAdmin): Command {
  const noun = new Command('app-password').description('passwords of single devices, beside the account’s own')
  noun
    .command('add <address>')
    .description('make one; it is shown once')
    .requiredOption('--name <name>', 'of the device, e.g. "Anna’s phone"')
    .addOption(forOption())
    .option('--json', 'machine-readable')
    .action(async (address: string, options: AddOptions, command: Command) =>
      withAdmin(command, async (call) => {
        const { name } = options
        const { id, password } = await call('POST', `${pathOf(address)}/app-passwords`, {
          name,
          scope: scopeOf(options),
        })
        if (isJson(command)) return printJson({ id, name, password })
        print(`App password ${String(id)}, "${name}", good ${toldScope(options)}:

  ${String(password)}

It is not shown again. The user name stays ${address}.`)
      }),
    )
  addListAndRevoke(noun, withAdmin, { kind: 'app-password', none: 'No app passwords.' })
  return noun
}

export function clientCertificateCommand(withAdmin: WithAdmin): Command {
  const noun = new Command('certificate').description('certificates by which single devices sign in')
  noun
    .command('add <address> <file>')
    .description('a PEM file with the certificate of the device, without its key')
    .requiredOption('--name <name>', 'of the device')
    .addOption(forOption())
    .option('--json', 'machine-readable')
    .action(async (address: string, file: string, options: AddOptions, command: Command) => {
      const certificate = await readPem(file)
      await withAdmin(command, async (call) => {
        const { name } = options
        const body = { name, scope: scopeOf(options), certificate }
        const { id, fingerprint } = await call('POST', `${pathOf(address)}/certificates`, body)
        if (isJson(command)) return printJson({ id, name, fingerprint })
        print(
          `Certificate ${String(id)}, "${name}", signs in as ${address}, ${toldScope(options)}.\n${String(fingerprint)}`,
        )
      })
    })
  addListAndRevoke(noun, withAdmin, { kind: 'certificate', none: 'No certificates.' })
  return noun
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new CliError(EXIT.usage, `${file} cannot be read: ${(error as Error).message}`, null)
  }
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 10)

const scopeWords = ({ scope }: AccessKeyView): string =>
  scope.length === ACCESS_KEY_SCOPES.length ? 'everything' : scope.join(' ')

function toldUse({ lastUse }: AccessKeyView): string {
  if (lastUse === null) return 'never'
  const at = `${new Date(lastUse.at).toISOString().slice(0, 16)}Z`
  return `${at} ${lastUse.protocol} from ${lastUse.address}`
}

function addListAndRevoke(
  noun: Command,
  withAdmin: WithAdmin,
  { kind, none }: { kind: AccessKeyView['kind']; none: string },
): void {
  const listOf = async (call: Parameters<Parameters<WithAdmin>[1]>[0], address: string): Promise<AccessKeyView[]> => {
    const { accessKeys } = (await call('GET', pathOf(address))) as { accessKeys: AccessKeyView[] }
    return accessKeys.filter((key) => key.kind === kind)
  }
  noun
    .command('list <address>')
    .description('with when and where each was last used, to the hour')
    .option('--json', 'machine-readable')
    .action(async (address: string, _options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const keys = await listOf(call, address)
        if (isJson(command)) return printJson({ accessKeys: keys })
        if (keys.length === 0) return print(none)
        printTable(
          ['ID', 'NAME', 'FOR', 'SINCE', 'LAST USED'],
          keys.map((key) => [String(key.id), key.name, scopeWords(key), day(key.createdAt), toldUse(key)]),
        )
      }),
    )
  noun
    .command('revoke <address> <id>')
    .description('by id or name; sessions that came in with it end at once')
    .option('--json', 'machine-readable')
    .action(async (address: string, which: string, _options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const keys = await listOf(call, address)
        const key = keys.find(({ id, name }) => String(id) === which || name === which)
        if (key === undefined) {
          const list = `gavan account ${kind} list ${address}`
          throw new CliError(EXIT.failed, `${address} has no ${kind} ${which}`, `see the list: ${list}`)
        }
        await call('DELETE', `${pathOf(address)}/${key.id}`)
        if (isJson(command)) return printJson({ revoked: key.id })
        print(`"${key.name}" is revoked; its sessions have ended.`)
      }),
    )
}
