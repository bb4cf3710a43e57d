import { ask } from '../../mailauth/ask.ts'
import type { Authentication } from '../../mailauth/contract.ts'
import { findDmarc, judgeDmarc } from '../../mailauth/dmarc/check.ts'
import { checkIprev } from '../../mailauth/iprev.ts'
import { createLetterVerifier } from '../../mailauth/letter.ts'
import { checkSpf } from '../../mailauth/spf/check.ts'
import type { Resolver } from '../../model/dns.ts'
import { DNSBL_REFUSED_TOLD_EVERY_MS, JUNK_POINTS, SCREENING_ALIGNMENT_TIMEOUT_MS } from '../../model/limits.ts'
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
  const { clock, log, exempt } = options
  const authservId = options.hostname.toLowerCase()
  const lists = createLists(options)

  return {
    authservId,
    begin(arrival) {
      if (exempt(arrival.remoteAddress)) return null
      return screenLetter(arrival, { ...options, authservId, lists })
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

/**
 * Who brings it is asked about at once; the letter, once it is there; then what the author's domain wants. Each has its own time
 * and its own questions, and each signature is looked at by itself: a stranger who is slow, or whose names are, cannot make that
 * domain unheard.
 */
function screenLetter(arrival: Arrival, parts: Parts): LetterScreening {
  const { clock, log, authservId } = parts
  const { remoteAddress, helo, traceId } = arrival
  const { reversePath } = arrival.envelope
  const now = clock.now()
  const verifier = createLetterVerifier()
  const visitor = openQuestions(parts)
  const asked = Promise.all([
    ask(checkSpf({ address: remoteAddress, helo, sender: reversePath, receiver: authservId, now }), visitor.answer),
    ask(checkIprev(remoteAddress), visitor.answer),
    parts.lists(remoteAddress, visitor),
  ]).finally(() => visitor.close())
  asked.catch(() => {}) // It is looked at when the letter is there.

  async function authenticate(seen: SeenMessage): Promise<readonly [Authentication, readonly Finding[]]> {
    const letter = openQuestions(parts)
    const proofs = verifier.finish(now)
    // Two From fields are refused; of none and of one field DMARC says what it is.
    const [grounds, dkim, arc, [spf, iprev, listed]] = await Promise.all([
      ask(findDmarc(seen.summary.header.from), letter.answer),
      Promise.all(proofs.dkim.map((each) => ask(each, letter.answer))),
      ask(proofs.arc, letter.answer),
      asked,
    ]).finally(() => letter.close())
    const domain = openQuestions(parts, SCREENING_ALIGNMENT_TIMEOUT_MS)
    const dmarc = await ask(judgeDmarc(grounds, { spf, dkim }), domain.answer).finally(() => domain.close())
    return [{ spf, dkim, dmarc, arc, iprev }, listed]
  }

  return {
    push: (chunk) => verifier.push(chunk),
    abort: () => visitor.close(),
    async finish(seen) {
      const [authentication, listed] = await authenticate(seen)
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
