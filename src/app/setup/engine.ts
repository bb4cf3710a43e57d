/** The one engine of setup, behind a terminal and behind a page: what would be done, and the doing. Says nothing itself. */
import { existsSync } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { planOf } from '../../exposure/plan.ts'
import type { ExposurePlan } from '../../exposure/contract.ts'
import { makePassword } from '../cli/password.ts'
import { CliError, EXIT } from '../cli/output.ts'
import type { Config } from '../config/config.ts'
import type { HeldPort } from '../doctor/contract.ts'
import { keepFile } from '../keep-file.ts'
import { planSettings } from '../plan-settings.ts'
import { applySteps, type Hands, type Outcome } from './apply.ts'
import { hasStore, lookAtFound, userOwner } from './around.ts'
import type { Answers, Around, Found, Places, Step } from './contract.ts'
import { publishedAddresses } from './names.ts'
import { planSetup, settingsAfter } from './plan.ts'
import { runProgram, type Ran } from './programs.ts'
import { readRecord } from './remove.ts'
import { checked, openSessionLog, undisturbed, type Earlier, type Voice } from './session.ts'
import { isBelowHome, printUnit } from './unit.ts'

/** All that is known before anything is changed. */
export type Prepared = {
  readonly answers: Answers
  readonly around: Around
  readonly config: Config
  readonly plan: ExposurePlan
  readonly found: Found
  readonly steps: readonly Step[]
  /** Ports without which mail does not work, and who holds them. */
  readonly blocked: readonly (readonly [number, HeldPort])[]
  /** How this very program is started. */
  readonly program: readonly string[]
}

/** Changes nothing. @throws CliError */
export async function prepareSetup(
  answers: Answers,
  around: Around,
  earlier: Earlier | null,
  voice: Voice,
): Promise<Prepared> {
  const { places, words } = voice
  const after = settingsAfter(answers, places, earlier)
  if (!after.ok) throw new CliError(EXIT.failed, ...words.byHand(places.config, after.error))
  const config = await checked(places.config, after.value)
  const plan = planOf(planSettings(config), around.facts)
  const program = await thisProgram(voice)
  const found = await lookAtFound(places, {
    dataDir: config.dataDir,
    domain: answers.domain,
    first: answers.first,
    accounts: await accountsOf(earlier, program, places),
    systemd: around.systemd,
    run: runProgram,
  })
  const blocked = blockedPorts(plan, around, answers)
  const unitText = printUnit({ program, homesReadable: program.some(isBelowHome) })
  const steps = planSetup({
    answers,
    around,
    places,
    found,
    config: after.value,
    unitText,
    blocked: blocked.length > 0,
  })
  return { answers, around, config, plan, found, steps, blocked, program }
}

/** @param done told after each step */
export async function carryOut(
  { steps, config, program }: Prepared,
  { places }: Voice,
  done: (step: Step) => void,
): Promise<Outcome> {
  const hands: Hands = {
    places,
    run: runProgram,
    owner: () => (places.wholeSystem ? userOwner() : Promise.resolve(null)),
    gavan: (args, input) => runGavan(program, places, args, input),
    dataDir: config.dataDir,
    makePassword: () => makePassword().reveal(),
    log: openSessionLog(places),
    done,
  }
  return undisturbed(async () => {
    const end = await applySteps(steps, await readRecord(places), hands)
    if (end.at === 'done') await keepFile(places.record, `${JSON.stringify(end.made)}\n`, { mode: 0o600 })
    return end
  })
}

/** Under which the internet reaches this host, when nobody said it and it has none of its own. */
export async function outerAddresses(
  hostname: string,
  said: readonly string[],
  { facts }: Around,
  { wholeSystem }: Places,
): Promise<readonly string[]> {
  const own = facts.addresses.some(({ scope, family }) => scope === 'global' && family === 4)
  if (said.length > 0 || own || !wholeSystem || facts.addresses.length === 0) return said
  return publishedAddresses(hostname)
}

/** Without 80 the server starts all the same. */
function blockedPorts({ rows }: ExposurePlan, { held }: Around, { port80 }: Answers): (readonly [number, HeldPort])[] {
  const wanted = rows.filter(({ opening, service }) => opening !== 'off' && service !== 'http').map(({ port }) => port)
  // nginx has 80 and 443: stopped, it frees both.
  const freed = port80 === 'stop' ? held.get(80)?.unit : undefined
  return [...held].filter(
    ([port, holder]) => wanted.includes(port) && (freed === undefined || freed === null || holder.unit !== freed),
  )
}

/** How systemd, and setup itself, start this very program. @throws CliError when the user gavan could not read it */
async function thisProgram({ places, words }: Voice): Promise<readonly string[]> {
  const script = await realpath(process.argv[1] ?? '')
  if (script.startsWith('/usr/lib/gavan/') && existsSync('/usr/bin/gavan')) return ['/usr/bin/gavan']
  const program = [await realpath(process.execPath), script]
  if (places.wholeSystem)
    for (const path of program) {
      const closed = await closedTo(path)
      if (closed !== null) throw new CliError(EXIT.failed, ...words.unreadable(closed))
    }
  return program
}

/** The part of a path that others than its owner may not enter or read. */
async function closedTo(path: string): Promise<string | null> {
  if (((await stat(path)).mode & 0o004) === 0) return path
  for (let at = dirname(path); ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return at
    if (at === dirname(at)) return null
  }
}

/** This program as the user gavan, with the file alone deciding. */
async function runGavan(program: readonly string[], places: Places, args: readonly string[], input = ''): Promise<Ran> {
  const owner = places.wholeSystem ? await userOwner() : null
  const [command = '', ...before] = program
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GAVAN_')))
  return runProgram(command, [...before, '--config', places.config, ...args], {
    input,
    env,
    owner: owner !== null && process.getuid?.() === 0 ? owner : undefined,
  })
}

async function accountsOf(earlier: Earlier | null, program: readonly string[], places: Places): Promise<string[]> {
  if (earlier === null || !hasStore(earlier.config)) return []
  const ran = await runGavan(program, places, ['user', 'list', '--json'])
  if (ran.code !== 0) return []
  return (JSON.parse(ran.stdout) as { users: { address: string }[] }).users.map(({ address }) => address)
}
