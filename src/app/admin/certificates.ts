/** Certificates for the administrator: what is in use, when it is renewed, what went wrong. */
import * as v from 'valibot'
import type { CertificateFacts, CertificateKeeper, DryRun, RunOutcome } from '../../core/certificates/contract.ts'
import { factsOf } from '../../core/certificates/keeper.ts'
import { REVOCATION_REASONS, type RevocationReason } from '../../model/certificate.ts'
import { ADMIN_TIMEOUT_MS } from '../../model/limits.ts'
import { sleep, type Clock } from '../../std/clock.ts'
import type { Config } from '../config/config.ts'
import type { TlsMaterial } from '../tls-material.ts'
import { done, refused, route, type AdminAnswer, type AdminParts, type AdminRoute } from './api.ts'

export type CertificateOperator = {
  status(): Promise<CertificatesView>
  /** Begins one, or joins the one that runs; null: it is not over yet, ask `outcome`. */
  renew(options: { dryRun: boolean }): Promise<RenewalView | null>
  /** Of the one that runs, or ran last. */
  outcome(): Promise<RenewalView | null>
  /** Null without a CA. */
  readonly keeper: CertificateKeeper | null
}

export type RenewalView = RunOutcome | ({ readonly at: 'dry-run' } & DryRun) | { readonly at: 'nothing' }

export type CertificatesView = {
  /** Where the certificates in use are from. */
  readonly source: 'acme' | 'files' | 'own-ca'
  readonly certificates: readonly CertificateFacts[]
  readonly acme: Awaited<ReturnType<CertificateKeeper['status']>> | null
}

/** A part of the time in which an answer must come. */
const WAIT_MS = ADMIN_TIMEOUT_MS / 2

/** What is given as a function may change while the server runs. */
export function createCertificateOperator(parts: {
  config: () => Pick<Config, 'certificates'>
  clock: Clock
  current: () => Pick<TlsMaterial, 'certificates'>
  keeper: () => CertificateKeeper | null
}): CertificateOperator {
  const { config, clock, current } = parts
  let running: Promise<RenewalView> = Promise.resolve({ at: 'nothing' })
  let over = true

  const inTime = async (): Promise<RenewalView | null> =>
    Promise.race([running, sleep(clock, WAIT_MS).then(() => null)])

  return {
    get keeper() {
      return parts.keeper()
    },
    async status() {
      const acme = (await parts.keeper()?.status()) ?? null
      const certificates = current().certificates.map(factsOf)
      const given = acme?.certificate?.fingerprint
      const isGiven = given !== undefined && certificates.some(({ fingerprint }) => fingerprint === given)
      const source = config().certificates.length > 0 ? 'files' : isGiven ? 'acme' : 'own-ca'
      return { source, certificates, acme }
    },
    async renew({ dryRun }) {
      const keeper = parts.keeper()
      if (keeper === null) return { at: 'nothing' }
      if (over) {
        over = false
        const run = dryRun ? keeper.dryRun().then((told): RenewalView => ({ at: 'dry-run', ...told })) : keeper.renew()
        running = run.finally(() => (over = true))
      }
      return inTime()
    },
    outcome: inTime,
  }
}

const NO_CA = refused(409, 'no CA is asked for certificates', 'tls.acme = "letsencrypt"')

const answerOf = (view: RenewalView | null): AdminAnswer => done({ renewal: view ?? { at: 'working' } })

function withKeeper(
  use: (operator: CertificateOperator, keeper: CertificateKeeper) => Promise<AdminAnswer>,
): ({ certificates }: AdminParts) => Promise<AdminAnswer> {
  return async ({ certificates }) => {
    const keeper = certificates?.keeper ?? null
    return certificates === undefined || keeper === null ? NO_CA : use(certificates, keeper)
  }
}

export const CERTIFICATE_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'GET',
    path: '/v1/certificates',
    summary: 'Certificates in use, renewal, the last failure.',
    body: v.optional(v.strictObject({})),
    async run({ certificates }) {
      if (certificates === undefined) return refused(503, 'the server does not run', 'gavan serve')
      return done({ ...(await certificates.status()) })
    },
  }),
  route({
    method: 'POST',
    path: '/v1/certificates/renew',
    summary: 'Asks the CA for a new certificate now; `dryRun`: only for what would come of it.',
    body: v.strictObject({ dryRun: v.boolean() }),
    run: (parts, _params, body) => withKeeper(async (operator) => answerOf(await operator.renew(body)))(parts),
  }),
  route({
    method: 'GET',
    path: '/v1/certificates/renew',
    summary: 'What came of the renewal that was asked for last; waits a while for it.',
    body: v.optional(v.strictObject({})),
    run: withKeeper(async (operator) => answerOf(await operator.outcome())),
  }),
  route({
    method: 'POST',
    path: '/v1/certificates/revoke',
    summary: 'Revokes the certificate in use and asks for a new one, with a new key.',
    body: v.strictObject({ reason: v.picklist(Object.keys(REVOCATION_REASONS) as RevocationReason[]) }),
    run: (parts, _params, { reason }) =>
      withKeeper(async (_operator, keeper) => {
        const failure = await keeper.revoke(REVOCATION_REASONS[reason])
        if (failure === null) return done({ revoked: true })
        if (failure === 'no-certificate') return refused(404, 'the CA has given no certificate yet', null)
        return refused(409, failure.what, failure.fix)
      })(parts),
  }),
]
