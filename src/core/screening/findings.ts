import type { Authentication } from '../../mailauth/contract.ts'
import type { Finding } from './contract.ts'

/** What is done with a letter whose author's domain asks to refuse such ones. */
export type DmarcMode = 'reject' | 'junk' | 'note'

/**
 * What each result weighs. JUNK_POINTS are enough for junk: what the domain itself asks for does it alone, the rest only together.
 * Nothing here speaks for a letter: whoever sends junk can have SPF, DKIM and DMARC as well.
 */
const POINTS = {
  dmarcQuarantine: 6,
  dmarcNone: 1,
  dmarcUnsure: 3,
  spfFail: 4,
  spfSoftfail: 1,
  spfPermerror: 1,
  dkimBroken: 1,
  noReverseName: 1,
  noAuthor: 2,
} as const

export function findingsOf(
  { spf, dkim, dmarc, iprev }: Authentication,
  { address, dmarcMode }: { address: string; dmarcMode: DmarcMode },
): Finding[] {
  const findings: Finding[] = []
  const add = (by: string, points: number, says: string): void => {
    findings.push({ by, points, says: says.replace(/[^ -~]/g, '?') })
  }
  const asked = dmarc.policy !== 'none' && dmarcMode !== 'note'
  if (dmarc.result === 'fail') add('dmarc', asked ? POINTS.dmarcQuarantine : POINTS.dmarcNone, dmarc.why)
  else if (dmarc.result === 'temperror' && dmarc.published !== null && dmarc.published.p !== 'none')
    add('dmarc', POINTS.dmarcUnsure, dmarc.why)
  else if (dmarc.result === 'permerror') add('dmarc', POINTS.noAuthor, dmarc.why)
  // A letter that its author's domain stands for may have come by a forwarder, whom SPF does not know.
  if (dmarc.result !== 'pass') {
    if (spf.result === 'fail') add('spf', POINTS.spfFail, `${spf.domain}: ${spf.why}`)
    else if (spf.result === 'softfail') add('spf', POINTS.spfSoftfail, `${spf.domain}: ${spf.why}`)
    else if (spf.result === 'permerror') add('spf', POINTS.spfPermerror, `${spf.domain}: ${spf.why}`)
  }
  const failed = dkim.find(({ result }) => result === 'fail')
  if (failed !== undefined && !dkim.some(({ result }) => result === 'pass'))
    add('dkim', POINTS.dkimBroken, `${failed.domain}: ${failed.why}`)
  if (iprev.result === 'fail') add('iprev', POINTS.noReverseName, `no name leads back to ${address}`)
  return findings
}
