/** A certificate authority that speaks ACME. */
import { X509Certificate } from 'node:crypto'
import { certificateId } from '../../protocol/acme/certificate-id.ts'
import { readRenewalInfo, readRetryAfter } from '../../protocol/acme/messages.ts'
import type { AcmeFailure, CertificateAuthority } from '../../model/certificate.ts'
import type { Clock } from '../../std/clock.ts'
import { err, ok, type Result } from '../../std/result.ts'
import type { AccountOptions, AcmeAccount, AcmeFetch } from './contract.ts'
import { AcmeRefusal } from './failure.ts'
import { placeOrder, type OrderParts } from './order.ts'
import { createRequests, mustRead } from './requests.ts'

export type AuthorityParts = Pick<OrderParts, 'requestFor' | 'signal'> & {
  readonly directoryUrl: string
  readonly fetch: AcmeFetch
  readonly clock: Clock
  readonly userAgent: string
  readonly account: AcmeAccount
  readonly accountOptions: AccountOptions
  readonly keepAccountUrl: (url: string) => Promise<void>
}

export function createAuthority(parts: AuthorityParts): CertificateAuthority {
  const { clock, directoryUrl } = parts
  const requests = createRequests(parts)

  return {
    directoryUrl,
    identity: () =>
      asResult(async () => {
        const { caaIdentities } = await requests.directory()
        return { caaIdentities, accountUrl: await requests.account() }
      }),
    issue: (request) => asResult(async () => placeOrder({ ...parts, requests }, request)),
    renewalInfo: (certificate) =>
      asResult(async () => {
        const { renewalInfo } = await requests.directory()
        const id = certificateId(certificate)
        if (renewalInfo === null || id === null) return null
        const response = await requests.get(`${renewalInfo.replace(/\/$/, '')}/${id}`) // RFC 9773 §4.1
        const askAgainMs = readRetryAfter(response.header('retry-after'), clock.now())
        return { window: mustRead(readRenewalInfo(response.body)), askAgainMs }
      }),
    revoke: ({ certificate }, reason) =>
      asResult(async () => {
        const { revokeCert } = await requests.directory()
        const der = new X509Certificate(certificate).raw.toString('base64url')
        try {
          await requests.post(revokeCert, { certificate: der, reason }) // RFC 8555 §7.6
        } catch (error) {
          if (!(error instanceof AcmeRefusal) || error.type !== 'alreadyRevoked') throw error
        }
        return null
      }),
  }
}

async function asResult<T>(run: () => Promise<T>): Promise<Result<T, AcmeFailure>> {
  try {
    return ok(await run())
  } catch (error) {
    if (error instanceof AcmeRefusal) return err(error.failure)
    throw error
  }
}
