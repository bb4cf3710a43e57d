/** What `serve` and `try` share: stay in the foreground until a signal or a failure, then end in order. */
import type { RunningServer } from '../server.ts'
import { CliError, EXIT } from './output.ts'

export function stopSignal(signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']): Promise<'signal'> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve('signal'))
  })
}

/** @throws CliError when the server could not go on */
export async function runUntil(stop: Promise<'signal'>, server: RunningServer): Promise<void> {
  const end = await Promise.race([stop, server.failed])
  await server.close()
  if (end !== 'signal')
    throw new CliError(EXIT.failed, `the server had to stop: ${end.message}`, 'see the log, and start it again')
}
