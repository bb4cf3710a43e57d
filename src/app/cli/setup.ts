/** `gavan setup`: looks around, asks, shows the plan, applies it, tells what is left to do elsewhere. */
import { existsSync } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { planOf } from '../../exposure/plan.ts'
import type { ExposurePlan } from '../../exposure/contract.ts'
import type { Config } from '../config/config.ts'
import type { HeldPort } from '../doctor/contract.ts'
import { keepFile } from '../keep-file.ts'
import { languageOf } from '../language.ts'
import { planSettings } from '../plan-settings.ts'
import { completeAnswers, readHostname, readPublic, type AnswerProblem } from '../setup/answers.ts'
import { applySteps, type Hands, type Outcome } from '../setup/apply.ts'
import { hasStore, lookAround, lookAtFound, userOwner } from '../setup/around.ts'
import type { Answers, Around, GivenAnswers, Places, Step } from '../setup/contract.ts'
import { publishedAddresses } from '../setup/names.ts'
import { placesBelow } from '../setup/places.ts'
import { planSetup, settingsAfter } from '../setup/plan.ts'
import { runProgram, type Ran } from '../setup/programs.ts'
import { readRecord } from '../setup/remove.ts'
import { answersOf } from '../setup/settings-file.ts'
import { isBelowHome, printUnit } from '../setup/unit.ts'
import type { SetupWords } from '../setup/words/contract.ts'
import { holderName } from '../setup/words/shapes.ts'
import { SETUP_WORDS } from '../setup/words/words.ts'
import { CliError, EXIT, print, say } from './output.ts'
import { makePassword } from './password.ts'
import {
  checked,
  confirmed,
  mayChange,
  openSessionLog,
  readEarlier,
  undisturbed,
  type Earlier,
  type Setting,
  type SetupFlags,
} from './setup-common.ts'
import { askQuestions, openTerminal } from './setup-dialogue.ts'
import { runRemove } from './setup-remove.ts'
import { tellAround, tellPlan, tellRest } from './setup-tell.ts'
import { askPorts } from './site.ts'

/** @throws CliError */
export async function runSetup(host: string | undefined, flags: SetupFlags, command: Command): Promise<void> {
  if (command.optsWithGlobals()['config'] !== undefined)
    throw new CliError(EXIT.usage, 'setup writes /etc/gavan/gavan.toml; --config is not for it', null)
  const language = flags.lang ?? languageOf(process.env)
  const places = placesBelow(flags.root === undefined ? null : resolve(flags.root))
  using terminal = flags.input ? openTerminal() : null
  const setting = { flags, places, language, words: SETUP_WORDS[language], terminal }
  await (flags.remove === true ? runRemove(setting) : runApply(host, setting))
}

async function runApply(host: string | undefined, setting: Setting): Promise<void> {
  const { flags, places, words } = setting
  const given = givenOf(host, flags)
  refuseWrong(given, words)
  mayChange(setting)
  const earlier = await readEarlier(places)
  const answersBefore = earlier === null ? {} : answersOf(earlier.config)
  const hostname = must(readHostname(given.hostname ?? answersBefore.hostname ?? ''), words)

  print(words.looking)
  const running = earlier === null || !places.wholeSystem ? null : await askPorts(earlier.config)
  const around = await lookAround(places, running === null || running === 'not-allowed' ? null : running.pid)
  const outer = await outerAddresses(
    hostname,
    given.publicAddresses ?? answersBefore.publicAddresses ?? [],
    around,
    places,
  )
  tellAround(around, outer, setting)
  if (earlier !== null) print(words.earlier(places.config))

  const holder = around.held.get(80) ?? null
  if (holder === null && given.port80 !== undefined) print(words.onePort80)
  const asked = { ...given, hostname, publicAddresses: outer }
  const answered =
    setting.terminal === null
      ? completeAnswers(asked, answersBefore, holder !== null)
      : await askQuestions(setting.terminal, {
          hostname,
          given: asked,
          earlier: answersBefore,
          holder: holder === null ? null : holderName(holder),
          words,
        })
  if (answered === null) throw new CliError(EXIT.cancelled, words.cancelled, null)
  await carryOut(must(answered, words), around, earlier, setting)
}

