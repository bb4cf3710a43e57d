import type { Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import { startServer } from '../server.ts'
import { openThreadLog } from '../thread-parts.ts'
import { configPath, readConfig } from './config.ts'
import { runUntil, stopSignal } from './run.ts'

export async function runServe(command: Command): Promise<void> {
  const stop = stopSignal()
  const path = configPath(command)
  // As daemons do: SIGHUP reads the configuration again. One that comes before all is up is kept until then.
  let reload = (): void => void (early = true)
  let early = false
  process.on('SIGHUP', () => reload())
  const config = await readConfig(path)
  const atTerminal = process.stderr.isTTY
  const pretty = config.log.format === 'pretty' || (config.log.format === 'auto' && atTerminal)
  const settings = {
    level: config.log.level,
    format: pretty ? 'pretty' : 'json',
    colours: pretty && atTerminal,
  } as const
  const logging = openThreadLog(settings)
  const { log } = logging
  const load = (): ReturnType<typeof loadConfig> => loadConfig({ path, env: process.env })
  const server = await startServer({ config, logging: { ...logging, settings }, tryMode: null, load })
  reload = () => {
    server.reload?.().catch((error: unknown) => log.error({ event: 'server.reload.failed', cause: String(error) }))
  }
  if (early) reload()
  await runUntil(stop, server)
}
