import { printAuthenticationResults, type MethodResult } from '../../format/trace/authentication-results.ts'
import { printPath } from '../../format/address/address.ts'
import type { Authentication } from '../../mailauth/contract.ts'
import { AUTHENTICATION_RESULTS_MAX_OCTETS, SPAM_STATUS_MAX_CHARACTERS } from '../../model/limits.ts'
import type { Arrival, Verdict } from './contract.ts'

/** What is said in the letter's header (RFC 8601 §2.7): the verdict that others go by first, so that it is never cut. */
export function printResults(
  authservId: string,
  { spf, dkim, dmarc, arc, iprev }: Authentication,
  arrival: Arrival,
): string {
  const { reversePath } = arrival.envelope
  const sender = reversePath === null ? '' : printPath(reversePath).slice(1, -1)
  const results: MethodResult[] = [
    {
      method: 'dmarc',
      result: dmarc.result,
      ...(dmarc.result === 'fail' ? { comment: `p=${dmarc.policy}` } : {}),
      properties: dmarc.fromDomain === '' ? [] : [['header', 'from', dmarc.fromDomain]],
    },
    {
      method: 'spf',
      result: spf.result,
      comment: spf.why,
      properties: spf.scope === 'helo' ? [['smtp', 'helo', arrival.helo]] : [['smtp', 'mailfrom', sender]],
    },
    {
      method: 'iprev',
      result: iprev.result,
      ...(iprev.name === null ? {} : { comment: iprev.name }),
      properties: [['policy', 'iprev', arrival.remoteAddress]],
    },
    ...dkim.map(({ result, why, domain, selector, algorithm, signature }): MethodResult => ({
      method: 'dkim',
      result,
      ...(result === 'pass' ? {} : { comment: why }),
      properties: [
        ['header', 'd', domain],
        ['header', 's', selector],
        ['header', 'a', algorithm],
        ['header', 'b', signature],
      ],
    })),
  ]
  if (dkim.length === 0) results.push({ method: 'dkim', result: 'none', properties: [] })
  if (arc.result !== 'none')
    results.push({
      method: 'arc',
      result: arc.result,
      comment: arc.why,
      properties: arc.domain === '' ? [] : [['header', 'd', arc.domain]],
    })
  return printAuthenticationResults(authservId, results, AUTHENTICATION_RESULTS_MAX_OCTETS)
}

/** The verdict in the form that mail programs know, for the owner; nothing where nothing speaks against the letter. */
export function printSpamStatus({ points, junk, findings }: Verdict, needed: number): string {
  if (points <= 0) return ''
  const reasons = findings
    .filter((finding) => finding.points !== 0)
    .map((finding) => `${finding.by} ${finding.points}: ${finding.says}`)
    .join(';\r\n\t')
    .replace(/[^\t\r\n -~]/g, '?')
    .slice(0, SPAM_STATUS_MAX_CHARACTERS)
    .trimEnd()
  return `X-Spam-Status: ${junk ? 'Yes' : 'No'}, score=${points} required=${needed};\r\n\t${reasons}\r\n`
}
