/** What `serve` and `try` share: stay in the foreground until a signal or a failure, then end in order. */
import { DRAIN_TIMEOUT_MS } from '../../model/limits.ts'
import type { RunningServer } from '../server.ts'
import { CliError, EXIT } from './output.ts'

/** For the end in order: conversations have DRAIN_TIMEOUT_MS of it. */
const GIVE_UP_MS = 2 * DRAIN_TIMEOUT_MS

export function stopSignal(signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']): Promise<'signal'> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve('signal'))
  })
}

/** @throws CliError when the server could not go on */
export async function runUntil(stop: Promise<'signal'>, server: RunningServer): Promise<void> {
  const end = await Promise.race([stop, server.failed])
  // A server that cannot go on must not stay: its manager waits for its end to start it again.
  if (end !== 'signal') setTimeout(() => process.exit(EXIT.failed), GIVE_UP_MS).unref()
  await server.close()
  if (end !== 'signal')
    throw new CliError(EXIT.failed, `the server had to stop: ${end.message}`, 'see the log, and start it again')
}
