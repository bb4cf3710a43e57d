/** One order, from names to a certificate (RFC 8555 §7.4). */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { CertificateRequest, ChallengeSolver, ChallengeTask, IssuedCertificate } from '../../model/certificate.ts'
import { SolverFailed } from '../../model/certificate.ts'
import { ACME_POLL_MAX_MS, ACME_POLL_MS, ACME_POLL_TIMEOUT_MS } from '../../model/limits.ts'
import { certificateId } from '../../protocol/acme/certificate-id.ts'
import { keyAuthorization } from '../../protocol/acme/jws.ts'
import {
  readAuthorization,
  readOrder,
  readRetryAfter,
  type Authorization,
  type Order,
} from '../../protocol/acme/messages.ts'
import { SECOND, sleep, type Clock } from '../../std/clock.ts'
import { AcmeRefusal, refusal, unusable } from './failure.ts'
import { mustRead, type Requests } from './requests.ts'

export type OrderParts = {
  readonly requests: Requests
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The key, a new one for null, and a PKCS #10 request for it and the names, DER. */
  readonly requestFor: (
    names: readonly string[],
    key: string | null,
  ) => Promise<{ readonly key: string; readonly csr: Uint8Array }>
}

type Placed = { readonly url: string; readonly order: Order }
type Pending = { readonly url: string; readonly task: ChallengeTask; readonly challengeUrl: string }

/** @throws AcmeRefusal */
export async function placeOrder(parts: OrderParts, request: CertificateRequest): Promise<IssuedCertificate> {
  const { requests, requestFor } = parts
  const placed = await newOrder(parts, request)
  const pending: Pending[] = []
  try {
    for (const url of placed.order.authorizations) {
      const todo = await begin(parts, url, request.solver)
      if (todo !== null) pending.push(todo)
    }
    for (const { challengeUrl } of pending) await requests.post(challengeUrl, {}) // RFC 8555 §7.5.1
    for (const { url, task } of pending) await untilValid(parts, url, task.name, request.solver)
  } catch (error) {
    await giveUp(parts, placed.order)
    throw error
  } finally {
    for (const { task } of pending) await request.solver.withdraw(task)
  }
  await untilOrder(parts, placed.url, (order) => order.status !== 'pending')
  const { key, csr } = await requestFor(request.names, request.key)
  await requests.post(placed.order.finalize, { csr: Buffer.from(csr).toString('base64url') })
  const done = await untilOrder(parts, placed.url, ({ status }) => status === 'valid')
  if (done.certificate === null) throw unusable('the order is valid, but names no certificate')
  const { body } = await requests.post(done.certificate, null, 'application/pem-certificate-chain') // RFC 8555 §7.4.2
  const pair = { certificate: body, key }
  checkPair(pair, request.names, parts.clock)
  return pair
}

async function newOrder({ requests }: OrderParts, request: CertificateRequest): Promise<Placed> {
  const { newOrder: url, profiles, renewalInfo } = await requests.directory()
  const { names, profile } = request
  if (profile !== null && !profiles.includes(profile)) {
    const known = profiles.length === 0 ? 'it has none' : `it has ${profiles.join(', ')}`
    throw refusal({
      type: 'invalidProfile',
      detail: `the CA has no profile "${profile}": ${known}`,
      name: null,
      subproblems: [],
    })
  }
  const replaces = request.replaces === null || renewalInfo === null ? null : certificateId(request.replaces)
  const order = {
    identifiers: names.map((value) => ({ type: 'dns', value })),
    ...(profile === null ? {} : { profile }),
  }
  const place = async (payload: object): Promise<Placed> => {
    const response = await requests.post(url, payload)
    const location = response.header('location')
    if (location === null) throw unusable('the CA does not say where our order is')
    return { url: location, order: mustRead(readOrder(response.body)) }
  }
  if (replaces === null) return place(order)
  try {
    return await place({ ...order, replaces }) // RFC 9773 §5
  } catch (error) {
    // RFC 9773 §5: another order took its place already, or the CA does not know it; the new one is wanted all the same.
    const about = error instanceof AcmeRefusal ? error : null
    const without = ['alreadyReplaced', 'malformed', 'unauthorized', 'serverInternal'].includes(about?.type ?? '')
    if (!without) throw error
    return place(order)
  }
}

