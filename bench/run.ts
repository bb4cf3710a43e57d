/** `npm run bench`: see bench/README.md. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../test/interop/ports.ts'
import { build } from '../tools/build.ts'
import { ROOT } from '../tools/tree.ts'
import { runRound } from './load-process.ts'
import { printProfiles } from './profile.ts'
import { page, sectionsOf, table, type Circumstances, type Outcome } from './results.ts'
import type { Measured, Scenario } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'
import { startGavan } from './server/gavan.ts'
import { startPeer } from './server/peer.ts'
import { USERS, type RunningServer, type ServerName } from './server/server.ts'

const RESULTS = join(ROOT, 'bench/RESULTS.md')

const HELP = `npm run bench [-- SCENARIO… [--quick] [--only gavan|peer] [--rounds N] [--data DIR] [--out FILE] [--profile]]

Scenarios: ${SCENARIOS.map(({ name }) => name).join(', ')}. All of them when none is named. Of both servers and
in full, the results go to bench/RESULTS.md; tables of other scenarios there stay.

  --quick       small sizes, to see that it works
  --only NAME   one server alone
  --rounds N    instead of three
  --data DIR    where the servers keep their data: the disk that is measured
  --out FILE    write the results there
  --profile     gavan alone, one round, with a CPU profile of each thread; prints where the time goes
`

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    data: { type: 'string' },
    out: { type: 'string' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const said = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' }).trim()

function versions(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  return {
    gavan: `${version} (${said('git', '-C', ROOT, 'rev-parse', '--short', 'HEAD')})`,
    Node: process.versions.node,
    Postfix: said('/usr/sbin/postconf', '-dh', 'mail_version'),
    Dovecot: said('dovecot', '--version'),
    Linux: said('uname', '-r'),
  }
}

function chosen(): readonly Scenario[] {
  const unknown = positionals.filter((name) => !SCENARIOS.some((each) => each.name === name))
  if (unknown.length > 0) throw new Error(`no scenario ${unknown.join(', ')}\n${HELP}`)
  return positionals.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => positionals.includes(name))
}

function servers(): readonly ServerName[] {
  const only = flags.profile ? 'gavan' : flags.only
  if (only === undefined) return ['gavan', 'postfix+dovecot']
  return only === 'gavan' ? ['gavan'] : ['postfix+dovecot']
}

async function main(): Promise<void> {
  if (flags.help) {
    console.log(HELP)
    return
  }
  const scenarios = chosen()
  await build(join(ROOT, 'dist'))
  const folder = mkdtempSync(join(flags.data ?? tmpdir(), 'bench-'))
  chmodSync(folder, 0o755) // Postfix and Dovecot have users of their own.
  const profileFolder = flags.profile ? join(folder, 'profiles') : null
  const loads = [loadavg()[0]!]
  const date = new Date()
  const running = new Map<ServerName, RunningServer>()
  try {
    for (const name of servers()) {
      const options = { folder: join(folder, name[0]!), users: USERS, sinkPort: await freePort(), profileFolder }
      mkdirSync(options.folder)
      running.set(name, await (name === 'gavan' ? startGavan : startPeer)(options))
    }
    const outcomes: Outcome[] = []
    for (const scenario of scenarios) outcomes.push(await runScenario(scenario, running, loads))

    const facts: Circumstances = {
      date,
      versions: versions(),
      fileSystem: said('findmnt', '-no', 'FSTYPE,OPTIONS', '-T', folder),
      loads,
      quick: flags.quick,
      names: SCENARIOS.map(({ name }) => name),
      command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
    }
    const whole = !flags.quick && running.size === 2 && flags.rounds === undefined
    const out = flags.out ?? (whole ? RESULTS : null)
    const before = out === RESULTS ? sectionsOf(readFileSync(RESULTS, 'utf8')) : new Map<string, string>()
    if (out !== null) writeFileSync(out, page(outcomes, facts, before))
  } finally {
    for (const server of running.values()) await server[Symbol.asyncDispose]()
    if (profileFolder !== null && existsSync(profileFolder)) printProfiles(profileFolder)
    if (profileFolder === null) rmSync(folder, { recursive: true, force: true })
    else console.log(`The profiles, for a browser's developer tools: ${profileFolder}`)
  }
}

/** The servers in turn, each round, that of warming up too; a scenario that fails on one is noted and left. */
async function runScenario(
  scenario: Scenario,
  running: ReadonlyMap<ServerName, RunningServer>,
  loads: number[],
): Promise<Outcome> {
  const count = flags.profile ? 1 : Math.min(scenario.rounds, Number(flags.rounds ?? scenario.rounds))
  const rounds: Partial<Record<ServerName, (readonly Measured[])[]>> = {}
  for (let round = scenario.warmUp ? -1 : 0; round < count; round++) {
    for (const [name, { facts: server }] of running) {
      loads.push(loadavg()[0]!)
      try {
        const measured = await runRound({ scenario: scenario.name, round, quick: flags.quick, server })
        if (round >= 0) rounds[name] = [...(rounds[name] ?? []), measured]
      } catch (error) {
        console.error(`${scenario.name} on ${name}: ${error instanceof Error ? error.message : String(error)}`)
        process.exitCode = 1
      }
    }
  }
  const outcome = { scenario, rounds }
  console.log(`\n${scenario.name}: ${scenario.about}\n${table(outcome)}`)
  return outcome
}

await main()
