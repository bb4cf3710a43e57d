/** `gavan user sending …`: what an account sends, and may send. */
import { Command } from 'commander'
import type { WithAdmin } from './nouns.ts'
import { CliError, EXIT, print, printJson } from './output.ts'

type Amount = { messages: number; recipients: number }

function parseAmount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new CliError(EXIT.usage, `"${text}" is not a number`, 'e.g. --messages 500 --recipients 2000')
}

export function sendingCommand(withAdmin: WithAdmin): Command {
  return new Command('sending')
    .argument('<address>')
    .description('what an account has sent in 24 hours; sets what it may send')
    .option('--messages <count>', 'how many messages a day; with --recipients')
    .option('--recipients <count>', 'how many recipients a day; with --messages')
    .option('--stop', 'nothing may leave any more')
    .option('--usual', 'what all may send')
    .option('--json', 'machine-readable')
    .action(
      async (
        address: string,
        options: { messages?: string; recipients?: string; stop?: true; usual?: true },
        command: Command,
      ) => {
        const wanted = wantedLimit(options)
        const path = `/v1/users/${encodeURIComponent(address)}/sending`
        await withAdmin(command, async (call) => {
          if (wanted !== undefined) await call('PUT', path, { limit: wanted })
          const { limit, sent } = (await call('GET', path)) as { limit: Amount | null; sent: Amount }
          if (command.optsWithGlobals()['json'] === true) return printJson({ address, limit, sent })
          print(`In 24 hours ${address} has sent ${amount(sent)} to other servers.`)
          if (limit === null) print('It may send as much as all.')
          else if (limit.messages === 0 || limit.recipients === 0)
            print(`It may send nothing. Let it again: gavan user sending ${address} --usual`)
          else print(`It may send ${amount(limit)}.`)
        })
      },
    )
}

const amount = ({ messages, recipients }: Amount): string => `${messages} messages to ${recipients} recipients`

/** Undefined: it stays as it is. */
function wantedLimit(options: {
  messages?: string
  recipients?: string
  stop?: true
  usual?: true
}): Amount | null | undefined {
  const { messages, recipients, stop, usual } = options
  const said = [messages ?? recipients, stop, usual].filter((each) => each !== undefined)
  if (said.length === 0) return undefined
  if (said.length > 1) throw new CliError(EXIT.usage, '--stop, --usual and numbers exclude each other', null)
  if (stop === true) return { messages: 0, recipients: 0 }
  if (usual === true) return null
  if (messages === undefined || recipients === undefined)
    throw new CliError(EXIT.usage, '--messages and --recipients go together', 'e.g. --messages 500 --recipients 2000')
  return { messages: parseAmount(messages), recipients: parseAmount(recipients) }
}
