import { printAddress } from '../../../format/address/address.ts'
import { parseGenUrlAuth, parseResetKey, parseUrlFetch } from '../../../protocol/imap/command/urlauth.ts'
import { literalMark, printAstring } from '../../../protocol/imap/print.ts'
import { parseAuthUrl } from '../../../protocol/imap/url.ts'
import { openUrl } from '../../url-octets.ts'
import { bad, command, ok, untagged, type Answer, type Conversation } from '../command.ts'
import { BrokenAnswer } from '../fetch/print-messages.ts'
import { problem } from '../problems.ts'

export const genUrlAuth = command({
  name: 'GENURLAUTH',
  rfc: 'RFC 4467 §7',
  capability: 'URLAUTH',
  states: ['logged-in', 'selected'],
  parse: parseGenUrlAuth,
  async *run({ hostname, state, urls: access, utf8 }, { urls }) {
    const { account } = state.handle
    const whole: string[] = []
    for (const rump of urls) {
      const url = parseAuthUrl(rump)
      if (url === null || url.seal !== null) return bad('Not a URL of a message that says who may use it')
      // Choice: URLs of one’s own mailboxes only (RFC 4467 §10).
      const isOwn = url.owner.toLowerCase() === printAddress(account.address).toLowerCase()
      if (!isOwn || url.host.toLowerCase() !== hostname.toLowerCase()) return bad('Not a URL of yours at this server')
      const token = await access.sign(account, url.message.mailbox, url.rump)
      if (token === null) return bad('No such mailbox')
      whole.push(printAstring(`${rump}:internal:${token}`, utf8()))
    }
    yield untagged(`GENURLAUTH ${whole.join(' ')}`)
    return ok('Genurlauth completed')
  },
})

export const urlFetch = command({
  name: 'URLFETCH',
  rfc: 'RFC 4467 §7',
  capability: 'URLAUTH',
  states: ['logged-in', 'selected'],
  parse: parseUrlFetch,
  async *run(conversation, { urls }) {
    for (const url of urls) yield* printUrl(conversation, url)
    return ok('Urlfetch completed')
  },
})

/** NIL, whatever is wrong with it (RFC 4467 §8). */
async function* printUrl(
  { clock, hostname, state, urls, utf8 }: Conversation<'logged-in' | 'selected'>,
  url: string,
): AsyncGenerator<string | Uint8Array, void, void> {
  const reader = { account: state.handle.account, by: 'user' } as const
  const part = await openUrl(url, { access: urls, reader, hostname, now: clock.now() })
  const name = `URLFETCH ${printAstring(url, utf8())}`
  if (part === null) {
    yield untagged(`${name} NIL`)
    return
  }
  yield `* ${name} ${literalMark(part.octets)}`
  try {
    yield* part.pieces()
  } catch (error) {
    throw new BrokenAnswer('a message could not be read to its end', { cause: error })
  }
  yield '\r\n'
}

export const resetKey = command({
  name: 'RESETKEY',
  rfc: 'RFC 4467 §7',
  capability: 'URLAUTH',
  states: ['logged-in', 'selected'],
  parse: parseResetKey,
  run: reset,
})

/**
 * Deviation: URLMECH is told by RESETKEY only, not at SELECT and not to other sessions (RFC 4467 §7, §8): there is one
 * mechanism, and it has no data.
 */
async function* reset(
  { state, urls }: Conversation<'logged-in' | 'selected'>,
  args: { mailbox: string | null },
): Answer {
  const outcome = await urls.reset(state.handle.account, args.mailbox)
  if (outcome.at !== 'done') return problem({ at: 'not-found' })
  return args.mailbox === null ? ok('All keys removed') : ok('New key', 'URLMECH INTERNAL')
}
