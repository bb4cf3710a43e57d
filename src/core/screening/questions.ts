import { SCREENING_QUESTIONS_MAX, SCREENING_TIMEOUT_MS } from '../../model/limits.ts'
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from '../../model/dns.ts'
import type { DnsQuestion } from '../../mailauth/contract.ts'
import type { Clock } from '../../std/clock.ts'

type Answer = DnsAnswer<DnsRecords[DnsType]>
const LATE: Answer = { at: 'failed', why: 'timeout' }
const TOO_MANY: Answer = { at: 'failed', why: 'refused' }

/** DNS about one letter: so many questions, and so much time for all of them together. After `close` nothing waits. */
export type Questions = { answer(question: DnsQuestion): Promise<Answer>; close(): void }

export function openQuestions(
  { resolver, clock }: { resolver: Resolver; clock: Clock },
  timeoutMs = SCREENING_TIMEOUT_MS,
): Questions {
  let left = SCREENING_QUESTIONS_MAX
  let late = false
  let ring: (answer: Answer) => void = () => {}
  const deadline = new Promise<Answer>((resolve) => {
    ring = resolve
  })
  const end = (): void => {
    late = true
    ring(LATE)
  }
  const cancel = clock.timer(timeoutMs, end)
  return {
    async answer({ name, type }) {
      if (late) return LATE
      if (left-- <= 0) return TOO_MANY
      return Promise.race([resolver.query(name, type), deadline])
    },
    close() {
      cancel()
      end()
    },
  }
}
