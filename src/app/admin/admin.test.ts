import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openMailboxes } from '../../core/mailboxes/mailboxes.ts'
import { createQueueOperator } from '../../core/queue/operator.ts'
import { openTestCore } from '../../core/testing/test-core.ts'
import { silentLog, type LogEvent } from '../../std/log.ts'
import { createAdminApi, type AdminApi, type AdminAnswer } from './api.ts'
import { adminOverSocket, serveAdmin } from './http.ts'
import { mailboxesOf } from './messages.ts'
import { ADMIN_ROUTES } from './routes.ts'

async function openApi(): Promise<AsyncDisposable & { api: AdminApi }> {
  const core = await openTestCore()
  const queue = createQueueOperator({ store: core.store, clock: core.clock })
  const health = async (): Promise<{ healthy: true }> => ({ healthy: true })
  const { directory } = core
  const letters = mailboxesOf({ directory, openMailboxes: (account) => openMailboxes(account, core) })
  const api = createAdminApi({ directory, queue, mailboxesOf: letters, health }, ADMIN_ROUTES)
  return { api, [Symbol.asyncDispose]: () => core[Symbol.asyncDispose]() }
}

const causeOf = ({ body }: AdminAnswer): unknown => (body['error'] as { cause: unknown } | undefined)?.cause

test('people, aliases and domains are added, listed and removed', async () => {
  await using opened = await openApi()
  const { api } = opened
  const post = { address: 'anna@here.test', password: 'long enough', quotaOctets: 5000 }
  assert.equal((await api.handle('POST', '/v1/users', post)).status, 200)
  assert.deepEqual((await api.handle('GET', '/v1/users', undefined)).body, {
    users: [{ address: 'anna@here.test', quotaOctets: 5000, quotaMessages: null, usedOctets: 0, messages: 0 }],
  })
  const quota = '/v1/users/anna%40here.test/quota'
  const limits = { quotaOctets: 6000, quotaMessages: 100 }
  assert.equal((await api.handle('PUT', quota, limits)).status, 200)
  assert.equal((await api.handle('PUT', quota, { quotaOctets: 7000, quotaMessages: 0 })).status, 422)
  const { body } = await api.handle('GET', '/v1/users', undefined)
  assert.deepEqual(body, { users: [{ address: 'anna@here.test', ...limits, usedOctets: 0, messages: 0 }] })
  assert.equal((await api.handle('PUT', quota, { quotaOctets: 7000 })).status, 200)
  const alias = { address: 'info@here.test', targets: ['anna@here.test'] }
  assert.equal((await api.handle('POST', '/v1/aliases', alias)).status, 200)
  assert.equal((await api.handle('DELETE', '/v1/domains/here.test', undefined)).status, 409)
  assert.equal((await api.handle('DELETE', '/v1/aliases/info%40here.test', undefined)).status, 200)
  assert.equal((await api.handle('DELETE', '/v1/users/anna%40here.test', undefined)).status, 200)
  assert.equal((await api.handle('DELETE', '/v1/domains/here.test', undefined)).status, 200)
})

