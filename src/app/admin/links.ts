/** Invitations, and ways to a new password: one-time links that the administrator hands to a person. */
import * as v from 'valibot'
import type { GivenLink, OnceLinks } from '../../core/contract.ts'
import { welcomeLink } from '../../session/web/welcome.ts'
import { done, refused, route, type AdminAnswer, type AdminParts, type AdminRoute } from './api.ts'
import { told } from './told.ts'

export type LinkGiver = {
  readonly onceLinks: OnceLinks
  /** Where the links lead, as `https://mail.example.org`; null: 443 is off. */
  readonly origin: () => string | null
}

const nothing = v.optional(v.strictObject({}))
const quota = v.nullable(v.pipe(v.number(), v.integer()))

const nowhere = (address: string): AdminAnswer =>
  refused(
    409,
    'port 443 is off, so a link would lead nowhere',
    `ports.https = "on" in the configuration, or a password by hand: gavan user password ${address}`,
  )

/** The link is in the answer and nowhere else: the log of requests has no bodies, and the store has a hash. */
async function given(
  { links }: AdminParts,
  address: string,
  give: (links: OnceLinks) => Promise<Awaited<ReturnType<OnceLinks['invite']>>>,
): Promise<AdminAnswer> {
  const origin = links?.origin() ?? null
  if (links === undefined || origin === null) return nowhere(address)
  const outcome = await give(links.onceLinks)
  return outcome.at === 'done' ? done(view(origin, address, outcome.link)) : told(outcome, `user ${address}`)
}

const view = (origin: string, address: string, { token, expiresAt }: GivenLink): Record<string, unknown> => ({
  address,
  link: welcomeLink(origin, token),
  expiresAt: new Date(expiresAt).toISOString(),
})

export const LINK_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'POST',
    path: '/v1/invitations',
    summary: 'Add an account whose owner chooses the password, by a link that works once',
    body: v.strictObject({ address: v.string(), quotaOctets: v.optional(quota, null) }),
    async run(parts, _, { address, quotaOctets }) {
      const answer = await given(parts, address, (links) => links.invite(address, { quotaOctets }))
      const isThere = answer.status === 409 && parts.links?.origin() !== null
      return isThere ? refused(409, `user ${address} is there already`, `gavan user reset ${address}`) : answer
    },
  }),
  route({
    method: 'POST',
    path: '/v1/users/:address/link',
    summary: 'A link that works once and sets a new password; it ends the earlier one',
    body: nothing,
    run: async (parts, { address = '' }) => given(parts, address, (links) => links.give(address)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/users/:address/link',
    summary: 'End the link of an account, if it has one',
    body: nothing,
    run: async ({ links }, { address = '' }) =>
      links === undefined ? nowhere(address) : told(await links.onceLinks.end(address), `user ${address}`),
  }),
]
