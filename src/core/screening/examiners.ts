import { EXAMINERS_TIMEOUT_MS } from '../../model/limits.ts'
import { SCREENING_EXAMINED } from '../../model/metrics.ts'
import { reply } from '../../model/reply.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { Metrics } from '../../std/metrics.ts'
import type { ArrivedLetter, Examined, Examiner, Examiners } from './contract.ts'

const UNKNOWN = reply(451, '4.7.1', 'The letter cannot be examined now, try again later')

/**
 * Asks all of them at once, and waits EXAMINERS_TIMEOUT_MS for them together.
 * @param options.whenDown what becomes of a letter that one of them could not look at
 */
export function createExaminers(options: {
  examiners: readonly Examiner[]
  whenDown: 'accept' | 'defer'
  /** Visitors whose letters are not looked at. */
  exempt: (address: string) => boolean
  clock: Clock
  log: Log
  metrics: Metrics
}): Examiners {
  const { examiners, whenDown, exempt, clock, log, metrics } = options

  async function ask(examiner: Examiner, letter: ArrivedLetter, signal: AbortSignal): Promise<Examined> {
    const { name } = examiner
    const { traceId } = letter.arrival
    const begun = clock.monotonic()
    const told = ({ findings, refused }: Examined, result: string): void => {
      metrics.add(SCREENING_EXAMINED, { by: name, result })
      log.info({
        event: 'screening.examined',
        traceId,
        by: name,
        result,
        code: refused?.code ?? null,
        why: findings.map(({ says }) => says),
        ms: Math.round(clock.monotonic() - begun),
      })
    }
    try {
      const examined = await examiner.examine(letter, signal)
      const { refused } = examined
      told(examined, refused === null ? 'passed' : refused.code < 500 ? 'deferred' : 'refused')
      return examined
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error)
      log.warn({ event: 'screening.examiner.failed', traceId, by: name, cause, whenDown })
      metrics.add(SCREENING_EXAMINED, { by: name, result: 'failed' })
      const findings = [{ by: name, points: 0, says: 'could not be asked' }]
      return { findings, refused: whenDown === 'defer' ? UNKNOWN : null }
    }
  }

  return {
    async examine(letter) {
      if (examiners.length === 0 || exempt(letter.arrival.remoteAddress)) return { findings: [], refused: null }
      const over = new AbortController()
      const cancel = clock.timer(EXAMINERS_TIMEOUT_MS, () => over.abort())
      try {
        const all = await Promise.all(examiners.map((examiner) => ask(examiner, letter, over.signal)))
        // A refusal for good says more than one for now.
        const refusals = all.flatMap(({ refused }) => (refused === null ? [] : [refused]))
        const refused = refusals.find(({ code }) => code >= 500) ?? refusals[0] ?? null
        return { findings: all.flatMap(({ findings }) => findings), refused }
      } finally {
        cancel()
      }
    },
  }
}