test('each mistake has its status and says what was wrong; nothing is half-done', async () => {
  await using opened = await openApi()
  const { api } = opened
  const mistakes: readonly [string, string, unknown, number, RegExp][] = [
    ['GET', '/v1/nothing', undefined, 404, /nothing at/],
    ['PUT', '/v1/domains', undefined, 405, /not for/],
    ['GET', '/v1/users/%zz/password', undefined, 400, /percent/],
    ['POST', '/v1/domains', { nam: 'x.test' }, 400, /nam/],
    ['POST', '/v1/domains', undefined, 400, /./],
    ['POST', '/v1/domains', { name: 'no domain' }, 422, /no domain/],
    ['POST', '/v1/domains', { name: 'here.test' }, 409, /already/],
    ['POST', '/v1/users', { address: 'a@far.test', password: 'x' }, 404, /not a domain/],
    ['POST', '/v1/users', { address: 'a b@here.test', password: 'x' }, 422, /a b@here\.test/],
    ['POST', '/v1/users', { address: 'a@here.test', password: '' }, 400, /password/],
    ['POST', '/v1/aliases', { address: 'x@here.test', targets: [] }, 422, /target/],
    ['POST', '/v1/aliases', { address: 'x@here.test', targets: ['y@here.test'] }, 422, /nobody/],
    ['DELETE', '/v1/users/nobody%40here.test', undefined, 404, /no user/],
    ['POST', '/v1/queue/retry', { ids: ['1'] }, 400, /ids/],
    ['GET', '/v1/certificates', undefined, 503, /does not run/],
    ['POST', '/v1/certificates/renew', { dryRun: false }, 409, /no CA/],
    ['GET', '/v1/certificates/renew', undefined, 409, /no CA/],
    ['POST', '/v1/certificates/revoke', { reason: 'boredom' }, 400, /reason/],
    ['POST', '/v1/certificates/revoke', { reason: 'superseded' }, 409, /no CA/],
  ]
  for (const [method, url, body, status, cause] of mistakes) {
    const answer = await api.handle(method, url, body)
    assert.equal(answer.status, status, `${method} ${url}`)
    assert.match(String(causeOf(answer)), cause)
  }
  assert.deepEqual((await api.handle('GET', '/v1/users', undefined)).body, { users: [] })
})

test('the API over a unix socket: for its owner only, replacing a stale socket, refusing a second server', async () => {
  await using opened = await openApi()
  const folder = await mkdtemp(join(tmpdir(), 'gavan-admin-'))
  const path = join(folder, 'run', 'ctl.sock')
  const client = adminOverSocket(path)
  await assert.rejects(client.handle('GET', '/v1/health', undefined), { code: 'ENOENT' })
  {
    await using _served = await serveAdmin({ path, api: opened.api, log: silentLog })
    assert.equal((await stat(path)).mode & 0o007, 0)
    assert.deepEqual(await client.handle('GET', '/v1/health', undefined), { status: 200, body: { healthy: true } })
    await assert.rejects(serveAdmin({ path, api: opened.api, log: silentLog }), /another server/)
    const answer = await client.handle('POST', '/v1/domains', { name: `${'x'.repeat(2_000_000)}.test` })
    assert.equal(answer.status, 400)
  }
  await assert.rejects(client.handle('GET', '/v1/health', undefined), { code: 'ENOENT' })
  await writeFile(path, '')
  await using _again = await serveAdmin({ path, api: opened.api, log: silentLog })
  assert.equal((await client.handle('GET', '/v1/health', undefined)).status, 200)
  await rm(folder, { recursive: true })
})

test('R31: a route that throws is answered 500 and logged; the others go on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gavan-admin-'))
  const events: LogEvent[] = []
  const record = (event: LogEvent): void => void events.push(event)
  const log = { ...silentLog, error: record }
  const bodies: Record<string, () => Record<string, unknown>> = {
    '/throw': () => {
      throw new TypeError('a mistake of ours')
    },
    '/unprintable': () => ({ number: 1n }),
    '/well': () => ({ well: true }),
  }
  const api: AdminApi = { handle: async (_, url) => Promise.resolve({ status: 200, body: bodies[url]!() }) }
  try {
    const path = join(folder, 'ctl.sock')
    await using _server = await serveAdmin({ path, api, log })
    const admin = adminOverSocket(path)
    for (const url of ['/throw', '/unprintable']) {
      const [broken, well] = await Promise.all([
        admin.handle('GET', url, undefined),
        admin.handle('GET', '/well', undefined),
      ])
      assert.equal(broken.status, 500)
      assert.doesNotMatch(JSON.stringify(broken.body), /mistake of ours/)
      assert.deepEqual(well, { status: 200, body: { well: true } })
      assert.ok(events.some((event) => event.event === 'admin.failed' && event['url'] === url))
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
