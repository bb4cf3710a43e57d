/** `gavan set clients|pop3|submissions|sieve`: changes gavan.toml, and shows what of the plan and of the rules moves. */
import { readFile, realpath, stat } from 'node:fs/promises'
import { never } from '../../std/assert.ts'
import type { Command } from 'commander'
import type { ExposurePlan, Opening } from '../../exposure/contract.ts'
import { planOf } from '../../exposure/plan.ts'
import type { FirewallFormat } from '../../exposure/firewall/contract.ts'
import { rulesDiff } from '../../exposure/firewall/diff.ts'
import type { Language } from '../../exposure/words/contract.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'
import type { ServiceName } from '../../model/service.ts'
import type { Config } from '../config/config.ts'
import { editToml, type Edit } from '../config/edit.ts'
import { envName } from '../config/keys.ts'
import { loadConfig } from '../config/load.ts'
import { printProblems } from '../config/show.ts'
import { hostFacts } from '../host-facts.ts'
import { keepFile } from '../keep-file.ts'
import { languageOf } from '../language.ts'
import { planSettings } from '../plan-settings.ts'
import { configPath } from './config.ts'
import { CliError, EXIT, print, printJson, say } from './output.ts'
import { askReload, type Asked } from './reload.ts'

export const SETTABLE = {
  clients: ['browser', 'office', 'anywhere'],
  pop3: ['on', 'off'],
  submissions: ['on', 'off'],
  sieve: ['on', 'off'],
} as const

type What = keyof typeof SETTABLE
/** Of what can be set here. */
type Switch = Exclude<Edit, { set: unknown }>
export type SetFlags = { readonly dryRun?: true; readonly json?: true; readonly format: FirewallFormat }
export type Moved = {
  readonly service: ServiceName
  readonly port: number
  readonly from: Opening
  readonly to: Opening
}

const isSettable = (what: string): what is What => Object.hasOwn(SETTABLE, what)

/** Nothing is changed unless all of it is right. @throws CliError */
export async function runSet(what: string, value: string, flags: SetFlags, command: Command): Promise<void> {
  if (!isSettable(what))
    throw new CliError(EXIT.usage, `there is no "${what}" to set`, `one of ${Object.keys(SETTABLE).join(', ')}`)
  const values: readonly string[] = SETTABLE[what]
  if (!values.includes(value)) throw new CliError(EXIT.usage, `"${value}" is none of ${values.join(', ')}`, null)
  const { json, lang } = command.optsWithGlobals() as { json?: true; lang?: Language }
  const language = lang ?? languageOf(process.env)

  const path = configPath(command)
  const old = await loaded(path)
  const before = await readFile(path, 'utf8')
  const after = editsOf(what, value, old).reduce((text, edit) => applied(text, edit, path), before)
  const changed = after !== before
  const next = changed ? await loaded(path, after) : old
  const plans = [planHere(old), planHere(next)] as const
  const moved = movedBetween(...plans)
  const rules = changed ? rulesDiff(flags.format, ...plans) : []
  const done = changed && flags.dryRun !== true
  if (done) await write(path, before, after)
  const server = done ? await askReload(old.admin.socket) : null
  if (json === true) return printJson({ file: path, changed, dryRun: flags.dryRun === true, moved, rules, server })
  const words = WORDS[language]
  for (const line of told({ path, before, after, moved }, language)) print(line)
  if (rules.length > 0) print(`\n${words.rules(flags.format)}\n${rules.map((line) => `  ${line}`).join('\n')}`)
  const key = what === 'clients' ? what : `ports.${what}`
  if (old.sources.get(key) === 'env') say(`! ${words.overruled(envName(key))}`)
  if (changed && !done) say(words.dryRun)
  if (server !== null) {
    for (const line of serverTold(server, words)) say(line)
    say(words.then(flags.format))
  }
}

async function loaded(path: string, text?: string): Promise<Config> {
  const result = await loadConfig({ path, env: process.env, ...(text === undefined ? {} : { text }) })
  if (result.ok) return result.value
  throw new CliError(EXIT.badConfig, printProblems(result.error), null)
}

const planHere = (config: Config): ExposurePlan => planOf(planSettings(config), hostFacts())

/** POP3 is one switch for both of its ports (D12). */
function editsOf(what: What, value: string, { sources }: Config): readonly Switch[] {
  if (what === 'clients') return [{ key: what, value }]
  const on = value === 'on' ? 'on' : 'off'
  const edits: Switch[] = [{ key: `ports.${what}`, value: on }]
  if (what === 'pop3' && sources.get('ports.pop3s') === 'file') edits.push({ key: 'ports.pop3s', value: on })
  return edits
}

