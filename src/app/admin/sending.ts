/** What accounts may send in a day. */
import * as v from 'valibot'
import { done, refused, route, type AdminRoute } from './api.ts'
import { told } from './told.ts'

const count = v.pipe(v.number(), v.integer())

export const SENDING_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'GET',
    path: '/v1/users/:address/sending',
    summary: 'What an account has sent to other servers in 24 hours, and may send where that was set for it',
    body: v.optional(v.strictObject({})),
    run: async ({ directory }, { address = '' }) => {
      const found = await directory.sending(address)
      return found === null
        ? refused(404, `there is no user ${address}`, 'see the list: gavan user list')
        : done({ address, limit: found.limit, sent: found.sent })
    },
  }),
  route({
    method: 'PUT',
    path: '/v1/users/:address/sending',
    summary: 'What an account may send to other servers in 24 hours; null: what all may, 0: nothing',
    body: v.strictObject({ limit: v.nullable(v.strictObject({ messages: count, recipients: count })) }),
    run: async ({ directory }, { address = '' }, { limit }) =>
      told(await directory.setSendingLimit(address, limit), `user ${address}`),
  }),
]
