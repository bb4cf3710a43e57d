/** Signed requests to one CA: nonces, accounts, problems (RFC 8555 §6, §7.3). */
import { ACME_NONCE_TRIES } from '../../model/limits.ts'
import { oneLine, readDirectory, readProblem, readRetryAfter, type Directory } from '../../protocol/acme/messages.ts'
import { externalAccountBinding, readAccountKey, signRequest, type AccountKey } from '../../protocol/acme/jws.ts'
import type { Clock } from '../../std/clock.ts'
import type { Result } from '../../std/result.ts'
import type { AccountOptions, AcmeAccount, AcmeFetch, AcmeRequest, AcmeResponse } from './contract.ts'
import { AcmeRefusal, refusal, unusable } from './failure.ts'

export type Requests = {
  readonly key: AccountKey
  directory(): Promise<Directory>
  /** The account's URL; the account is made when there is none. */
  account(): Promise<string>
  /** POST-as-GET without a payload. @throws AcmeRefusal */
  post(url: string, payload: object | null, accept?: string): Promise<AcmeResponse>
  get(url: string): Promise<AcmeResponse>
}

/** What was read, or an end of the conversation. */
export function mustRead<T>(result: Result<T, string>): T {
  if (result.ok) return result.value
  throw unusable(`the CA's answer cannot be used: ${result.error}`)
}

export function createRequests(options: {
  directoryUrl: string
  fetch: AcmeFetch
  clock: Clock
  userAgent: string
  account: AcmeAccount
  accountOptions: AccountOptions
  keepAccountUrl: (url: string) => Promise<void>
}): Requests {
  const { directoryUrl, clock, userAgent, accountOptions } = options
  const key = readAccountKey(options.account.key)
  const { origin } = new URL(directoryUrl)
  let accountUrl = options.account.url
  let known: Promise<Directory> | null = null
  const nonces: string[] = []

  async function send(
    request: Omit<AcmeRequest, 'headers'> & { headers?: Record<string, string> },
  ): Promise<AcmeResponse> {
    // Choice: all of a CA's addresses are of its directory's origin; an answer cannot send us to other hosts.
    if (!URL.canParse(request.url) || new URL(request.url).origin !== origin)
      throw unusable(`the CA sends us to another host: ${oneLine(request.url)}`)
    let response: AcmeResponse
    try {
      response = await options.fetch({ ...request, headers: { 'user-agent': userAgent, ...request.headers } }) // RFC 8555 §6.1
    } catch (error) {
      throw unusable(
        `${new URL(origin).host} does not answer: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
    const fresh = response.header('replay-nonce')
    if (fresh !== null && /^[\w-]{1,512}$/.test(fresh)) nonces.push(fresh) // RFC 8555 §6.5.1
    if (nonces.length > ACME_NONCE_TRIES) nonces.shift()
    return response
  }

  const refused = ({ status, body, header }: AcmeResponse): AcmeRefusal => {
    const isProblem = (header('content-type') ?? '').includes('json')
    const problem = readProblem(isProblem ? body : `HTTP status ${status}`)
    const retryAfterMs = readRetryAfter(header('retry-after'), clock.now()) // RFC 8555 §6.6
    return refusal(problem, { status, retryAfterMs, otherwise: status >= 500 ? 'unreachable' : 'refused' })
  }

  async function get(url: string): Promise<AcmeResponse> {
    const response = await send({ method: 'GET', url, body: null })
    if (response.status !== 200) throw refused(response)
    return response
  }

  async function directory(): Promise<Directory> {
    known ??= get(directoryUrl).then(({ body }) => mustRead(readDirectory(body)))
    try {
      return await known
    } catch (error) {
      known = null
      throw error
    }
  }

  async function nonce(): Promise<string> {
    const kept = nonces.pop()
    if (kept !== undefined) return kept
    const response = await send({ method: 'HEAD', url: (await directory()).newNonce, body: null }) // RFC 8555 §7.2
    const fresh = nonces.pop()
    if (fresh === undefined) throw refused(response)
    return fresh
  }

  async function signed(
    url: string,
    payload: object | null,
    kid: string | null,
    accept?: string,
  ): Promise<AcmeResponse> {
    for (let tries = 1; ; tries++) {
      const body = signRequest(key, { url, nonce: await nonce(), accountUrl: kid, payload })
      const headers = { 'content-type': 'application/jose+json', ...(accept === undefined ? {} : { accept }) }
      const response = await send({ method: 'POST', url, headers, body })
      if (response.status < 300) return response
      const refusedBy = refused(response)
      if (refusedBy.type !== 'badNonce' || tries >= ACME_NONCE_TRIES) throw refusedBy // RFC 8555 §6.5
    }
  }

  async function newAccount(): Promise<string> {
    const { newAccount: url, externalAccountRequired } = await directory()
    const { contact, binding } = accountOptions
    if (externalAccountRequired && binding === null)
      throw refusal({
        type: 'externalAccountRequired',
        detail: 'this CA wants an account made with it before',
        name: null,
        subproblems: [],
      })
    const payload = {
      termsOfServiceAgreed: true,
      ...(contact === null ? {} : { contact: [`mailto:${contact}`] }),
      ...(binding === null ? {} : { externalAccountBinding: externalAccountBinding(key, { url, ...binding }) }),
    }
    const response = await signed(url, payload, null) // RFC 8555 §7.3; an account with this key is found (§7.3.1).
    const location = response.header('location')
    if (location === null) throw unusable('the CA does not say where our account is')
    accountUrl = location
    await options.keepAccountUrl(location)
    return location
  }

  return {
    key,
    directory,
    get,
    account: async () => accountUrl ?? newAccount(),
    async post(url, payload, accept) {
      const kid = accountUrl ?? (await newAccount())
      try {
        return await signed(url, payload, kid, accept)
      } catch (error) {
        if (!(error instanceof AcmeRefusal) || error.type !== 'accountDoesNotExist') throw error
        return await signed(url, payload, await newAccount(), accept) // A test CA, begun anew, has forgotten us.
      }
    },
  }
}
