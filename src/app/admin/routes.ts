import * as v from 'valibot'
import { Secret } from '../../std/secret.ts'
import { printAddress } from '../../format/address/address.ts'
import type { Directory } from '../../core/contract.ts'
import type { QueueId } from '../../model/ids.ts'
import type { AccountInfo, AliasInfo, DomainInfo } from '../../store/contract.ts'
import { ACCESS_KEY_ROUTES } from './access-keys.ts'
import { BAN_ROUTES } from './bans.ts'
import { done, route, type AdminRoute } from './api.ts'
import { CERTIFICATE_ROUTES } from './certificates.ts'
import { DKIM_ROUTES } from './dkim.ts'
import { JUNK_ROUTES } from './junk.ts'
import { LINK_ROUTES } from './links.ts'
import { MESSAGE_ROUTES } from './messages.ts'
import { PORT_ROUTES } from './ports.ts'
import { RELOAD_ROUTES } from './reload.ts'
import { SEARCH_INDEX_ROUTES } from './search-index.ts'
import { SENDING_ROUTES } from './sending.ts'
import { STS_POLICY_ROUTES } from './sts-policies.ts'
import { told } from './told.ts'

const nothing = v.optional(v.strictObject({}))
const password = v.pipe(v.string(), v.nonEmpty())
const queueIds = v.array(v.pipe(v.number(), v.integer()))
const quota = v.nullable(v.pipe(v.number(), v.integer()))

/** Messages first: a number that will not do changes nothing. */
async function setQuotas(
  directory: Directory,
  address: string,
  { quotaOctets, quotaMessages }: { quotaOctets: number | null; quotaMessages?: number | null | undefined },
): ReturnType<Directory['setQuota']> {
  if (quotaMessages === undefined) return directory.setQuota(address, quotaOctets)
  const outcome = await directory.setMessageQuota(address, quotaMessages)
  return outcome.at === 'done' ? directory.setQuota(address, quotaOctets) : outcome
}

const domainView = ({ name, catchAll }: DomainInfo): object => ({
  name,
  catchAll: catchAll === null ? null : printAddress(catchAll),
})
const userView = ({ address, quotaOctets, quotaMessages, usedOctets, usedMessages }: AccountInfo): object => ({
  address: printAddress(address),
  quotaOctets,
  quotaMessages,
  usedOctets,
  messages: usedMessages,
})
const aliasBody = ({ address, until }: AliasInfo): Record<string, unknown> => ({
  address: printAddress(address),
  until: until ?? null,
})
const aliasView = ({ address, targets, until }: AliasInfo): object => ({
  address: printAddress(address),
  targets: targets.map(printAddress),
  until: until ?? null,
})

