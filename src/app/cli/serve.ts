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
  const server = await startServer({ config, logging: { ...openThreadLog(settings), settings }, tryMode: null })
  await runUntil(stop, server)
}
