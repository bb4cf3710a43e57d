/** `gavan queue …`: mail that waits to leave, chosen by number, destination, sender or reason. */
import { Command } from 'commander'
import type { QueueView } from '../../core/contract.ts'
import type { Call, WithAdmin } from './nouns.ts'
import { CliError, EXIT, print, printJson, printTable } from './output.ts'

const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true

type Choice = { readonly all?: true; readonly to?: string; readonly from?: string; readonly because?: string }

/** What is done to entries: with what words, and at which route. */
const ACTS = {
  retry: { about: 'try now; lets go what is held', route: 'retry', done: 'due now', all: true },
  hold: { about: 'keep from being tried until `retry`', route: 'hold', done: 'held', all: true },
  expire: {
    about: 'try once more; if that fails, give up and tell the sender',
    route: 'expire',
    done: 'tried for the last time now',
    all: false,
  },
  remove: { about: 'remove without telling the sender', route: 'remove', done: 'removed', all: false },
} as const

export function queueCommand(withAdmin: WithAdmin): Command {
  const noun = new Command('queue').description('mail that waits to leave')
  withChoice(noun.command('list').description('each letter for each destination, and why it waits')).action(
    async (options: Choice, command: Command) =>
      withAdmin(command, async (call) => {
        const queue = chosen(await entries(call), options)
        if (isJson(command)) return printJson({ queue })
        if (queue.length === 0) return print('Everything has left.')
        printTable(['ID', 'FROM', 'TO', 'TRIES', 'NEXT TRY', 'WHY IT WAITS'], queue.map(row))
      }),
  )
  noun
    .command('summary')
    .description('how much waits, by destination and reason')
    .option('--json', 'machine-readable')
    .action(async (_options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const groups = grouped(await entries(call))
        if (isJson(command)) return printJson({ groups })
        if (groups.length === 0) return print('Everything has left.')
        const rows = groups.map(({ destination, reason, letters, oldest, next }) => [
          String(letters),
          destination,
          ago(oldest),
          next === null ? 'held' : time(next),
          reason,
        ])
        printTable(['LETTERS', 'DESTINATION', 'OLDEST', 'NEXT TRY', 'WHY THEY WAIT'], rows)
      }),
    )
  noun
    .command('show <id>')
    .description('one letter: its recipients, and what was said about each')
    .option('--json', 'machine-readable')
    .action(async (text: string, _options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const [id] = parseIds([text])
        const entry = (await entries(call)).find(({ queueId }) => queueId === id)
        if (entry === undefined) throw new CliError(EXIT.failed, `nothing waits under ${text}`, 'see gavan queue list')
        if (isJson(command)) return printJson({ entry })
        print(shown(entry))
      }),
    )
  for (const [name, act] of Object.entries(ACTS)) {
    const of = noun.command(`${name} [id...]`).description(act.about)
    if (act.all) of.option('--all', 'everything that waits')
    withChoice(of).action(async (texts: string[], options: Choice, command: Command) => {
      const byNumber = texts.length > 0
      const byFilter = options.to !== undefined || options.from !== undefined || options.because !== undefined
      if (Number(byNumber) + Number(byFilter) + Number(options.all === true) !== 1)
        throw new CliError(
          EXIT.usage,
          'which ones?',
          `gavan queue ${name} ID…, or by --to, --from, --because${act.all ? ', or --all' : ''}`,
        )
      const ids = byNumber ? parseIds(texts) : null
      await withAdmin(command, async (call) => {
        const wanted = byFilter ? chosen(await entries(call), options).map(({ queueId }) => Number(queueId)) : ids
        const answer = await call('POST', `/v1/queue/${act.route}`, { ids: wanted })
        const found = answer['ids'] as readonly number[]
        if (isJson(command)) printJson({ ids: found })
        else print(`${found.length} ${act.done}.`)
      })
    })
  }
  return noun
}

const withChoice = (command: Command): Command =>
  command
    .option('--to <domain>', 'for this destination')
    .option('--from <address>', 'from this sender; "" for notices')
    .option('--because <text>', 'whose reason has this in it, e.g. "Connection refused"')
    .option('--json', 'machine-readable')

async function entries(call: Call): Promise<readonly QueueView[]> {
  const { queue } = await call('GET', '/v1/queue')
  return queue as readonly QueueView[]
}

function chosen(queue: readonly QueueView[], { to, from, because }: Choice): readonly QueueView[] {
  const same = (wanted: string | undefined, is: string): boolean =>
    wanted === undefined || is.toLowerCase() === wanted.toLowerCase()
  return queue.filter(
    (entry) =>
      same(to, entry.destination) &&
      same(from, entry.from) &&
      (because === undefined || entry.reason.toLowerCase().includes(because.toLowerCase())),
  )
}

const time = (at: number): string => new Date(at).toISOString()
const waiting = ({ recipients }: QueueView): string =>
  recipients
    .filter(({ state }) => state === 'waiting')
    .map(({ address }) => address)
    .join(', ')

const row = (entry: QueueView): string[] => [
  String(entry.queueId),
  entry.from === '' ? '<>' : entry.from,
  waiting(entry),
  String(entry.attempts),
  entry.held ? 'held' : time(entry.nextAttemptAt),
  entry.reason,
]

type Group = { destination: string; reason: string; letters: number; oldest: number; next: number | null }

/** The largest first. */
function grouped(queue: readonly QueueView[]): Group[] {
  const groups = new Map<string, Group>()
  for (const { destination, reason, acceptedAt, nextAttemptAt, held } of queue) {
    const key = `${destination} ${reason}`
    const group = groups.get(key) ?? { destination, reason, letters: 0, oldest: acceptedAt, next: null }
    group.letters++
    group.oldest = Math.min(group.oldest, acceptedAt)
    if (!held) group.next = Math.min(group.next ?? nextAttemptAt, nextAttemptAt)
    groups.set(key, group)
  }
  return [...groups.values()].toSorted((a, b) => b.letters - a.letters)
}

function ago(at: number): string {
  const minutes = Math.max(0, Math.floor((Date.now() - at) / 60_000))
  if (minutes < 60) return `${minutes} min`
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`
}

const shown = (entry: QueueView): string =>
  [
    `Letter ${entry.traceId}, as ${entry.queueId} for ${entry.destination}`,
    `  from       ${entry.from === '' ? '<> (a notice)' : entry.from}`,
    `  size       ${entry.sizeOctets} octets`,
    `  accepted   ${time(entry.acceptedAt)}`,
    `  next try   ${entry.held ? 'held' : time(entry.nextAttemptAt)}, after ${entry.attempts}`,
    `  given up   ${time(entry.expiresAt)}`,
    ...entry.recipients.flatMap(({ address, state, answer }) => [
      `  ${state.padEnd(9)}  ${address}`,
      ...(answer === null
        ? []
        : [`             ${answer.remote ?? 'here'}: ${answer.code} ${answer.status} ${answer.text}`]),
    ]),
    `All that happened to it: gavan trace ${entry.traceId}`,
  ].join('\n')

function parseIds(texts: readonly string[]): number[] {
  return texts.map((text) => {
    const id = Number(text)
    if (Number.isSafeInteger(id) && id > 0) return id
    throw new CliError(EXIT.usage, `${text} is not a queue id`, 'see them with: gavan queue list')
  })
}
