/** What changed since the last time: `--changes` tells news only, and a stumble of somebody's name server is none. */
import type { Finding, State } from './contract.ts'

/** Of one finding, as kept between runs. */
export type Kept = {
  /** The state that was told. */
  readonly told: State
  /** One that was seen once and is not told yet. */
  readonly pending: State | null
}

export type Memory = Readonly<Record<string, Kept>>

/**
 * @param memory of the run before; null: this is the first, which tells what is not well
 * @returns what is news, and what to keep for the next run
 */
export function changesSince(
  findings: readonly Finding[],
  memory: Memory | null,
): { readonly news: readonly Finding[]; readonly memory: Memory } {
  const news: Finding[] = []
  const next: Record<string, Kept> = Object.create(null) as Record<string, Kept>
  for (const finding of findings) {
    const before = memory !== null && Object.hasOwn(memory, finding.id) ? memory[finding.id] : undefined
    const { state } = finding
    if (before === undefined) {
      if (isTrouble(state)) news.push(finding)
      next[finding.id] = { told: state, pending: null }
    } else if (state === before.told || (state === 'not-checked' && before.told === 'ok')) {
      next[finding.id] = { told: before.told, pending: null }
    } else if (finding.flaky === true && isTrouble(state) && before.pending !== state) {
      next[finding.id] = { told: before.told, pending: state } // Twice in a row before it is told.
    } else {
      news.push(finding)
      next[finding.id] = { told: state, pending: null }
    }
  }
  return { news, memory: next }
}

const isTrouble = (state: State): boolean => state === 'problem' || state === 'warning'
