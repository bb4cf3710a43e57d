import * as v from 'valibot'
import type { DkimOperator } from '../dkim-operator.ts'
import { done, refused, route, type AdminAnswer, type AdminParts, type AdminRoute } from './api.ts'

const nothing = v.optional(v.strictObject({}))

const withKeys = (
  run: (dkim: DkimOperator, params: Record<string, string>) => Promise<AdminAnswer>,
): ((parts: AdminParts, params: Record<string, string>) => Promise<AdminAnswer>) => {
  return async ({ dkim }, params) =>
    dkim === undefined ? refused(409, 'no server runs', 'start it: gavan serve') : run(dkim, params)
}

const unknown = (domain: string): AdminAnswer => refused(404, `${domain} is no domain of this server`, null)

export const DKIM_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'GET',
    path: '/v1/dkim',
    summary: 'The keys that sign mail, of all domains',
    body: nothing,
    run: withKeys(async (dkim) => done({ keys: await dkim.list(null) })),
  }),
  route({
    method: 'POST',
    path: '/v1/domains/:name/dkim',
    summary: 'Make the next pair of keys of a domain; they sign once they are published',
    body: nothing,
    run: withKeys(async (dkim, { name = '' }) => {
      const keys = await dkim.rotate(name)
      return keys === null ? unknown(name) : done({ keys })
    }),
  }),
  route({
    method: 'DELETE',
    path: '/v1/domains/:name/dkim/:selector',
    summary: 'Remove a key that signs no more',
    body: nothing,
    run: withKeys(async (dkim, { name = '', selector = '' }) => {
      const outcome = await dkim.retire(name, selector)
      if (outcome.at === 'done') return done({ name: outcome.name, keepRecordUntil: outcome.keepRecordUntil })
      if (outcome.at === 'in-use')
        return refused(409, `${selector} signs the mail of ${name}`, `a newer pair first: gavan dkim rotate ${name}`)
      return refused(404, `${name} has no key ${selector}`, 'see gavan dkim list')
    }),
  }),
]
