import type { Command } from 'commander'
import { createAdminApi, type AdminApi } from '../admin/api.ts'
import { adminOverSocket } from '../admin/http.ts'
import { createJunkOperator } from '../admin/junk.ts'
import { mailboxesOf } from '../admin/messages.ts'
import { ADMIN_ROUTES } from '../admin/routes.ts'
import { createSearchIndexOperator } from '../admin/search-index.ts'
import type { Config } from '../config/config.ts'
import { openThreadLog } from '../thread-parts.ts'
import { createSystemRandom, systemClock } from '../machine.ts'
import { installationSecret } from '../secrets.ts'
import { linkOrigin } from '../web-settings.ts'
import { openStore } from '../../store/sqlite/open.ts'
import { wireCore } from '../wire.ts'
import { configPath, readConfig } from './config.ts'
import { callerOf, type WithAdmin } from './nouns.ts'
import { CliError, EXIT } from './output.ts'

const NOBODY_THERE = new Set(['ENOENT', 'ECONNREFUSED'])

/** The running server's API, or null when none runs. @throws CliError */
async function runningApi(socket: string): Promise<AdminApi | null> {
  const api = adminOverSocket(socket)
  try {
    await api.handle('GET', '/v1/health', undefined)
    return api
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (NOBODY_THERE.has(code)) return null
    if (code === 'EACCES')
      throw new CliError(EXIT.notAllowed, `not allowed to open ${socket}`, 'run as root or as the user gavan')
    throw error
  }
}

/** Without a running server the store is opened by this command itself, through the same API. */
async function offline<T>(config: Config, use: (api: AdminApi) => Promise<T>): Promise<T> {
  const { dataDir, hostname } = config
  const { log, flushed } = openThreadLog({ level: 'warn', format: 'pretty', colours: process.stderr.isTTY })
  const clock = systemClock
  const scramSecret = await installationSecret(dataDir)
  const store = await openStore({ dataDir, clock, log })
  try {
    const parts = { store, clock, random: createSystemRandom(), log }
    const core = await wireCore(parts, { hostname, postmaster: null, scramSecret, cores: 1 })
    for (const name of config.domains) await core.directory.addDomain(name)
    const health = async (): Promise<Record<string, unknown>> => ({ healthy: false })
    const { directory, accessKeys, queueOperator: queue } = core
    const links = { onceLinks: core.onceLinks, origin: () => linkOrigin(config) }
    const searchIndex = createSearchIndexOperator({ dataDir, store, directory, log })
    const junk = createJunkOperator({ dataDir, hostname, directory, log })
    return await use(
      createAdminApi(
        { directory, accessKeys, queue, mailboxesOf: mailboxesOf(core), links, health, searchIndex, junk },
        ADMIN_ROUTES,
      ),
    )
  } finally {
    await store.close()
    await flushed()
  }
}

export const withAdmin: WithAdmin = async (command: Command, use) => {
  const config = await readConfig(configPath(command))
  const api = await runningApi(config.admin.socket)
  return api === null ? offline(config, (own) => use(callerOf(own))) : use(callerOf(api))
}

/** `gavan healthz`: exit 0 when the server answers and is well, 1 when it is not well, 69 when none answers. */
export async function askHealth(command: Command): Promise<Record<string, unknown>> {
  const { admin } = await readConfig(configPath(command))
  const api = await runningApi(admin.socket)
  if (api === null) throw new CliError(EXIT.serverDown, `no server answers on ${admin.socket}`, 'start it: gavan serve')
  const health = await callerOf(api)('GET', '/v1/health')
  if (health['healthy'] !== true)
    throw new CliError(
      EXIT.failed,
      `the server is not well: ${String(health['why'])}`,
      'see the log; it ends by itself',
    )
  return health
}