// Before anything is asked ----------------------------------------------------------------------------------------------

function givenOf(host: string | undefined, flags: SetupFlags): GivenAnswers {
  const { domain, first, clients, port80, public: publicAddresses } = flags
  return { hostname: host, domain, first, clients, port80, publicAddresses }
}

/** What a flag says and cannot be is told before anything else. */
function refuseWrong(given: GivenAnswers, words: SetupWords): void {
  if (given.hostname !== undefined) must(completeAnswers(given, {}, true), words)
  if (given.publicAddresses !== undefined) must(readPublic(given.publicAddresses), words)
}

function must<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: AnswerProblem },
  words: SetupWords,
): T {
  if (result.ok) return result.value
  const { error } = result
  throw new CliError(EXIT.badConfig, words.problem(error), words.problemFix(error))
}

async function outerAddresses(
  hostname: string,
  said: readonly string[],
  { facts }: Around,
  { wholeSystem }: Places,
): Promise<readonly string[]> {
  const own = facts.addresses.some(({ scope, family }) => scope === 'global' && family === 4)
  if (said.length > 0 || own || !wholeSystem || facts.addresses.length === 0) return said
  return publishedAddresses(hostname)
}

// The plan ----------------------------------------------------------------------------------------------------------------

async function carryOut(answers: Answers, around: Around, earlier: Earlier | null, setting: Setting): Promise<void> {
  const { places, words, flags } = setting
  const after = settingsAfter(answers, places, earlier)
  if (!after.ok) throw new CliError(EXIT.failed, ...words.byHand(places.config, after.error))
  const config = await checked(places.config, after.value)
  const plan = planOf(planSettings(config), around.facts)
  const program = await thisProgram(setting)
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
  tellPlan({ steps, plan, found, answers, setting })
  if (flags.dryRun === true) return print(words.dryRun)
  if (steps.length > 0 && !(await confirmed('apply', setting)))
    throw new CliError(EXIT.cancelled, words.cancelled, null)
  const outcome = steps.length === 0 ? null : await applied(steps, config, program, setting)
  await tellRest({ outcome, answers, around, config, plan, blocked, program, setting })
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

// The work ----------------------------------------------------------------------------------------------------------------

/** How systemd, and setup itself, start this very program. @throws CliError when the user gavan could not read it */
async function thisProgram({ places, words }: Setting): Promise<readonly string[]> {
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

async function applied(
  steps: readonly Step[],
  config: Config,
  program: readonly string[],
  setting: Setting,
): Promise<Extract<Outcome, { at: 'done' }>> {
  const { places, words } = setting
  const log = openSessionLog(places)
  const hands: Hands = {
    places,
    run: runProgram,
    owner: () => (places.wholeSystem ? userOwner() : Promise.resolve(null)),
    gavan: (args, input) => runGavan(program, places, args, input),
    dataDir: config.dataDir,
    makePassword: () => makePassword().reveal(),
    log,
    done: (step) => print(`✓ ${words.done(step)}`),
  }
  print('')
  const outcome = await undisturbed(async () => {
    const end = await applySteps(steps, await readRecord(places), hands)
    if (end.at === 'done') await keepFile(places.record, `${JSON.stringify(end.made)}\n`, { mode: 0o600 })
    return end
  })
  if (outcome.at === 'done') return outcome
  say(words.takenBack)
  for (const left of outcome.left) say(words.left(left))
  say(words.logAt(places.log))
  throw new CliError(EXIT.failed, words.failed(words.step(outcome.step).replace(/^[+~-] /, ''), outcome.cause), null)
}
