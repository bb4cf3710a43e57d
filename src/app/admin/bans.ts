/** Bans, for the administrator. They live in the running server. */
import * as v from 'valibot'
import { never } from '../../std/assert.ts'
import type { BanExemption, BanOperator } from '../../core/contract.ts'
import { BAN_MANUAL_MAX_MS } from '../../model/limits.ts'
import { PORT_GROUP_NAMES } from '../../model/service.ts'
import { done, refused, route, type AdminAnswer, type AdminParts, type AdminRoute } from './api.ts'

const REASON_MAX_CHARACTERS = 200

export const EXEMPT_WORDS: Readonly<Record<BanExemption, string>> = {
  loopback: 'it is this machine itself',
  gateway: 'it is a gateway of this machine: everyone behind the router may look like it',
  'never-ban': 'nat.never_ban spares it',
  proxy: 'nat.proxies names it: everyone behind the proxy would be banned',
  'signed-in': 'somebody is signed in from there now',
}

function withBans(parts: AdminParts, use: (bans: BanOperator) => AdminAnswer): AdminAnswer {
  if (parts.bans !== undefined) return use(parts.bans)
  return refused(503, 'bans are kept by the running server, and none runs', 'start it: gavan serve')
}

const badTarget = (why: string): AdminAnswer => refused(422, why, 'e.g. 192.0.2.1, 198.51.100.0/24, 2001:db8::/48')
const nothing = v.optional(v.strictObject({}))

export const BAN_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'GET',
    path: '/v1/bans',
    summary: 'Addresses that are banned now, newest first',
    body: nothing,
    run: async (parts) => withBans(parts, (bans) => done({ bans: bans.list(), hiddenVisitors: bans.hiddenVisitors() })),
  }),
  route({
    method: 'POST',
    path: '/v1/bans',
    summary: 'Ban an address or network',
    body: v.strictObject({
      target: v.string(),
      groups: v.pipe(v.array(v.picklist(PORT_GROUP_NAMES)), v.nonEmpty(), v.maxLength(PORT_GROUP_NAMES.length)),
      forMs: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(BAN_MANUAL_MAX_MS)),
      reason: v.optional(v.pipe(v.string(), v.maxLength(REASON_MAX_CHARACTERS)), ''),
    }),
    run: async (parts, _, body) =>
      withBans(parts, (bans) => {
        const outcome = bans.add(body)
        switch (outcome.at) {
          case 'done':
            return done({ bans: outcome.bans })
          case 'bad-target':
            return badTarget(outcome.why)
          case 'exempt':
            return refused(409, `${body.target} is never banned: ${EXEMPT_WORDS[outcome.why]}`, null)
          case 'full':
            return refused(409, 'there are too many bans made by hand', 'lift some: gavan ban remove')
          default:
            return never(outcome)
        }
      }),
  }),
  route({
    method: 'GET',
    path: '/v1/bans/:target',
    summary: 'Why an address is banned, or why it never is; its last failed logins',
    body: nothing,
    run: async (parts, { target = '' }) =>
      withBans(parts, (bans) => {
        const verdict = bans.why(target)
        return 'at' in verdict ? badTarget(verdict.why) : done({ ...verdict })
      }),
  }),
  route({
    method: 'DELETE',
    path: '/v1/bans/:target',
    summary: 'Lift the bans of an address or network, at once everywhere',
    body: nothing,
    run: async (parts, { target = '' }) =>
      withBans(parts, (bans) => {
        const outcome = bans.remove(target)
        return outcome.at === 'bad-target' ? badTarget(outcome.why) : done({ lifted: outcome.bans })
      }),
  }),
]
