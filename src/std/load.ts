/** How busy this thread is, as sessions and listeners need to know it. Asked anew each time, never kept. */
export type Load = {
  /** Time-outs and patience are short now, as in Postfix's stress mode: a place is worth more than a slow peer. */
  readonly stressed: boolean
  /** What is under way is late already: no new connections. */
  readonly refusing: boolean
}

export const calm: Load = { stressed: false, refusing: false }