/** @returns null when the name is proven already */
async function begin({ requests }: OrderParts, url: string, solver: ChallengeSolver): Promise<Pending | null> {
  const authorization = mustRead(readAuthorization((await requests.post(url, null)).body))
  const { name, status, challenges } = authorization
  if (status === 'valid') return null
  if (status !== 'pending') throw failed(authorization, solver)
  const challenge = challenges.find(({ type }) => type === solver.type)
  if (challenge === undefined) {
    const offered = challenges.map(({ type }) => type).join(', ')
    throw refusal(
      { type: 'unauthorized', detail: `the CA offers no ${solver.type}, only ${offered}`, name, subproblems: [] },
      { name },
    )
  }
  const { token } = challenge
  const task = { name, token, keyAuthorization: keyAuthorization(token, requests.key) }
  try {
    await solver.present(task)
  } catch (error) {
    await solver.withdraw(task)
    if (!(error instanceof SolverFailed)) throw error
    throw new AcmeRefusal({ kind: 'dns-update', name, detail: error.message, retryAfterMs: null })
  }
  return { url, task, challengeUrl: challenge.url }
}

async function untilValid(parts: OrderParts, url: string, name: string, solver: ChallengeSolver): Promise<void> {
  const authorization = await poll(parts, url, readAuthorization, ({ status }) => status !== 'pending')
  if (authorization.status !== 'valid') throw failed({ ...authorization, name }, solver)
}

function failed({ name, challenges, status }: Authorization, { type }: ChallengeSolver): AcmeRefusal {
  const problem = challenges.find((challenge) => challenge.type === type && challenge.error !== null)?.error
  const detail = `the authorization is ${status}`
  return refusal(problem ?? { type: '', detail, name, subproblems: [] }, { name, otherwise: 'challenge' })
}

/** So that they do not count against us (RFC 8555 §7.5.2). What fails here changes nothing. */
async function giveUp({ requests }: OrderParts, order: Order): Promise<void> {
  for (const url of order.authorizations) {
    try {
      const { status } = mustRead(readAuthorization((await requests.post(url, null)).body))
      if (status === 'pending') await requests.post(url, { status: 'deactivated' })
    } catch (error) {
      if (!(error instanceof AcmeRefusal)) throw error
    }
  }
}

async function untilOrder(parts: OrderParts, url: string, done: (order: Order) => boolean): Promise<Order> {
  const order = await poll(parts, url, readOrder, (read) => read.status === 'invalid' || done(read))
  if (order.status !== 'invalid') return order
  throw refusal(order.error ?? { type: '', detail: 'the CA calls the order invalid', name: null, subproblems: [] })
}

async function poll<T>(
  { requests, clock, signal }: OrderParts,
  url: string,
  read: (body: string) => { ok: true; value: T } | { ok: false; error: string },
  done: (value: T) => boolean,
): Promise<T> {
  const until = clock.monotonic() + ACME_POLL_TIMEOUT_MS
  for (let turn = 0; ; turn++) {
    const response = await requests.post(url, null)
    const value = mustRead(read(response.body))
    if (done(value)) return value
    const wished = readRetryAfter(response.header('retry-after'), clock.now())
    const wait = Math.min(ACME_POLL_MAX_MS, Math.max(SECOND, wished ?? (turn === 0 ? SECOND : ACME_POLL_MS)))
    if (clock.monotonic() + wait > until) throw unusable('the CA has not finished in time')
    if (!(await sleep(clock, wait, signal))) throw unusable('the server is being stopped')
  }
}

/** RFC 8555 §11 trusts the CA; this server's clients should not have to. */
function checkPair({ certificate, key }: IssuedCertificate, names: readonly string[], clock: Clock): void {
  const bad = (detail: string): AcmeRefusal =>
    new AcmeRefusal({ kind: 'bad-certificate', name: null, detail, retryAfterMs: null })
  let leaf: X509Certificate
  try {
    leaf = new X509Certificate(certificate)
  } catch {
    throw bad('what the CA sent is no certificate')
  }
  if (!leaf.checkPrivateKey(createPrivateKey(key))) throw bad('the certificate is for another key')
  const has = new Set((leaf.subjectAltName ?? '').split(', ').map((part) => part.replace(/^DNS:/, '').toLowerCase()))
  const missing = names.filter((name) => !has.has(name))
  if (missing.length > 0) throw bad(`the certificate lacks ${missing.join(', ')}`)
  if (Date.parse(leaf.validTo) <= clock.now()) throw bad('the certificate has ended already; is our clock right?')
}
