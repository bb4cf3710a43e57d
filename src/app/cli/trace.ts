/** `gavan trace WHAT`: what happened to a letter, from the connection that brought it to the folder or the remote's words. */
import { Command, InvalidArgumentError } from 'commander'
import { TRACE_LETTERS_SHOWN } from '../../model/limits.ts'
import { DAY } from '../../std/clock.ts'
import { findLetters, type TracedLetter, type TraceEvent } from '../trace/find.ts'
import { CliError, EXIT, print, printJson } from './output.ts'

const positive = (given: string): number => {
  if (!/^[1-9]\d{0,3}$/.test(given)) throw new InvalidArgumentError('a number from 1 to 9999.')
  return Number(given)
}

export function traceCommand(dataDirOf: (command: Command) => Promise<string>): Command {
  return new Command('trace')
    .description('what happened to a letter: by an address, a part of its subject, its Message-ID or trace id')
    .argument('<what>')
    .option('--days <n>', 'how far to look back; all that is kept without', positive)
    .option('--limit <n>', 'the newest so many', positive, TRACE_LETTERS_SHOWN)
    .option('--json', 'machine-readable')
    .action(async (what: string, options: { days?: number; limit: number }, command: Command) => {
      const { days, limit } = options
      const sinceDay = days === undefined ? null : new Date(Date.now() - days * DAY).toISOString().slice(0, 10)
      const dataDir = await dataDirOf(command)
      const letters = await findLetters(dataDir, what, { limit, sinceDay }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EACCES') throw error
        throw new CliError(
          EXIT.notAllowed,
          `${dataDir} may not be read`,
          'as root, or as the user that the server runs as',
        )
      })
      if (command.optsWithGlobals()['json'] === true) return printJson({ letters })
      if (letters.length === 0)
        throw new CliError(
          EXIT.failed,
          `nothing is known of ${what}`,
          'letters are remembered for trace.days; see gavan config',
        )
      print(letters.toReversed().map(letterText).join('\n\n'))
    })
}

const letterText = ({ traceId, events }: TracedLetter): string =>
  [`Letter ${traceId}`, ...events.map((event) => `  ${clock(event.time)}  ${sentence(event)}`)].join('\n')

const clock = (time: string): string => time.replace('T', ' ').replace('Z', '')
function text(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.map(text).join(', ') : JSON.stringify(value)
}

/** What an event says, for a person. Those that are not known here are told as they stand. */
function sentence(event: TraceEvent): string {
  const of = (name: string): string => text(event[name])
  switch (event.event) {
    case 'smtp.letter':
      return `letter from ${of('author')} to ${of('to')}: “${of('subject')}” ${of('messageId')}`
    case 'smtp.accepted':
      return `taken from ${of('from')} at ${of('remote')} (${of('service')}, connection ${of('cid')}): ${of('sizeOctets')} octets, ${of('recipients')} recipient(s)`
    case 'smtp.refused':
      return `refused: ${of('code')} ${of('status')} ${of('why')}`
    case 'screening.verdict': {
      const why = of('why')
      const dkim = of('dkim') === '' ? 'none' : of('dkim')
      return `looked at: SPF ${of('spf')}, DKIM ${dkim}, DMARC ${of('dmarc')}; ${of('points')} points, ${of('to')}${why === '' ? '' : ` (${why})`}`
    }
    case 'filter.ran':
      return `filter “${of('script')}” of account ${of('accountId')}: ${of('done')}`
    case 'intake.accepted': {
      const local = event['local'] as readonly { accountId: number; mailboxId: number; uid: number }[]
      const places = local.map((at) => `account ${at.accountId}, mailbox ${at.mailboxId}, uid ${at.uid}`)
      const queued = of('queueIds') === '' ? [] : [`queued as ${of('queueIds')}`]
      return `kept: ${[...places, ...queued].join('; ')}`
    }
    case 'relay.signed':
      return `signed by ${of('domain')} (${of('selectors')})`
    case 'relay.delivered':
    case 'relay.deferred':
    case 'relay.failed': {
      const to = { 'relay.delivered': 'delivered to', 'relay.deferred': 'waits for', 'relay.failed': 'failed for' }[
        event.event
      ]
      const tls = event['tls'] === null ? 'in the clear' : of('tls')
      const at = of('host') === '' ? '' : ` at ${of('host')} ${of('address')} (${tls})`
      return `${to} ${of('recipients')}${at}, attempt ${of('attempt')}: ${of('code')} ${of('status')} ${of('answer')}`
    }
    case 'relay.expired':
      return `given up for ${of('recipients')}: it has waited too long`
    default: {
      const { time: _time, event: name, traceId: _id, level: _level, ...facts } = event
      return [name, ...Object.entries(facts).map(([key, value]) => `${key}=${text(value)}`)].join(' ')
    }
  }
}
