/** A CA in memory, for what Pebble cannot do: renewal information, profiles, bindings, and answers that are wrong. */
import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync, verify, type webcrypto } from 'node:crypto'
import { madeCertificate } from '../../src/core/certificates/test-certificate.ts'
import type { AcmeFetch, AcmeResponse } from '../../src/outbound/acme/contract.ts'
import { DAY } from '../../src/std/clock.ts'
import type { Clock } from '../../src/std/clock.ts'

export const BASE = 'https://ca.test'

type Jws = { readonly protected: string; readonly payload: string; readonly signature: string }
type Header = { alg: string; nonce: string; url: string; kid?: string; jwk?: webcrypto.JsonWebKey }
export type Call = { readonly path: string; readonly payload: Record<string, unknown> | null }
type Order = { names: string[]; status: string; certificate?: string; error?: object }
type Authorization = { name: string; status: string; error?: object; token: string }

export type FakeDirectory = {
  readonly fetch: AcmeFetch
  /** Signed requests, in order. */
  readonly calls: Call[]
  /** Answers in place of the CA's own; undefined: its own. */
  before: (call: Call) => AcmeResponse | undefined
  /** What it says of itself. */
  meta: Record<string, unknown>
  /** Nonces that are refused before one is taken. */
  badNonces: number
  /** Names whose challenge fails. */
  failing: Set<string>
  /** base64url, by key identifier. */
  bindings: Map<string, string>
  renewalInfo: AcmeResponse | null
  accounts: number
  readonly authorizations: Authorization[]
  forgetAccounts(): void
}

