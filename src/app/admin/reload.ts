/** The configuration is read again, without a restart. */
import * as v from 'valibot'
import { done, refused, route, type AdminAnswer, type AdminRoute } from './api.ts'

const STATUS = { 'bad-file': 422, 'needs-restart': 409, cannot: 409 } as const

export const RELOAD_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'POST',
    path: '/v1/reload',
    summary: 'Read the configuration again and go by it: all of it, or nothing',
    body: v.optional(v.strictObject({})),
    async run({ reload }): Promise<AdminAnswer> {
      if (reload === undefined) return refused(503, 'no server runs on a configuration file', 'gavan serve')
      const outcome = await reload()
      if (outcome.at === 'done') return done({ reload: outcome })
      const fix = outcome.why === 'needs-restart' ? 'systemctl restart gavan' : null
      const { status, body } = refused(STATUS[outcome.why], outcome.problems.join('\n'), fix)
      return { status, body: { ...body, why: outcome.why, problems: outcome.problems } }
    },
  }),
]
