import type { Command } from 'commander'
import { startServer } from '../server.ts'
import { openThreadLog } from '../thread-parts.ts'
import { configPath, readConfig } from './config.ts'
import { runUntil, stopSignal } from './run.ts'

export async function runServe(command: Command): Promise<void> {
  const stop = stopSignal()
  const config = await readConfig(configPath(command))
  const atTerminal = process.stderr.isTTY
  const pretty = config.log.format === 'pretty' || (config.log.format === 'auto' && atTerminal)
  const settings = {
    level: config.log.level,
    format: pretty ? 'pretty' : 'json',
    colours: pretty && atTerminal,
  } as const
  const { log, flushed } = openThreadLog(settings)
  const server = await startServer({ config, logging: { log, flushed, settings }, tryMode: null })
  // As daemons do: SIGHUP reads the certificates again. A file that is wrong changes nothing.
  process.on('SIGHUP', () => {
    server.renewTls().catch((error: unknown) => log.error({ event: 'server.tls.failed', cause: String(error) }))
  })
  await runUntil(stop, server)
}