export const answer = (status: number, body: unknown, headers: Record<string, string> = {}): AcmeResponse => ({
  status,
  header: (name) => headers[name] ?? (name === 'content-type' ? 'application/json' : null),
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

export const problem = (
  status: number,
  type: string,
  detail = type,
  headers: Record<string, string> = {},
): AcmeResponse =>
  answer(
    status,
    { type: `urn:ietf:params:acme:error:${type}`, detail },
    { 'content-type': 'application/problem+json', ...headers },
  )

const decode = (text: string): unknown => JSON.parse(Buffer.from(text, 'base64url').toString())

export function createFakeDirectory(clock: Clock): FakeDirectory {
  const nonces = new Set<string>()
  let count = 0
  let keys = new Map<string, webcrypto.JsonWebKey>()
  const orders: Order[] = []

  const withNonce = (response: AcmeResponse): AcmeResponse => {
    const nonce = `nonce-${count++}`
    nonces.add(nonce)
    return { ...response, header: (name) => (name === 'replay-nonce' ? nonce : response.header(name)) }
  }

  const orderView = (index: number): object => {
    const { status, names, certificate, error } = orders[index]!
    const own = fake.authorizations.flatMap((one, at) => (names.includes(one.name) ? [`${BASE}/authz/${at}`] : []))
    return {
      status,
      authorizations: own.slice(-names.length),
      finalize: `${BASE}/finalize/${index}`,
      certificate,
      error,
    }
  }

  const authorizationView = (index: number): object => {
    const { name, status, error, token } = fake.authorizations[index]!
    const challenge = {
      type: 'http-01',
      url: `${BASE}/challenge/${index}`,
      status: status === 'deactivated' ? 'pending' : status,
      token,
      error,
    }
    return { status, identifier: { type: 'dns', value: name }, challenges: [challenge] }
  }

  function serve({ path, payload }: Call, header: Header): AcmeResponse {
    const [, kind, id] = path.split('/')
    const index = Number(id)
    switch (kind) {
      case 'new-account':
        return newAccount(payload ?? {}, header)
      case 'new-order': {
        const names = ((payload?.['identifiers'] ?? []) as { value: string }[]).map(({ value }) => value)
        orders.push({ names, status: 'pending' })
        for (const name of names) fake.authorizations.push({ name, status: 'pending', token: `token-${count++}` })
        return answer(201, orderView(orders.length - 1), { location: `${BASE}/order/${orders.length - 1}` })
      }
      case 'authz':
        if (payload?.['status'] === 'deactivated') fake.authorizations[index]!.status = 'deactivated'
        return answer(200, authorizationView(index))
      case 'challenge': {
        const one = fake.authorizations[index]!
        one.status = fake.failing.has(one.name) ? 'invalid' : 'valid'
        if (one.status === 'invalid')
          one.error = { type: 'urn:ietf:params:acme:error:unauthorized', detail: 'wrong answer' }
        for (const order of orders)
          if (
            order.names.every((name) => fake.authorizations.findLast((each) => each.name === name)?.status === 'valid')
          )
            if (order.status === 'pending') order.status = 'ready'
        return answer(200, {})
      }
      case 'order':
        return answer(200, orderView(index))
      case 'finalize': {
        const order = orders[index]!
        const publicKey = Buffer.from(String(payload?.['csr']), 'base64url')
        const made = madeCertificate({ names: order.names, from: clock.now(), to: clock.now() + 90 * DAY, publicKey })
        Object.assign(order, { status: 'valid', certificate: `${BASE}/certificate/${index}`, made: made.certificate })
        return answer(200, orderView(index))
      }
      case 'certificate':
        return answer(200, (orders[index] as Order & { made: string }).made)
      case 'revoke':
        return answer(200, '')
      default:
        return problem(404, 'malformed')
    }
  }

  function newAccount(payload: Record<string, unknown>, { jwk }: Header): AcmeResponse {
    assert.equal(payload['termsOfServiceAgreed'], true)
    const binding = payload['externalAccountBinding'] as Jws | undefined
    if (binding !== undefined) {
      const { kid, alg, url } = decode(binding.protected) as { kid: string; alg: string; url: string }
      const mac = createHmac('sha256', Buffer.from(fake.bindings.get(kid) ?? '', 'base64url'))
      const wanted = mac.update(`${binding.protected}.${binding.payload}`).digest('base64url')
      assert.deepEqual([alg, url], ['HS256', `${BASE}/new-account`])
      assert.deepEqual(decode(binding.payload), jwk)
      if (binding.signature !== wanted) return problem(403, 'unauthorized', 'wrong binding')
    }
    const url = `${BASE}/account/${fake.accounts++}`
    keys.set(url, jwk!)
    return answer(201, { status: 'valid' }, { location: url })
  }

  const fake: FakeDirectory = {
    calls: [],
    before: () => undefined,
    meta: {},
    badNonces: 0,
    failing: new Set(),
    bindings: new Map(),
    renewalInfo: null,
    accounts: 0,
    authorizations: [],
    forgetAccounts: () => void (keys = new Map()),
    async fetch({ method, url, body, headers }) {
      assert.ok(headers['user-agent'], 'RFC 8555 §6.1')
      const path = url.slice(BASE.length)
      if (path === '/dir') {
        const at = (name: string): string => `${BASE}/${name}`
        const renewalInfo = fake.renewalInfo === null ? {} : { renewalInfo: at('renewal-info') }
        return answer(200, {
          newNonce: at('new-nonce'),
          newAccount: at('new-account'),
          newOrder: at('new-order'),
          revokeCert: at('revoke'),
          ...renewalInfo,
          meta: fake.meta,
        })
      }
      if (path === '/new-nonce') return withNonce(answer(200, ''))
      if (path.startsWith('/renewal-info/')) {
        fake.calls.push({ path, payload: null })
        return fake.renewalInfo ?? problem(404, 'malformed')
      }
      assert.equal(method, 'POST')
      assert.equal(headers['content-type'], 'application/jose+json')
      const jws = JSON.parse(body ?? '') as Jws
      const header = decode(jws.protected) as Header
      assert.equal(header.url, url, 'RFC 8555 §6.4')
      if (!nonces.delete(header.nonce) || fake.badNonces-- > 0) return withNonce(problem(400, 'badNonce'))
      const jwk = header.jwk ?? keys.get(header.kid ?? '')
      if (jwk === undefined) return withNonce(problem(400, 'accountDoesNotExist'))
      const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const
      const signed = Buffer.from(`${jws.protected}.${jws.payload}`)
      assert.ok(verify('sha256', signed, key, Buffer.from(jws.signature, 'base64url')), 'the signature')
      const call = { path, payload: jws.payload === '' ? null : (decode(jws.payload) as Call['payload']) }
      fake.calls.push(call)
      return withNonce(fake.before(call) ?? serve(call, header))
    },
  }
  return fake
}

/** In place of a PKCS #10 request: the public key alone. */
export async function keyAsRequest(): Promise<{ key: string; csr: Uint8Array }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    csr: publicKey.export({ type: 'spki', format: 'der' }),
  }
}
