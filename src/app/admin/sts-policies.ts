/** MTA-STS policies of other domains, as they are kept. */
import * as v from 'valibot'
import { done, route, type AdminRoute } from './api.ts'

export const STS_POLICY_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'GET',
    path: '/v1/sts-policies/:domain',
    summary: 'The MTA-STS policy of another domain that mail to it goes by; null where none is kept',
    body: v.optional(v.strictObject({})),
    run: async ({ stsPolicy }, { domain = '' }) => done({ policy: (await stsPolicy?.(domain)) ?? null }),
  }),
]
