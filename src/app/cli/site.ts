/** What the commands about ports begin with: the configuration or its defaults, the host, the plan, the running server. */
import type { Command } from 'commander'
import type { ExposurePlan, HostFacts } from '../../exposure/contract.ts'
import { planOf } from '../../exposure/plan.ts'
import type { Language } from '../../exposure/words/contract.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'
import type { AdminApi } from '../admin/api.ts'
import type { PortsView } from '../admin/ports.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { printProblems } from '../config/show.ts'
import { addressesMissing, hostFacts } from '../host-facts.ts'
import { languageOf } from '../language.ts'
import { planSettings } from '../plan-settings.ts'
import { configPath, readConfig } from './config.ts'
import { CliError, EXIT, say } from './output.ts'

export type SiteOfHost = {
  readonly config: Config
  /** Null: there is none, and the defaults hold. */
  readonly file: string | null
  /** Null: nobody has decided it, neither a file nor GAVAN_HOSTNAME. */
  readonly hostname: string | null
  readonly facts: HostFacts
  readonly plan: ExposurePlan
  readonly language: Language
  readonly json: boolean
}

/** Stands for the name that nobody has decided yet. */
const PLACEHOLDER = 'mail.invalid'

/** Without a configuration file the question can be asked all the same; that is said once. @throws CliError */
export async function readSite(command: Command): Promise<SiteOfHost> {
  const { lang, json, config: given } = command.optsWithGlobals() as { lang?: string; json?: true; config?: string }
  const language = lang === 'ru' || lang === 'en' ? lang : languageOf(process.env)
  const { config, file } = await configOrDefaults(command, given !== undefined)
  if (file === null) say(PLAN_WORDS[language].labels.noFile)
  const facts = hostFacts()
  const hostname = config.hostname === PLACEHOLDER ? null : config.hostname
  const plan = planOf(planSettings(config, hostname), facts)
  const warnings = [...plan.warnings, ...addressesMissing(config.services)]
  return { config, file, hostname, facts, plan: { ...plan, warnings }, language, json: json === true }
}

async function configOrDefaults(
  command: Command,
  named: boolean,
): Promise<{ readonly config: Config; readonly file: string | null }> {
  const path = configPath(command)
  const loaded = await loadConfig({ path, env: process.env })
  if (loaded.ok) return { config: loaded.value, file: path }
  const { existsSync } = await import('node:fs')
  if (named || process.env['GAVAN_CONFIG'] !== undefined || existsSync(path))
    return { config: await readConfig(path), file: path }
  const flags = process.env['GAVAN_HOSTNAME'] === undefined ? { hostname: PLACEHOLDER } : {}
  const defaults = await loadConfig({ path: null, env: process.env, flags })
  if (defaults.ok) return { config: defaults.value, file: null }
  throw new CliError(EXIT.badConfig, printProblems(defaults.error), null)
}

export type Server =
  | { readonly at: 'answers'; readonly api: AdminApi }
  /** Nobody is there. */
  | { readonly at: 'none' }
  /** This user may not open its socket, which says nothing of whether it runs. */
  | { readonly at: 'not-allowed'; readonly socket: string }

export async function serverOf({ admin: { socket } }: Config): Promise<Server> {
  const { adminOverSocket } = await import('../admin/http.ts')
  const api = adminOverSocket(socket)
  try {
    await api.handle('GET', '/v1/health', undefined)
    return { at: 'answers', api }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    return code === 'EACCES' || code === 'EPERM' ? { at: 'not-allowed', socket } : { at: 'none' }
  }
}

/** The running server's API, null when none answers; that this user may not ask it is said. */
export async function runningApiOf({ config, language }: SiteOfHost): Promise<AdminApi | null> {
  const server = await serverOf(config)
  if (server.at === 'not-allowed') say(`! ${PLAN_WORDS[language].labels.mayNotAsk(server.socket)}`)
  return server.at === 'answers' ? server.api : null
}

/** Null: nobody answers. */
export async function askPorts(config: Config): Promise<PortsView | 'not-allowed' | null> {
  const server = await serverOf(config)
  if (server.at !== 'answers') return server.at === 'none' ? null : 'not-allowed'
  const answer = await server.api.handle('GET', '/v1/ports', undefined)
  return answer.status === 200 ? (answer.body as unknown as PortsView) : null
}

/** The records of DKIM keys that cannot be read are missing from what follows. */
export const keysUnread = ({ message }: Error): void =>
  say(`DKIM keys could not be read, their records are left out: ${message} (run as root or as the user gavan)`)
