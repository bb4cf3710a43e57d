import { never } from '../../std/assert.ts'
import type { Secret } from '../../std/secret.ts'
import type { Answer } from '../../model/queue.ts'
import { OUT_EHLO_TIMEOUT_MS, OUT_GREETING_TIMEOUT_MS, OUT_MAIL_TIMEOUT_MS } from '../../model/limits.ts'
import { NO_EXTENSIONS, parseEhlo, type Extensions } from './client-ehlo.ts'
import { judge, type Heard, type Stage, type Verdict } from './client-judge.ts'
import { createScramClient, preparePassword } from './client-scram.ts'

/** What the conversation asks of its driver; each is answered by a `Heard`. */
export type ClientAsk =
  | { readonly ask: 'send'; readonly text: string; readonly stage: Stage }
  | { readonly ask: 'reply'; readonly stage: Stage; readonly timeoutMs: number }
  | { readonly ask: 'start-tls' }
  /** PBKDF2-HMAC-SHA-256, 32 octets: heard as `key`. */
  | { readonly ask: 'stretch'; readonly password: string; readonly salt: Uint8Array; readonly iterations: number }
  /** The whole content, dot-stuffed, with its end. */
  | { readonly ask: 'content' }
  /** The whole content in BDAT chunks; the replies to all but the last are heard by the driver, which stops at the first bad one. */
  | { readonly ask: 'chunks' }

export type ClientHeard = Heard | { readonly kind: 'key'; readonly key: Uint8Array }

/** A conversation on paper. */
export type Conversation<T> = Generator<ClientAsk, T, ClientHeard>

export type TlsWish = 'opportunistic' | 'starttls' | 'implicit' | 'none'

export type ClientCredentials = { readonly user: string; readonly password: Secret; readonly nonce: string }

export type Opened =
  | { readonly at: 'ready'; readonly extensions: Extensions; readonly authenticated: boolean }
  /** `tls-failed`: the handshake failed, so D3's clear retry on a new connection may be tried. */
  | {
      readonly at: 'refused'
      readonly stage: Stage
      readonly to: 'waiting' | 'failed'
      readonly answer: Answer
      readonly tlsFailed: boolean
      /** Whether QUIT can still be said. */
      readonly close: boolean
    }

export type OpenOptions = {
  readonly hostname: string
  /** Name of the host for answers and logs. */
  readonly remote: string
  readonly tls: TlsWish
  readonly credentials: ClientCredentials | null
}

/** Never with 'key': asks other than `stretch` are answered without one. */
const heardOf = (heard: ClientHeard): Heard => (heard.kind === 'key' ? { kind: 'done' } : heard)

/** Sends one line and reads the answer to it. */
export function* exchange(line: string, stage: Stage, timeoutMs: number): Conversation<Heard> {
  const sent = heardOf(yield { ask: 'send', text: `${line}\r\n`, stage })
  if (sent.kind === 'broken') return sent
  return heardOf(yield { ask: 'reply', stage, timeoutMs })
}

/** From the greeting until mail may be sent: RFC 5321 §3.1, §3.2; RFC 3207; RFC 4954. */
export function* open(options: OpenOptions): Conversation<Opened> {
  const { remote } = options
  const refused = (verdict: Verdict, stage: Stage, tlsFailed = false): Opened => ({
    at: 'refused',
    stage,
    to: verdict.to === 'failed' ? 'failed' : 'waiting',
    answer: verdict.answer,
    tlsFailed,
    close: verdict.close,
  })

  const greeting = heardOf(yield { ask: 'reply', stage: 'greeting', timeoutMs: OUT_GREETING_TIMEOUT_MS })
  const greeted = judge(greeting, 'greeting', { hopedFor: 2, remote })
  if (greeted.to !== 'ok') return refused(greeted, 'greeting')

  let hello = yield* sayHello(options, { mayFallBack: true })
  if (hello.at === 'refused') return refused(hello.verdict, hello.stage)
  let secure = options.tls === 'implicit'

  if (options.tls === 'starttls' && !hello.extensions.startTls) {
    return refused(ownVerdict('4.7.10', `${remote} does not offer STARTTLS, which is required for it`), 'starttls')
  }
  if ((options.tls === 'opportunistic' || options.tls === 'starttls') && hello.extensions.startTls) {
    const heard = yield* exchange('STARTTLS', 'starttls', OUT_EHLO_TIMEOUT_MS)
    const verdict = judge(heard, 'starttls', { hopedFor: 2, remote })
    if (verdict.to === 'ok') {
      const shaken = heardOf(yield { ask: 'start-tls' })
      if (shaken.kind === 'broken') return refused(judge(shaken, 'tls', { hopedFor: 2, remote }), 'tls', true)
      secure = true
      // RFC 3207 §4.2: what was learned in the clear is forgotten.
      hello = yield* sayHello(options, { mayFallBack: false })
      // A TLS 1.3 server that refuses our handshake is heard only now.
      if (hello.at === 'refused') return refused(hello.verdict, hello.stage, hello.verdict.close)
    } else if (options.tls === 'starttls' || verdict.close) {
      return refused({ ...verdict, to: 'waiting' }, 'starttls', verdict.close)
    }
    // D3: a server that offers STARTTLS and then declines is spoken to in the clear.
  }

  if (options.credentials === null) return { at: 'ready', extensions: hello.extensions, authenticated: false }
  if (!secure) {
    return refused(ownVerdict('4.7.10', `${remote} offers no TLS, and the password is not sent without it`), 'auth')
  }
  const proof = yield* authenticate(options.credentials, hello.extensions.auth, remote)
  // Choice: a refused login is our configuration, not the sender's mistake: the mail waits for the operator.
  if (proof.to !== 'ok') return refused({ ...proof, to: 'waiting' }, 'auth')
  return { at: 'ready', extensions: hello.extensions, authenticated: true }
}

