/** The web twin of `gavan setup`: one browser, four questions, the plan, the work, what is left to do. */
import { timingSafeEqual, createHash } from 'node:crypto'
import type { Guard } from '../../../core/contract.ts'
import type { Language } from '../../../exposure/words/contract.ts'
import type { Site, WebAnswer, WebRequest } from '../../../model/web.ts'
import { isRead, notAllowed, notFound, textAnswer } from '../../../session/web/answers.ts'
import { formOf, isFromOwnPage } from '../../../session/web/form.ts'
import { languageOf } from '../../../session/web/shell.ts'
import type { Clock } from '../../../std/clock.ts'
import type { Random } from '../../../std/random.ts'
import type { Secret } from '../../../std/secret.ts'
import { CliError } from '../../cli/output.ts'
import { completeAnswers, type AnswerProblem } from '../answers.ts'
import type { Outcome } from '../apply.ts'
import type { Answers, Around, GivenAnswers, Step } from '../contract.ts'
import type { Prepared } from '../engine.ts'
import type { Voice } from '../session.ts'
import { aroundLines, bareStep, planLines, type Rest } from '../tell.ts'
import { donePage, failedPage, formPage, plainPage, planPage, SETUP_PAGE, workingPage } from './pages.ts'

type Done = Extract<Outcome, { at: 'done' }>

export type SetupSiteParts = {
  /** What the link says. It is good once: for the browser that came first. */
  readonly token: Secret
  readonly voice: (language: Language) => Voice
  readonly around: Around
  /** Under which the internet reaches the host, as far as that is known. */
  readonly outer: readonly string[]
  readonly given: GivenAnswers
  /** @throws CliError: what a person can mend */
  readonly prepare: (answers: Answers, voice: Voice) => Promise<Prepared>
  readonly carryOut: (prepared: Prepared, voice: Voice, done: (step: Step) => void) => Promise<Outcome>
  readonly restOf: (prepared: Prepared, outcome: Done | null, voice: Voice) => Promise<Rest>
  /** Told once when the work has come to its end, for the terminal. */
  readonly finished: (what: Finished) => void
  /** The person is done: the page ends. */
  readonly ended: () => void
  readonly guard: Pick<Guard, 'beforeLogin' | 'loginFailed'>
  readonly random: Random
  readonly clock: Pick<Clock, 'now'>
  readonly port: () => number
}

export type Finished =
  | { readonly at: 'done'; readonly prepared: Prepared; readonly outcome: Done | null }
  | { readonly at: 'failed'; readonly lines: readonly string[] }

type State =
  | { readonly at: 'asking'; readonly given: GivenAnswers; readonly problem: AnswerProblem | null }
  | { readonly at: 'planned'; readonly prepared: Prepared; readonly id: string }
  | { readonly at: 'working'; readonly steps: readonly Step[] }
  | { readonly at: 'failed'; readonly lines: (language: Language) => readonly string[]; readonly given: GivenAnswers }
  | { readonly at: 'done'; readonly prepared: Prepared; readonly outcome: Done | null }
  | { readonly at: 'ended' }

/** RFC 6265bis §4.1.3.2: `__Host-`: of this origin alone, over TLS. */
const COOKIE = '__Host-gavan-setup'
const TOKEN_OCTETS = 18

const sameText = (a: string, b: string): boolean => {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(a), hash(b))
}

