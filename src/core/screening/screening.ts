import { ask } from '../../mailauth/ask.ts'
import type { Authentication } from '../../mailauth/contract.ts'
import { checkDmarc } from '../../mailauth/dmarc/check.ts'
import { checkIprev } from '../../mailauth/iprev.ts'
import { createLetterVerifier } from '../../mailauth/letter.ts'
import { checkSpf } from '../../mailauth/spf/check.ts'
import type { Resolver } from '../../model/dns.ts'
import { DNSBL_REFUSED_TOLD_EVERY_MS, JUNK_POINTS } from '../../model/limits.ts'
import { reply, type SmtpReply } from '../../model/reply.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { SeenMessage } from '../contract.ts'
import type { Arrival, DmarcObserver, Finding, LetterScreening, Screening, Verdict } from './contract.ts'
import { askDnsbl } from './dnsbl.ts'
import { findingsOf, type DmarcMode } from './findings.ts'
import { openQuestions, type Questions } from './questions.ts'
import { printResults, printSpamStatus } from './results.ts'

export type ScreeningOptions = {
  readonly hostname: string
  readonly resolver: Resolver
  readonly clock: Clock
  readonly log: Log
  readonly dmarc: DmarcMode
  /** Zones of lists of addresses. */
  readonly dnsbl: readonly string[]
  /** Visitors whose letters are not looked at. */
  exempt(address: string): boolean
  readonly observer?: DmarcObserver
}

export function createScreening(options: ScreeningOptions): Screening {
  const { resolver, clock, log, exempt } = options
  const authservId = options.hostname.toLowerCase()
  const lists = createLists(options)

  return {
    authservId,
    begin(arrival) {
      if (exempt(arrival.remoteAddress)) return null
      return screenLetter(arrival, openQuestions({ resolver, clock }), { ...options, authservId, lists })
    },
  }

  /** Which lists are asked; one that refuses is told of once in a while. */
  function createLists({ dnsbl }: ScreeningOptions) {
    const told = new Map<string, number>()
    return async (address: string, questions: Questions): Promise<readonly Finding[]> => {
      const answers = await Promise.all(dnsbl.map((zone) => askDnsbl(zone, address, questions.answer)))
      return answers.flatMap((answer, index) => {
        const zone = dnsbl[index] ?? ''
        const now = clock.monotonic()
        if (answer.at === 'refused' && now - (told.get(zone) ?? -Infinity) >= DNSBL_REFUSED_TOLD_EVERY_MS) {
          told.set(zone, now)
          log.warn({ event: 'screening.dnsbl.refused', zone, code: answer.code })
        }
        if (answer.at === 'dead' && now - (told.get(zone) ?? -Infinity) >= DNSBL_REFUSED_TOLD_EVERY_MS) {
          told.set(zone, now)
          log.warn({ event: 'screening.dnsbl.dead', zone, why: 'it lists every address; it is left aside' })
        }
        return answer.at === 'listed' ? [answer.finding] : []
      })
    }
  }
}

type Parts = ScreeningOptions & {
  readonly authservId: string
  lists(address: string, questions: Questions): Promise<readonly Finding[]>
}

function screenLetter(arrival: Arrival, questions: Questions, parts: Parts): LetterScreening {
  const { clock, log, authservId } = parts
  const { remoteAddress, helo, traceId } = arrival
  const { reversePath } = arrival.envelope
  const now = clock.now()
  const verifier = createLetterVerifier()
  const asked = Promise.all([
    ask(checkSpf({ address: remoteAddress, helo, sender: reversePath, receiver: authservId, now }), questions.answer),
    ask(checkIprev(remoteAddress), questions.answer),
    parts.lists(remoteAddress, questions),
  ])
  asked.catch(() => {}) // It is looked at when the letter is there.

  async function authenticate(seen: SeenMessage): Promise<readonly [Authentication, readonly Finding[]]> {
    const { dkim, arc } = await ask(verifier.finish(now), questions.answer)
    const [spf, iprev, listed] = await asked
    const { from } = seen.summary.header
    // Two From fields are refused; of none and of one field DMARC says what it is.
    const dmarc = await ask(checkDmarc({ from, spf, dkim }), questions.answer)
    return [{ spf, dkim, dmarc, arc, iprev }, listed]
  }

  return {
    push: (chunk) => verifier.push(chunk),
    abort: () => questions.close(),
    async finish(seen) {
      const [authentication, listed] = await authenticate(seen).finally(() => questions.close())
      const { dmarc } = authentication
      const of = { address: remoteAddress, dmarcMode: parts.dmarc }
      const findings = [...findingsOf(authentication, of), ...listed]
      const points = findings.reduce((sum, finding) => sum + finding.points, 0)
      const junk = points >= JUNK_POINTS
      const refused = refusalOf(authentication, parts.dmarc)
      const verdict: Verdict = { authentication, findings, points, junk, refused }
      log.info({
        event: 'screening.verdict',
        traceId,
        spf: authentication.spf.result,
        dkim: authentication.dkim.map(({ domain, result }) => `${domain} ${result}`),
        dmarc: dmarc.result,
        from: dmarc.fromDomain,
        points,
        to: refused !== null ? 'refused' : junk ? 'junk' : 'taken',
        why: findings.map(({ by, points: each, says }) => `${by} ${each}: ${says}`),
      })
      if (dmarc.published !== null) parts.observer?.(observed(verdict))
      return {
        verdict,
        fields: printResults(authservId, authentication, arrival) + printSpamStatus(verdict, JUNK_POINTS),
      }
    },
  }

  function observed({ authentication, junk, refused }: Verdict): Parameters<DmarcObserver>[0] {
    const { policy } = authentication.dmarc
    const disposition = refused !== null ? 'reject' : junk && policy !== 'none' ? 'quarantine' : 'none'
    return {
      at: now,
      sourceAddress: remoteAddress,
      reversePathDomain: reversePath?.domain ?? '',
      authentication,
      disposition,
      overridden: disposition === policy || authentication.dmarc.result !== 'fail' ? null : 'local_policy',
    }
  }
}

/** RFC 9989 §8: what the author's domain asks for; RFC 7372 §3.3: the code for it. */
function refusalOf({ dmarc }: Authentication, mode: DmarcMode): SmtpReply | null {
  if (mode !== 'reject' || dmarc.result !== 'fail' || dmarc.policy !== 'reject') return null
  return reply(
    550,
    '5.7.26',
    `${dmarc.policyDomain ?? dmarc.fromDomain} asks to refuse mail that fails DMARC, and this does`,
  )
}
