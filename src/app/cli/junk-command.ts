/** `gavan junk status|why|retrain`: the junk filter. */
import { open } from 'node:fs/promises'
import { Command } from 'commander'
import type { JunkStatusView, JunkWhy } from '../admin/junk.ts'
import type { WithAdmin } from './nouns.ts'
import { print, printJson, printTable } from './output.ts'

/** Of a long letter its begin is enough: the filter looks at no more text. */
const LETTER_READ_OCTETS = 512 * 1024
const WHOSE = {
  own: 'of its own letters',
  all: 'of the letters of all users: it has learnt too little itself',
  none: '',
}
const GOES_BY = { own: 'its own letters', all: "all users' letters", none: 'nothing yet' }
const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true

export function junkCommand(withAdmin: WithAdmin): Command {
  const noun = new Command('junk').description(
    'the junk filter: it learns from letters that are moved to and from Junk',
  )
  noun
    .command('status')
    .description('how many letters it has learnt, by user')
    .option('--json', 'machine-readable')
    .action(async (_options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const status = (await call('GET', '/v1/junk')) as JunkStatusView
        if (isJson(command)) return printJson(status)
        printTable(
          ['USER', 'GOOD', 'JUNK', 'GOES BY'],
          status.accounts.map(({ address, good, junk, goesBy }) => [
            address,
            String(good),
            String(junk),
            GOES_BY[goesBy],
          ]),
        )
        print(`${status.all.good} good and ${status.all.junk} junk of all users.`)
      }),
    )
  noun
    .command('why')
    .description('what the filter says of a letter, and which words speak most')
    .argument('<file>', 'the letter, as .eml')
    .requiredOption('--account <address>', 'the user who judges')
    .option('--json', 'machine-readable')
    .action(async (file: string, options: { account: string }, command: Command) =>
      withAdmin(command, async (call) => {
        const letter = await readBegin(file)
        const body = { address: options.account, letter: letter.toString('base64') }
        const why = (await call('POST', '/v1/junk/why', body)) as JunkWhy
        if (isJson(command)) return printJson(why)
        print(`${why.result}: ${why.points} points (5 are junk), beside what the checks of its sender give.`)
        for (const { by, points, says } of why.findings) print(`  ${by} ${points}: ${says}`)
        if (why.probability === null) return print('No words were asked: too little has been learnt.')
        print(
          `Words: ${why.probability.toFixed(3)} junk, by ${why.good} good and ${why.junk} junk ${WHOSE[why.whose]}.`,
        )
        printTable(
          ['WORD', 'JUNK', 'IN GOOD', 'IN JUNK'],
          why.words.map(({ word, probability, good, junk }) => [
            word.replace(/\p{C}/gu, '?'),
            probability.toFixed(3),
            String(good),
            String(junk),
          ]),
        )
      }),
    )
  noun
    .command('retrain')
    .description('forget what was learnt and learn it anew from the mail, while the server runs')
    .argument('[address]', 'of this user')
    .option('--all', 'of all users')
    .option('--json', 'machine-readable')
    .action(async (address: string | undefined, options: { all?: true }, command: Command) =>
      withAdmin(command, async (call) => {
        if ((address === undefined) !== (options.all === true)) command.error('error: name one user, or say --all')
        await call('POST', '/v1/junk/retrain', { address: address ?? null })
        if (isJson(command)) return printJson({ retraining: address ?? 'all' })
        print(`The letters of ${address ?? 'all users'} are learnt anew. See how far it is: gavan junk status`)
      }),
    )
  return noun
}

async function readBegin(path: string): Promise<Buffer> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(LETTER_READ_OCTETS) })
  return buffer.subarray(0, bytesRead)
}
