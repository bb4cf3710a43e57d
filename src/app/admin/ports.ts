/** What is reached, and by whom: the live side of the exposure plan. */
import * as v from 'valibot'
import type { Seen } from '../evidence.ts'
import type { OpenedPort } from '../supervise.ts'
import { done, refused, route, type AdminRoute } from './api.ts'

export type PortsView = {
  readonly pid: number
  /** Where each service listens. */
  readonly opened: readonly OpenedPort[]
  readonly seen: readonly Seen[]
}

export const PORT_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'GET',
    path: '/v1/ports',
    summary: 'Where each service listens, how many are connected, who came last from outside',
    body: v.optional(v.strictObject({})),
    run: async ({ ports }) =>
      ports === undefined ? refused(503, 'no server runs', 'start it: gavan serve') : done({ ...(await ports()) }),
  }),
]
