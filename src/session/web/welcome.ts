/** Where a one-time link leads: a person chooses a password, and is shown the way to mail programs. */
import { printAddress } from '../../format/address/address.ts'
import { escapeXml as html } from '../../format/client-setup/xml.ts'
import type { Guard, OnceLinks } from '../../core/contract.ts'
import { StoreError } from '../../core/contract.ts'
import type { Address } from '../../model/address.ts'
import { PASSWORD_CHOSEN_MIN_CHARACTERS, PASSWORD_MAX_OCTETS } from '../../model/limits.ts'
import type { Site, WebAnswer, WebRequest } from '../../model/web.ts'
import { never } from '../../std/assert.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import { Secret } from '../../std/secret.ts'
import { isRead, notAllowed } from './answers.ts'
import { formOf, isFromOwnPage } from './form.ts'
import { SETUP_PATH } from './pages.ts'
import { languageOf, page } from './shell.ts'
import { WORDS, type Words } from './words.ts'

export const WELCOME_PATH = '/welcome'
export const ONCE_PARAMETER = 'once'

/** What is handed to a person. @param origin as of SiteFacts */
export const welcomeLink = (origin: string, token: Secret): string =>
  `${origin}${WELCOME_PATH}?${ONCE_PARAMETER}=${token.reveal()}`

export type WelcomeParts = {
  readonly links: OnceLinks
  readonly guard: Pick<Guard, 'beforeLogin' | 'loginFailed'>
  /** Under which the same wrong link is known again (core/guard/guess-key). */
  readonly guessOf: (user: string, said: string) => string
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
  /** Where it listens, for what `gavan ban why` tells. */
  readonly port: number
}

type Problem = 'too-short' | 'is-the-address' | 'unfit' | 'different'

/** What `gavan ban why` tells instead of a user. */
const NO_USER = '(one-time link)'

export function welcomePage(parts: WelcomeParts): Site {
  return async (request) => {
    const words = WORDS[languageOf(request)].welcome
    if (!isRead(request) && request.method !== 'POST') return notAllowed('GET, HEAD, POST')
    if (parts.guard.beforeLogin(request.remote, 'https').at === 'refuse')
      return plain(request, 429, words.slow, { 'retry-after': '60' })
    try {
      return await (request.method === 'POST' ? chosen(request, words, parts) : shown(request, words, parts))
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      parts.log.warn({ event: 'web.store.failed', cause: error })
      return plain(request, 503, words.later, { 'retry-after': '30' })
    }
  }
}

/** Looking does not use the link up: programs that preview links look too. */
async function shown(request: WebRequest, words: Words['welcome'], parts: WelcomeParts): Promise<WebAnswer> {
  const token = request.query.get(ONCE_PARAMETER) ?? ''
  const found = await parts.links.find(token)
  return found === null ? gone(request, token, words, parts) : asked(request, words, { ...found, token, problem: null })
}

async function chosen(request: WebRequest, words: Words['welcome'], parts: WelcomeParts): Promise<WebAnswer> {
  const form = formOf(request)
  if (form === null || !isFromOwnPage(request)) return plain(request, 403, words.foreign)
  const token = form.get(ONCE_PARAMETER) ?? ''
  const password = form.get('password') ?? ''
  const found = await parts.links.find(token)
  if (found === null) return gone(request, token, words, parts)
  if (password !== (form.get('again') ?? '')) return asked(request, words, { ...found, token, problem: 'different' })
  const outcome = await parts.links.use(token, new Secret(password))
  switch (outcome.at) {
    case 'done': {
      parts.log.info({ event: 'web.once.used', rip: request.remote, user: printAddress(outcome.address) })
      return done(request, words, outcome.address)
    }
    case 'gone':
      return gone(request, token, words, parts)
    case 'bad-password':
      return asked(request, words, { ...found, token, problem: outcome.why })
    default:
      return never(outcome)
  }
}

/** Choice: 410 whatever the link says: used, expired and never given are one to a stranger. */
function gone(
  request: WebRequest,
  token: string,
  words: Words['welcome'],
  { guard, guessOf, clock, log, port }: WelcomeParts,
): WebAnswer {
  const { remote } = request
  if (token !== '') {
    // An old link that a person opens again and again is one guess.
    const guess = guessOf(NO_USER, token)
    guard.loginFailed(remote, { at: clock.now(), service: 'https', port, cid: '-', user: NO_USER, guess })
    log.info({ event: 'web.once.refused', rip: remote, port })
  }
  return plain(request, 410, words.gone)
}

function asked(
  request: WebRequest,
  words: Words['welcome'],
  of: { readonly address: Address; readonly token: string; readonly problem: Problem | null },
): WebAnswer {
  const { address, token, problem } = of
  const bad = problem === null ? '' : ' aria-invalid="true" aria-describedby="problem"'
  const field = (name: string, label: string, more: string): string =>
    `<label>${html(label)}<input type="password" name="${name}" autocomplete="new-password" required${more}></label>`
  const least = ` minlength="${PASSWORD_CHOSEN_MIN_CHARACTERS}" maxlength="${PASSWORD_MAX_OCTETS}"`
  const body =
    `<p>${html(words.lead)}</p><form class="stack" method="post" action="${WELCOME_PATH}">` +
    `<input type="hidden" name="${ONCE_PARAMETER}" value="${html(token)}">` +
    `<label>${html(words.address)}<input type="email" name="username" autocomplete="username" readonly value="${html(printAddress(address))}"></label>` +
    field('password', words.password, `${least}${bad}${problem === null ? ' autofocus' : ''}`) +
    field('again', words.again, bad) +
    (problem === null
      ? `<p class="muted">${html(words.rule(PASSWORD_CHOSEN_MIN_CHARACTERS))}</p>`
      : `<p class="problem" id="problem" role="alert">${html(words.problem[problem](PASSWORD_CHOSEN_MIN_CHARACTERS))}</p>`) +
    `<button>${html(words.set)}</button></form>`
  return page(languageOf(request), words.title, body, { status: problem === null ? 200 : 422 })
}

function done(request: WebRequest, words: Words['welcome'], address: Address): WebAnswer {
  const where = `${SETUP_PATH}?address=${encodeURIComponent(printAddress(address))}`
  const body =
    `<p>${html(words.done.text)} <b>${html(printAddress(address))}</b></p><p>${html(words.done.next)}</p>` +
    `<p><a class="button" href="${html(where)}">${html(words.done.link)}</a></p>`
  return page(languageOf(request), words.done.title, body)
}

function plain(
  request: WebRequest,
  status: number,
  { title, text }: { readonly title: string; readonly text: string },
  headers: Readonly<Record<string, string>> = {},
): WebAnswer {
  return page(languageOf(request), title, `<p>${html(text)}</p>`, { status, headers })
}