export function setupSite(parts: SetupSiteParts): Site {
  const { token, random } = parts
  const chance = (): string => Buffer.from(random.bytes(TOKEN_OCTETS)).toString('base64url')
  /** Of the browser that came with the link; null: none has come yet. */
  let session: string | null = null
  let state: State = { at: 'asking', given: parts.given, problem: null }

  const holdsSession = ({ header }: WebRequest): boolean => {
    const said = (header('cookie') ?? '')
      .split(/;\s*/)
      .find((each) => each.startsWith(`${COOKIE}=`))
      ?.slice(COOKIE.length + 1)
    return session !== null && said !== undefined && sameText(said, session)
  }

  const toPage = (headers: Readonly<Record<string, string>> = {}): WebAnswer =>
    textAnswer(303, '', { location: SETUP_PAGE, ...headers })

  const entered = (request: WebRequest, said: string): WebAnswer => {
    const { remote } = request
    if (session === null && sameText(said, token.reveal())) {
      session = chance()
      return toPage({ 'set-cookie': `${COOKIE}=${session}; Path=/; Secure; HttpOnly; SameSite=Lax` })
    }
    const facts = { at: parts.clock.now(), service: 'https', port: parts.port(), cid: '-', user: '(setup)' } as const
    parts.guard.loginFailed(remote, { ...facts, guess: createHash('sha256').update(said).digest('base64url') })
    return gone(request)
  }

  const gone = (request: WebRequest): WebAnswer => plainPage(languageOf(request), 'gone', { status: 410 })

  const shown = async (request: WebRequest): Promise<WebAnswer> => {
    const language = languageOf(request)
    const voice = parts.voice(language)
    if (request.query.has('change')) state = changed(state, parts.given)
    switch (state.at) {
      case 'asking': {
        const { around, outer } = parts
        return formPage(language, {
          given: state.given,
          problem: state.problem,
          seen: aroundLines(around, outer, voice),
          holder: around.held.get(80) ?? null,
          asksPublic: outer.length === 0 && !around.facts.addresses.some(({ scope }) => scope === 'global'),
        })
      }
      case 'planned':
        return planPage(language, {
          lines: planLines(state.prepared, voice),
          id: state.id,
          empty: state.prepared.steps.length === 0,
        })
      case 'working':
        return workingPage(language, state.steps.map(voice.words.done))
      case 'failed':
        return failedPage(language, state.lines(language))
      case 'done':
        return donePage(language, await parts.restOf(state.prepared, state.outcome, voice))
      case 'ended':
        return plainPage(language, 'ended')
    }
  }

  const planned = async (form: URLSearchParams, language: Language): Promise<void> => {
    const given = givenOf(form, parts.outer)
    const answers = completeAnswers(given, {}, parts.around.held.has(80))
    if (!answers.ok) {
      state = { at: 'asking', given, problem: answers.error }
      return
    }
    try {
      state = { at: 'planned', prepared: await parts.prepare(answers.value, parts.voice(language)), id: chance() }
    } catch (error) {
      if (!(error instanceof CliError)) throw error
      const lines = [error.message, ...(error.fix === null ? [] : [error.fix])]
      state = { at: 'failed', lines: () => lines, given }
    }
  }

  /** Goes on whether the browser stays or not; the page asks how far it is. */
  const begun = (prepared: Prepared, language: Language): void => {
    const steps: Step[] = []
    state = { at: 'working', steps }
    const voice = parts.voice(language)
    const work = async (): Promise<void> => {
      const outcome =
        prepared.steps.length === 0 ? null : await parts.carryOut(prepared, voice, (step) => steps.push(step))
      if (outcome === null || outcome.at === 'done') {
        state = { at: 'done', prepared, outcome }
        return parts.finished({ at: 'done', prepared, outcome })
      }
      const lines = failureLines(outcome)
      state = { at: 'failed', lines, given: asGiven(prepared.answers) }
      parts.finished({ at: 'failed', lines: lines(language) })
    }
    work().catch((error: unknown) => {
      const lines = [error instanceof Error ? error.message : String(error)]
      state = { at: 'failed', lines: () => lines, given: asGiven(prepared.answers) }
      parts.finished({ at: 'failed', lines })
    })
  }

  const failureLines =
    (outcome: Extract<Outcome, { at: 'failed' }>) =>
    (language: Language): string[] => {
      const { words, places } = parts.voice(language)
      return [
        words.failed(bareStep(outcome.step, words), outcome.cause),
        words.takenBack,
        ...outcome.left.map(words.left),
        words.logAt(places.log),
      ]
    }

  const sent = async (request: WebRequest): Promise<WebAnswer> => {
    const language = languageOf(request)
    const form = formOf(request)
    if (form === null || !isFromOwnPage(request)) return plainPage(language, 'foreign', { status: 403 })
    switch (form.get('do')) {
      case 'plan':
        if (state.at === 'asking' || state.at === 'planned' || state.at === 'failed') await planned(form, language)
        return state.at === 'asking' ? shown(request) : toPage()
      case 'apply':
        // What was shown is what is done; twice pressed is once done.
        if (state.at === 'planned' && form.get('plan') === state.id) begun(state.prepared, language)
        return toPage()
      case 'end':
        if (state.at !== 'done') return toPage()
        state = { at: 'ended' }
        parts.ended()
        return shown(request)
      default:
        return textAnswer(400, 'bad request\n')
    }
  }

  return async (request) => {
    if (request.path === '/') return toPage()
    if (request.path !== SETUP_PAGE) return notFound
    if (!isRead(request) && request.method !== 'POST') return notAllowed('GET, HEAD, POST')
    if (holdsSession(request)) {
      if (request.method === 'POST') return sent(request)
      return request.query.has('once') ? toPage() : shown(request)
    }
    if (parts.guard.beforeLogin(request.remote, 'https').at === 'refuse')
      return plainPage(languageOf(request), 'slow', { status: 429, headers: { 'retry-after': '60' } })
    const said = request.method === 'GET' ? request.query.get('once') : null // Not HEAD: it would use the link up unseen.
    return said === null ? gone(request) : entered(request, said)
  }
}

/** Back to the questions, with what was answered; not while it works, and not after. */
function changed(state: State, given: GivenAnswers): State {
  switch (state.at) {
    case 'planned':
      return { at: 'asking', given: asGiven(state.prepared.answers), problem: null }
    case 'failed':
      return { at: 'asking', given: { ...given, ...state.given }, problem: null }
    default:
      return state
  }
}

const asGiven = (answers: Answers): GivenAnswers => ({ ...answers, port80: answers.port80 ?? undefined })

/** An empty field is no answer: then the default holds. */
function givenOf(form: URLSearchParams, outer: readonly string[]): GivenAnswers {
  const text = (name: string): string | undefined => {
    const said = form.get(name)?.trim()
    return said === undefined || said === '' ? undefined : said
  }
  const said = (text('public') ?? '').split(/[\s,]+/).filter((each) => each !== '')
  return {
    hostname: text('hostname'),
    domain: text('domain'),
    first: text('first'),
    clients: text('clients'),
    port80: text('port80'),
    publicAddresses: said.length > 0 ? said : outer,
  }
}
