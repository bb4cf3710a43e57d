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
import { hostFacts } from '../host-facts.ts'
import { languageOf } from '../language.ts'
import { planSettings } from '../plan-settings.ts'
import { configPath, readConfig } from './config.ts'
import { CliError, EXIT, say } from './output.ts'

export type SiteOfHost = {
  readonly config: Config
  /** Null: there is none, and the defaults hold. */
  readonly file: string | null
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
  const plan = planOf(planSettings(config, file === null ? null : config.hostname), facts)
  return { config, file, facts, plan, language, json: json === true }
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
  const defaults = await loadConfig({ path: null, env: {}, flags: { hostname: PLACEHOLDER } })
  if (defaults.ok) return { config: defaults.value, file: null }
  throw new CliError(EXIT.badConfig, printProblems(defaults.error), null)
}

/** The running server's API; null when none answers, or this user may not ask it. */
export async function runningApiOf(config: Config): Promise<AdminApi | null> {
  const { adminOverSocket } = await import('../admin/http.ts')
  const api = adminOverSocket(config.admin.socket)
  try {
    await api.handle('GET', '/v1/health', undefined)
    return api
  } catch {
    return null
  }
}

export async function askPorts(config: Config): Promise<PortsView | null> {
  const answer = await (await runningApiOf(config))?.handle('GET', '/v1/ports', undefined)
  return answer?.status === 200 ? (answer.body as unknown as PortsView) : null
}