function applied(text: string, edit: Switch, path: string): string {
  const result = editToml(text, edit)
  if (result.ok) return result.value
  throw new CliError(EXIT.failed, `${path}: ${result.error}`, `change it by hand: ${edit.key} = "${edit.value}"`)
}

/** Through a link to the file itself, with its owner and mode. */
async function write(path: string, before: string, after: string): Promise<void> {
  const file = await realpath(path)
  const { mode, uid, gid } = await stat(file)
  if ((await readFile(file, 'utf8')) !== before)
    throw new CliError(EXIT.tryLater, `${path} was changed by somebody else just now`, 'look at it, and try again')
  try {
    await keepFile(file, after, { mode: mode & 0o7777, owner: { uid, gid } })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const notAllowed = code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
    throw new CliError(
      notAllowed ? EXIT.notAllowed : EXIT.failed,
      `${path} cannot be written: ${code}`,
      notAllowed ? 'run it as root' : null,
    )
  }
}

function movedBetween(old: ExposurePlan, next: ExposurePlan): Moved[] {
  return next.rows.flatMap(({ service, port, opening }) => {
    const from = old.rows.find((row) => row.service === service)!.opening
    return from === opening ? [] : [{ service, port, from, to: opening }]
  })
}

type Change = { path: string; before: string; after: string; moved: readonly Moved[] }

function told(change: Change, language: Language): string[] {
  const { path, before, after, moved } = change
  const words = WORDS[language]
  const { opening } = PLAN_WORDS[language]
  if (before === after) return [words.already(path)]
  return [
    path,
    ...linesChanged(before.split('\n'), after.split('\n')),
    ...moved.map(
      ({ service, port, from, to }) =>
        `${String(port).padEnd(5)} ${service.padEnd(12)} ${opening[from]} → ${opening[to]}`,
    ),
    ...(moved.length === 0 ? [words.noPort] : []),
  ]
}

/** Few lines change, each is replaced or new. */
function linesChanged(before: readonly string[], after: readonly string[]): string[] {
  const out: string[] = []
  let old = 0
  for (const line of after) {
    if (line === before[old]) old += 1
    else if (line === before[old + 1] || before.slice(old).includes(line) || after.length === before.length) {
      out.push(`- ${before[old]}`, `+ ${line}`)
      old += 1
    } else out.push(`+ ${line}`)
  }
  return out
}

/** What became of it in the server. The file is changed either way. */
function serverTold(server: Asked, words: SetWords): readonly string[] {
  switch (server.at) {
    case 'done':
      return [words.follows, ...server.notes.map((note) => `! ${note}`)]
    case 'refused':
      return [`! ${words.refused}`, ...server.problems.map((line) => `  ${line}`)]
    case 'none':
      return [words.notRunning]
    case 'not-allowed':
      return [`! ${words.mayNotAsk}`]
    default:
      return never(server)
  }
}

type SetWords = {
  readonly already: (path: string) => string
  readonly noPort: string
  readonly rules: (format: FirewallFormat) => string
  /** The file is not asked where a variable decides. */
  readonly overruled: (variable: string) => string
  readonly dryRun: string
  readonly follows: string
  readonly refused: string
  readonly notRunning: string
  readonly mayNotAsk: string
  readonly then: (format: FirewallFormat) => string
}

const WORDS: Readonly<Record<Language, SetWords>> = {
  en: {
    already: (path) => `${path} says so already; nothing to change.`,
    noPort: 'No port moves.',
    rules: (format) => `Of the firewall's rules (${format}):`,
    overruled: (variable) => `${variable} is set and decides, whatever the file says`,
    dryRun: 'Nothing was changed (--dry-run).',
    follows: 'The running server goes by it already; connections went on.',
    refused: 'The file is changed, but the running server does not go by it:',
    notRunning: 'No server runs; the next start goes by it.',
    mayNotAsk: 'The running server could not be told (run as root or as the user gavan): gavan reload',
    then: (format) => `Next, the rules: gavan firewall --format ${format}`,
  },
  ru: {
    already: (path) => `${path}: там уже так, менять нечего.`,
    noPort: 'Порты не меняются.',
    rules: (format) => `В правилах брандмауэра (${format}):`,
    overruled: (variable) => `задана переменная ${variable}, решает она, а не файл`,
    dryRun: 'Ничего не изменено (--dry-run).',
    follows: 'Работающий сервер уже учёл это; соединения не прервались.',
    refused: 'Файл изменён, но работающий сервер его не принял:',
    notRunning: 'Сервер не работает; он учтёт это, когда его запустят.',
    mayNotAsk: 'Сообщить работающему серверу не удалось (нужны права root или пользователя gavan): gavan reload',
    then: (format) => `Дальше правила: gavan firewall --format ${format}`,
  },
}
