/** `gavan ports`: which ports this server needs, who must reach them, what is open, and what is there now. */
import type { Command } from 'commander'
import { exposureMap } from '../../exposure/map.ts'
import type { ExposurePlan, PlanRow } from '../../exposure/contract.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'
import { isListenedOn, portHolder } from '../../net/port-holder.ts'
import type { PortsView } from '../admin/ports.ts'
import { systemClock } from '../machine.ts'
import { CliError, EXIT, print, printJson, say } from './output.ts'
import { onePort, portsTable, warningsOf, type Now } from './ports-screen.ts'
import { askPorts, readSite, type SiteOfHost } from './site.ts'

export type PortsFlags = { readonly svg?: true; readonly watch?: true; readonly plain?: true }

const WIDTH_DEFAULT = 120
const WATCH_EVERY_MS = 1000

export async function runPorts(which: string | undefined, flags: PortsFlags, command: Command): Promise<void> {
  const site = await readSite(command)
  const { plan, config, language, json } = site
  const row = which === undefined ? null : rowNamed(plan, which)
  if (flags.svg === true) return print(exposureMap(plan, language))
  if (flags.watch === true) return watch(site)
  const server = await askPorts(config)
  const now = await nowOf(plan, server)
  if (server === 'not-allowed') say(`! ${PLAN_WORDS[language].labels.mayNotAsk(config.admin.socket)}`)
  if (json) return printJson(jsonOf(plan, now, row))
  const width = process.stdout.columns ?? WIDTH_DEFAULT
  if (row !== null)
    return print(onePort(row, now.get(row.service), { language, width, warnings: warningsOf(plan, row.service) }))
  const colours = process.stdout.isTTY && process.stdout.hasColors() && flags.plain !== true
  print(portsTable(plan, now, { language, width: flags.plain === true ? Infinity : width, colours }))
}

function rowNamed(plan: ExposurePlan, which: string): PlanRow {
  const found = plan.rows.find(
    ({ service, port, standardPort }) => service === which || String(port) === which || String(standardPort) === which,
  )
  if (found !== undefined) return found
  const names = plan.rows.map(({ service, port }) => `${port} ${service}`).join(', ')
  throw new CliError(EXIT.usage, `"${which}" is no port of a mail server`, `one of ${names}`)
}

type Asked = Awaited<ReturnType<typeof askPorts>>

async function nowOf(plan: ExposurePlan, server: Asked): Promise<Map<string, Now>> {
  const now = new Map<string, Now>()
  for (const row of plan.rows) now.set(row.service, await nowAt(row, server))
  return now
}

async function nowAt({ service, behind, port: outer }: PlanRow, server: Asked): Promise<Now> {
  const port = behind ?? outer
  const view = server === 'not-allowed' ? null : server
  if (view?.opened.some((each) => each.service === service) === true) return running(service, view)
  if (process.platform !== 'linux') return { at: 'unknown' }
  if (!(await isListenedOn(port))) return { at: 'free' }
  // Our own server would be shown as a stranger.
  if (server === 'not-allowed') return { at: 'listens' }
  return { at: 'held', by: (await portHolder(port))?.name ?? null }
}

function running(service: PlanRow['service'], { seen }: PortsView): Now {
  const own = seen.find((each) => each.service === service)
  const { connections = 0, today = 0, refusedToday = 0, stranger = null } = own ?? {}
  const last =
    stranger === null
      ? null
      : {
          address: stranger.address,
          secondsAgo: Math.max(0, Math.round((systemClock.now() - stranger.at) / 1000)),
        }
  return { at: 'running', connections, today, refusedToday, stranger: last }
}

/** English whatever the locale. */
function jsonOf(plan: ExposurePlan, now: ReadonlyMap<string, Now>, only: PlanRow | null): Record<string, unknown> {
  const words = PLAN_WORDS.en
  const rows = (only === null ? plan.rows : [only]).map((row) => ({
    ...row,
    who: words.who[row.service],
    why: words.reason[row.reason],
    ifShut: words.ifShut[row.service],
    now: now.get(row.service) ?? { at: 'unknown' },
  }))
  const told = only === null ? plan.warnings : warningsOf(plan, only.service)
  const warnings = told.map((warning) => ({ ...warning, text: words.warning[warning.id](warning.facts) }))
  return only === null ? { ...plan, rows, warnings } : { port: rows[0], warnings }
}

/** Redrawn each second, from the running server, until Ctrl-C or `q`. */
async function watch({ plan, config, language }: SiteOfHost): Promise<void> {
  const { stdout, stdin } = process
  if (!stdout.isTTY)
    throw new CliError(EXIT.usage, '--watch draws on a terminal, and this is none', 'gavan ports --json')
  const done = Promise.withResolvers<void>()
  const onKey = (key: Buffer): void => {
    if (key.toString() === 'q' || key[0] === 3) done.resolve()
  }
  const raw = stdin.isTTY
  if (raw) stdin.setRawMode(true).resume().on('data', onKey)
  process.once('SIGINT', done.resolve)
  process.once('SIGTERM', done.resolve)
  stdout.write('\u001b[?1049h\u001b[?25l') // The other screen, without a cursor.
  try {
    for (let over = false; !over;) {
      const width = stdout.columns
      const table = portsTable(plan, await nowOf(plan, await askPorts(config)), {
        language,
        width,
        colours: stdout.hasColors(),
      })
      // Each line is cleared to its end, then all below: nothing flickers.
      stdout.write(`\u001b[H${table.split('\n').join('\u001b[K\n')}\u001b[K\u001b[J`)
      over = await Promise.race([
        done.promise.then(() => true),
        new Promise<boolean>((resolve) => void setTimeout(resolve, WATCH_EVERY_MS, false)),
      ])
    }
  } finally {
    stdout.write('\u001b[?25h\u001b[?1049l')
    if (raw) stdin.off('data', onKey).setRawMode(false).pause()
  }
}
