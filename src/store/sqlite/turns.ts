import { READ_AT_ONCE_MAX_OCTETS, READ_COST_OCTETS } from '../../model/limits.ts'

/**
 * Reads answer at once when the page is in memory, and a session that asks for many (a search, pipelined commands) would
 * keep the event loop from all others. What is read in one turn of the loop is counted; once it is enough, the next
 * read waits for another turn.
 */
export type Turns = {
  /** @returns what to wait for before the work is done; undefined while this turn has room */
  spend(octets: number): Promise<void> | undefined
}

export function createTurns(maxOctets = READ_AT_ONCE_MAX_OCTETS): Turns {
  let left = maxOctets
  /** The turn that gives the next room; all that wait, wait for this one. */
  let coming: Promise<void> | null = null

  function nextTurn(): Promise<void> {
    coming ??= new Promise((resolve) => {
      setImmediate(() => {
        coming = null
        left = maxOctets
        resolve()
      })
    })
    return coming
  }

  return {
    spend(octets) {
      const turn = nextTurn() // So that room comes back, spent or not.
      const room = left > 0
      left -= octets + READ_COST_OCTETS
      return room ? undefined : turn
    },
  }
}