const ownVerdict = (status: string, text: string): Verdict => ({
  to: 'waiting',
  answer: { code: 451, status, text, remote: null },
  close: false,
})

type Hello =
  | { readonly at: 'ready'; readonly extensions: Extensions }
  | { readonly at: 'refused'; readonly stage: Stage; readonly verdict: Verdict }

function* sayHello(options: OpenOptions, { mayFallBack }: { mayFallBack: boolean }): Conversation<Hello> {
  const { hostname, remote } = options
  const heard = yield* exchange(`EHLO ${hostname}`, 'ehlo', OUT_EHLO_TIMEOUT_MS)
  const verdict = judge(heard, 'ehlo', { hopedFor: 2, remote })
  if (verdict.to === 'ok' && heard.kind === 'reply') {
    return { at: 'ready', extensions: parseEhlo(heard.reply.lines) }
  }
  // RFC 5321 §3.2: a server without extensions is greeted the old way. Not where TLS or AUTH is a must, they need EHLO.
  if (verdict.to !== 'failed' || !mayFallBack || options.tls === 'starttls' || options.credentials !== null) {
    return { at: 'refused', stage: 'ehlo', verdict }
  }
  const again = judge(yield* exchange(`HELO ${hostname}`, 'helo', OUT_EHLO_TIMEOUT_MS), 'helo', { hopedFor: 2, remote })
  if (again.to !== 'ok') return { at: 'refused', stage: 'helo', verdict: again }
  return { at: 'ready', extensions: NO_EXTENSIONS }
}

const MECHANISMS = ['SCRAM-SHA-256', 'PLAIN', 'LOGIN'] as const

/** The best mechanism both sides know. Only under TLS. */
function* authenticate(
  credentials: ClientCredentials,
  offered: readonly string[],
  remote: string,
): Conversation<Verdict> {
  const mechanism = MECHANISMS.find((name) => offered.includes(name))
  if (mechanism === undefined) {
    const names = offered.length === 0 ? 'no login at all' : `only ${offered.join(', ')}`
    return ownVerdict('4.7.4', `${remote} offers ${names}; we know ${MECHANISMS.join(', ')}`)
  }
  switch (mechanism) {
    case 'PLAIN':
      return yield* authPlain(credentials, remote)
    case 'LOGIN':
      return yield* authLogin(credentials, remote)
    case 'SCRAM-SHA-256':
      return yield* authScram(credentials, remote)
    default:
      return never(mechanism)
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

function* ask(line: string, remote: string, hopedFor: 2 | 3): Conversation<{ verdict: Verdict; challenge: string }> {
  const heard = yield* exchange(line, 'auth', OUT_MAIL_TIMEOUT_MS)
  const verdict = judge(heard, 'auth', { hopedFor, remote })
  const challenge = heard.kind === 'reply' ? Buffer.from(heard.reply.lines[0]!, 'base64').toString('utf8') : ''
  return { verdict, challenge }
}

/** RFC 4616. */
function* authPlain({ user, password }: ClientCredentials, remote: string): Conversation<Verdict> {
  const response = base64(`\0${preparePassword(user)}\0${preparePassword(password.reveal())}`)
  return (yield* ask(`AUTH PLAIN ${response}`, remote, 2)).verdict
}

/** draft-murchison-sasl-login: user and password, each asked for. */
function* authLogin({ user, password }: ClientCredentials, remote: string): Conversation<Verdict> {
  const wants = yield* ask('AUTH LOGIN', remote, 3)
  if (wants.verdict.to !== 'ok') return wants.verdict
  const more = yield* ask(base64(user), remote, 3)
  if (more.verdict.to !== 'ok') return more.verdict
  return (yield* ask(base64(password.reveal()), remote, 2)).verdict
}

function* authScram({ user, password, nonce }: ClientCredentials, remote: string): Conversation<Verdict> {
  const scram = createScramClient({ user, nonce })
  const first = yield* ask(`AUTH SCRAM-SHA-256 ${base64(scram.clientFirst)}`, remote, 3)
  if (first.verdict.to !== 'ok') return first.verdict
  const challenge = scram.challenge(first.challenge)
  if (!challenge.ok) return { ...ownVerdict('4.7.8', `${remote}: ${challenge.error}`), close: true }
  const { salt, iterations } = challenge.value
  const stretched = yield { ask: 'stretch', password: preparePassword(password.reveal()), salt, iterations }
  if (stretched.kind !== 'key') return ownVerdict('4.7.8', 'the password could not be stretched')
  const final = yield* ask(base64(scram.clientFinal(stretched.key)), remote, 3)
  if (final.verdict.to !== 'ok') return final.verdict
  if (!scram.verify(final.challenge)) {
    return { ...ownVerdict('4.7.8', `${remote} could not prove that it knows the password`), close: true }
  }
  return (yield* ask('', remote, 2)).verdict // RFC 4954 §4: the empty response to server-final.
}