export const ADMIN_ROUTES: readonly AdminRoute[] = [
  ...MESSAGE_ROUTES,
  ...LINK_ROUTES,
  ...PORT_ROUTES,
  ...SEARCH_INDEX_ROUTES,
  ...JUNK_ROUTES,
  ...BAN_ROUTES,
  ...ACCESS_KEY_ROUTES,
  ...CERTIFICATE_ROUTES,
  ...DKIM_ROUTES,
  ...RELOAD_ROUTES,
  ...SENDING_ROUTES,
  ...STS_POLICY_ROUTES,
  route({
    method: 'GET',
    path: '/v1/health',
    summary: 'Whether the server works, by its parts',
    body: nothing,
    run: async ({ health }) => done(await health()),
  }),
  route({
    method: 'GET',
    path: '/v1/domains',
    summary: 'The domains whose mail this server keeps',
    body: nothing,
    run: async ({ directory }) => done({ domains: (await directory.domains()).map(domainView) }),
  }),
  route({
    method: 'POST',
    path: '/v1/domains',
    summary: 'Add a domain',
    body: v.strictObject({ name: v.string() }),
    run: async ({ directory, dkim }, _, { name }) => {
      const outcome = await directory.addDomain(name)
      if (outcome.at === 'done') await dkim?.ensure(outcome.name)
      return told(outcome, `domain ${name}`)
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/domains/:name',
    summary: 'Remove a domain without users and aliases',
    body: nothing,
    run: async ({ directory }, { name = '' }) => told(await directory.removeDomain(name), `domain ${name}`),
  }),
  route({
    method: 'PUT',
    path: '/v1/domains/:name/catch-all',
    summary: 'Where mail for unknown names of the domain goes; null refuses it',
    body: v.strictObject({ target: v.nullable(v.string()) }),
    run: async ({ directory }, { name = '' }, { target }) =>
      told(await directory.setCatchAll(name, target), `domain ${name}`),
  }),
  route({
    method: 'GET',
    path: '/v1/users',
    summary: 'The accounts with what they use',
    body: nothing,
    run: async ({ directory }) => done({ users: (await directory.accounts()).map(userView) }),
  }),
  route({
    method: 'POST',
    path: '/v1/users',
    summary: 'Add an account with its mailboxes',
    body: v.strictObject({ address: v.string(), password, quotaOctets: v.optional(quota, null) }),
    run: async ({ directory }, _, body) =>
      told(
        await directory.addAccount(body.address, new Secret(body.password), { quotaOctets: body.quotaOctets }),
        `user ${body.address}`,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/v1/users/:address',
    summary: 'Remove an account with all its mail',
    body: nothing,
    run: async ({ directory }, { address = '' }) => told(await directory.removeAccount(address), `user ${address}`),
  }),
  route({
    method: 'PUT',
    path: '/v1/users/:address/password',
    summary: 'Set the password of an account',
    body: v.strictObject({ password }),
    run: async ({ directory }, { address = '' }, body) =>
      told(await directory.setPassword(address, new Secret(body.password)), `user ${address}`),
  }),
  route({
    method: 'PUT',
    path: '/v1/users/:address/quota',
    summary: 'Set or lift the quota of an account',
    body: v.strictObject({ quotaOctets: quota, quotaMessages: v.optional(quota) }),
    run: async ({ directory }, { address = '' }, body) =>
      told(await setQuotas(directory, address, body), `user ${address}`),
  }),
  route({
    method: 'GET',
    path: '/v1/aliases',
    summary: 'Addresses that stand for others',
    body: nothing,
    run: async ({ directory }) => done({ aliases: (await directory.aliases()).map(aliasView) }),
  }),
  route({
    method: 'POST',
    path: '/v1/aliases',
    summary: 'Add an alias',
    body: v.strictObject({ address: v.string(), targets: v.array(v.string()), forMs: v.optional(v.number()) }),
    run: async ({ directory }, _, { address, targets, forMs }) =>
      told(await directory.addAlias(address, targets, { forMs }), `alias ${address}`),
  }),
  route({
    method: 'POST',
    path: '/v1/users/:address/temporary-aliases',
    summary: 'Make an alias of an account that nobody guesses and that ends',
    body: v.strictObject({ forMs: v.number() }),
    run: async ({ directory }, { address = '' }, { forMs }) => {
      const outcome = await directory.addTemporaryAlias(address, { forMs })
      return outcome.at === 'done' ? done(aliasBody(outcome.alias)) : told(outcome, `user ${address}`)
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/aliases/:address',
    summary: 'Remove an alias',
    body: nothing,
    run: async ({ directory }, { address = '' }) => told(await directory.removeAlias(address), `alias ${address}`),
  }),
  route({
    method: 'GET',
    path: '/v1/queue',
    summary: 'Mail that waits to leave, with the reason',
    body: nothing,
    run: async ({ queue }) => done({ queue: await queue.list() }),
  }),
  route({
    method: 'POST',
    path: '/v1/queue/retry',
    summary: 'Try these now; null means all',
    body: v.strictObject({ ids: v.nullable(queueIds) }),
    run: async ({ queue }, _, { ids }) => done({ ids: await queue.retry(ids as QueueId[] | null) }),
  }),
  route({
    method: 'POST',
    path: '/v1/queue/hold',
    summary: 'Keep these from being tried; null means all',
    body: v.strictObject({ ids: v.nullable(queueIds) }),
    run: async ({ queue }, _, { ids }) => done({ ids: await queue.hold(ids as QueueId[] | null) }),
  }),
  route({
    method: 'POST',
    path: '/v1/queue/expire',
    summary: 'Try these once more, and give up then, with a notice to the sender',
    body: v.strictObject({ ids: queueIds }),
    run: async ({ queue }, _, { ids }) => done({ ids: await queue.expire(ids as QueueId[]) }),
  }),
  route({
    method: 'POST',
    path: '/v1/queue/remove',
    summary: 'Remove these without telling the sender',
    body: v.strictObject({ ids: queueIds }),
    run: async ({ queue }, _, { ids }) => done({ ids: await queue.remove(ids as QueueId[]) }),
  }),
]
