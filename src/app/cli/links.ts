/** `gavan user invite|reset`: links that a person sets a password by. */
import { Command } from 'commander'
import { printJson, print } from './output.ts'
import type { WithAdmin } from './nouns.ts'
import { parseQuota } from './units.ts'

type GivenRow = { readonly address: string; readonly link: string; readonly expiresAt: string }

const linkWords = ({ link, expiresAt }: GivenRow): string =>
  `The link works once, until ${expiresAt.slice(0, 16).replace('T', ' ')} UTC:\n  ${link}`

export function inviteCommand(withAdmin: WithAdmin): Command {
  return new Command('invite')
    .argument('<address>')
    .description('add an account whose owner chooses the password, by a link that works once')
    .option('--quota <size>', 'e.g. 5G; none without')
    .option('--json', 'machine-readable')
    .action(async (address: string, options: { quota?: string; json?: true }, command: Command) => {
      const quotaOctets = options.quota === undefined ? null : parseQuota(options.quota)
      await withAdmin(command, async (call) => {
        const given = (await call('POST', '/v1/invitations', { address, quotaOctets })) as GivenRow
        if (options.json === true) printJson({ added: address, ...given })
        else print(`${address} is added. ${linkWords(given)}`)
      })
    })
}

export function resetCommand(withAdmin: WithAdmin): Command {
  return new Command('reset')
    .argument('<address>')
    .description('a link that works once, by which its owner chooses a new password')
    .option('--end', 'end the link that was given instead')
    .option('--json', 'machine-readable')
    .action(async (address: string, options: { end?: true; json?: true }, command: Command) =>
      withAdmin(command, async (call) => {
        const url = `/v1/users/${encodeURIComponent(address)}/link`
        if (options.end === true) {
          await call('DELETE', url)
          if (options.json === true) printJson({ ended: address })
          else print(`No link sets the password of ${address} any more.`)
          return
        }
        const given = (await call('POST', url)) as GivenRow
        if (options.json === true) printJson(given)
        else print(`The password of ${address} stays until this is used. ${linkWords(given)}`)
      }),
    )
}
