/** Reload of the configuration: all of it, or nothing. The steps; what they do, the server says. */
import type { Result } from '../../std/result.ts'
import type { Log } from '../../std/log.ts'
import type { Config, ConfigProblem } from '../config/config.ts'
import { CliError } from '../cli/output.ts'
import { printProblems } from '../config/show.ts'
import { changesBetween, type KeyChange } from './changes.ts'

export type ReloadOutcome =
  | {
      readonly at: 'done'
      readonly file: string | null
      readonly changed: readonly KeyChange[]
      /** What the server does without, and why. */
      readonly notes: readonly string[]
    }
  /** Nothing was changed. One line for each problem, or a few when what is to be done needs its own. */
  | {
      readonly at: 'refused'
      readonly why: 'bad-file' | 'needs-restart' | 'cannot'
      readonly problems: readonly string[]
    }

export type Reloader = () => Promise<ReloadOutcome>

export type ReloadHands<Prepared> = {
  readonly load: () => Promise<Result<Config, readonly ConfigProblem[]>>
  readonly current: () => Config
  /** All that can fail for what an administrator did; it changes nothing. @throws CliError */
  readonly prepare: (next: Config) => Promise<Prepared>
  /** @returns notes, or why it could not be; then all is as before */
  readonly become: (next: Config, prepared: Prepared) => Promise<Result<readonly string[], string>>
  readonly log: Log
}

/** One at a time; a call that comes meanwhile begins when the one before is over. */
export function createReloader<Prepared>(hands: ReloadHands<Prepared>): Reloader {
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const mine = last.then(() => reload(hands))
    last = mine.catch(() => {})
    return mine
  }
}

async function reload<Prepared>({
  load,
  current,
  prepare,
  become,
  log,
}: ReloadHands<Prepared>): Promise<ReloadOutcome> {
  const refused = (
    why: Extract<ReloadOutcome, { at: 'refused' }>['why'],
    problems: readonly string[],
  ): ReloadOutcome => {
    log.error({ event: 'server.reload.refused', why, problems })
    return { at: 'refused', why, problems }
  }
  const loaded = await load()
  if (!loaded.ok)
    return refused(
      'bad-file',
      loaded.error.map((problem) => printProblems([problem])),
    )
  const next = loaded.value
  const { changed, needRestart } = changesBetween(current(), next)
  if (needRestart.length > 0)
    return refused(
      'needs-restart',
      needRestart.map(
        ({ key, from, to }) => `${key}: needs a restart (now ${from ?? 'not set'}, in the file ${to ?? 'not set'})`,
      ),
    )
  let prepared: Prepared
  try {
    prepared = await prepare(next)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return refused('cannot', [error.fix === null ? error.message : `${error.message}\n    ${error.fix}`])
  }
  const done = await become(next, prepared)
  if (!done.ok) return refused('cannot', [done.error])
  log.info({ event: 'server.reloaded', changed: changed.map(({ key }) => key), notes: done.value })
  return { at: 'done', file: next.file, changed, notes: done.value }
}
