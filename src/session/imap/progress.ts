import { IMAP_PROGRESS_EVERY_MS } from '../../model/limits.ts'
import { untagged, type Session } from './command.ts'

/** Tells a client that waits how far its command has come (RFC 9585); it also keeps the connection from being taken for dead. */
export type Progress = {
  /** To be called often; says something now and then. `done` of `goal` messages were looked at. */
  tell(done: number, goal: number): Promise<void> | undefined
}

export function createProgress({ clock, output, tag }: Session): Progress {
  let told = clock.monotonic()
  // A tag may hold what would end the response code (RFC 9051 §9 tag).
  const named = tag.includes(']') ? 'NIL' : `"${tag}"`
  return {
    tell(done, goal) {
      const now = clock.monotonic()
      if (now - told < IMAP_PROGRESS_EVERY_MS) return undefined
      told = now
      // RFC 9585 §4: progress is below its goal, or there is no goal.
      const known = done < goal ? `${done} ${goal}` : `${done} NIL`
      return Promise.resolve(output.write(untagged(`OK [INPROGRESS (${named} ${known})] Still at it`))).then(() =>
        output.flush(),
      )
    },
  }
}
