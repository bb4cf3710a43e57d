/** `gavan setup`: looks around, asks, shows the plan, applies it, tells what is left to do elsewhere. */
import { appendFileSync, existsSync, mkdirSync, openSync, closeSync } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { planOf } from '../../exposure/plan.ts'
import type { ExposurePlan } from '../../exposure/contract.ts'
import type { Language } from '../../exposure/words/contract.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { printProblems } from '../config/show.ts'
import { dnsSettings } from '../dns-settings.ts'
import type { HeldPort } from '../doctor/contract.ts'
import { keepFile } from '../keep-file.ts'
import { languageOf } from '../language.ts'
import { planSettings } from '../plan-settings.ts'
import { completeAnswers, readHostname, readPublic, type AnswerProblem } from '../setup/answers.ts'
import { applySteps, type Hands, type Outcome } from '../setup/apply.ts'
import { hasStore, lookAround, lookAtFound, userOwner } from '../setup/around.ts'
import type { Answers, Around, Found, GivenAnswers, Places, Step } from '../setup/contract.ts'
import { findNames, openings, printLines, publishedAddresses, recordLines } from '../setup/names.ts'
import { placesBelow } from '../setup/places.ts'
import { planSetup, settingsAfter } from '../setup/plan.ts'
import { runProgram, type Ran } from '../setup/programs.ts'
import { planRemoval, readRecord, remove } from '../setup/remove.ts'
import { answersOf, diffLines, HANDED_ON_PORT } from '../setup/settings-file.ts'
import { handOnSnippet } from '../setup/snippet.ts'
import { isBelowHome, printUnit } from '../setup/unit.ts'
import type { SetupWords } from '../setup/words/contract.ts'
import { holderName } from '../setup/words/shapes.ts'
import { SETUP_WORDS } from '../setup/words/words.ts'
import { CliError, EXIT, print, say } from './output.ts'
import { makePassword } from './password.ts'
import { askQuestions, openTerminal, type Terminal } from './setup-dialogue.ts'
import { askPorts } from './site.ts'

export type SetupFlags = {
  readonly domain?: string
  readonly first?: string
  readonly clients?: string
  readonly port80?: string
  readonly public?: readonly string[]
  /** False: nobody is there to ask. */
  readonly input: boolean
  readonly yes?: true
  readonly dryRun?: true
  readonly remove?: true
  readonly withData?: true
  readonly lang?: Language
  readonly root?: string
}

type Setting = {
  readonly flags: SetupFlags
  readonly places: Places
  readonly words: SetupWords
  readonly language: Language
  readonly terminal: Terminal | null
}

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
  const hostname = must(readHostname(given.hostname ?? answersBefore.hostname ?? ''), words, '')

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
  await carryOut(must(answered, words, given.domain ?? ''), around, earlier, setting)
}

// Before anything is asked ----------------------------------------------------------------------------------------------

function givenOf(host: string | undefined, flags: SetupFlags): GivenAnswers {
  const { domain, first, clients, port80, public: publicAddresses } = flags
  return { hostname: host, domain, first, clients, port80, publicAddresses }
}

/** What a flag says and cannot be is told before anything else. */
function refuseWrong(given: GivenAnswers, words: SetupWords): void {
  if (given.hostname !== undefined) must(completeAnswers(given, {}, true), words, given.domain ?? '')
  if (given.publicAddresses !== undefined) must(readPublic(given.publicAddresses), words, '')
}

function must<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: AnswerProblem },
  words: SetupWords,
  domain: string,
): T {
  if (result.ok) return result.value
  const { error } = result
  throw new CliError(EXIT.badConfig, words.problem(error, domain || domainOf(error)), words.problemFix(error))
}

const domainOf = ({ about }: AnswerProblem): string => (about === 'first' ? 'the mail domain' : '')

function mayChange({ flags, places, words }: Setting): void {
  if (flags.dryRun === true || !places.wholeSystem || process.getuid?.() === 0) return
  throw new CliError(EXIT.notAllowed, ...words.notRoot)
}

type Earlier = { readonly text: string; readonly config: Config }

async function readEarlier({ config: path }: Places): Promise<Earlier | null> {
  if (!existsSync(path)) return null
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliError(EXIT.notAllowed, `${path} cannot be read: ${error.code}`, 'run it as root')
  })
  return { text, config: await checked(path, text) }
}

/** As the server will see it: without the environment of this shell. */
async function checked(path: string, text: string): Promise<Config> {
  const loaded = await loadConfig({ path, env: {}, text })
  if (loaded.ok) return loaded.value
  throw new CliError(EXIT.badConfig, printProblems(loaded.error), null)
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

function tellAround(around: Around, outer: readonly string[], { words }: Setting): void {
  const { facts, held } = around
  print(`${words.around(around)} · ${addressLine(around, outer, words)}`)
  for (const [port, holder] of held) print(`  ${words.held(port, holder)}`)
  const free = [25, 80, 443, 587, 993].filter((port) => !held.has(port))
  if (held.size > 0) print(`  ${words.free(free.join(' '))}`)
  if (facts.container === 'bridge')
    print(`  ${PLAN_WORDS[words === SETUP_WORDS.ru ? 'ru' : 'en'].warning['container-bridge']({})}`)
}

function addressLine({ facts }: Around, outer: readonly string[], { address }: SetupWords): string {
  const list = (scopes: readonly string[]): string =>
    facts.addresses
      .filter(({ scope }) => scopes.includes(scope))
      .map((each) => each.address)
      .join(', ')
  const own = list(['global'])
  const inner = list(['private', 'shared'])
  if (facts.addresses.some(({ scope, family }) => scope === 'global' && family === 4)) return address.own(own)
  if (inner !== '') return outer.length > 0 ? address.nat(inner, outer.join(', ')) : address.natUnknown(inner)
  return own === '' ? address.none : address.own(own)
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

function tellPlan(told: {
  readonly steps: readonly Step[]
  readonly plan: ExposurePlan
  readonly found: Found
  readonly answers: Answers
  readonly setting: Setting
}): void {
  const { steps, plan, found, answers, setting } = told
  const { words, places, language } = setting
  print('')
  if (steps.length === 0) print(words.nothingToDo)
  else print(words.plan)
  for (const step of steps) {
    print(`  ${words.step(step)}`)
    if (step.do === 'write-file' && step.what === 'config' && step.before !== null)
      for (const line of diffLines(step.before, step.after)) print(`      ${line}`)
  }
  if (steps.length > 0) print(`  ${words.elsewhere}`)
  const kept = keptParts(found, answers, places)
  if (kept.length > 0) print(`  ${words.alreadyThere(kept.join(', '))}`)
  print(`  ${words.ports(openings(plan))}`)
  for (const { id, severity, facts } of plan.warnings)
    // Whoever answered "keep" knows it: the other program leads 80 to us.
    if (severity === 'problem' && !(id === 'http-closed-with-acme' && answers.port80 !== null))
      print(`  ! ${PLAN_WORDS[language].warning[id](facts)}`)
}

function keptParts(found: Found, { domain, first }: Answers, places: Places): string[] {
  return [
    ...(found.config === null ? [] : [places.config]),
    ...(found.user && places.wholeSystem ? ['gavan'] : []),
    ...(found.dataDir ? [places.dataDir] : []),
    ...(found.unit === null ? [] : ['gavan.service']),
    ...(found.keys ? [`DKIM ${domain}`] : []),
    ...(found.account ? [first] : []),
  ]
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

async function confirmed(what: 'apply' | 'remove', { flags, terminal, words }: Setting): Promise<boolean> {
  if (flags.yes === true || terminal === null) return true
  const answer = await terminal.ask(words.confirm[what])
  if (answer === null) return false
  const text = answer.trim().toLowerCase()
  return text === '' ? what === 'apply' : words.yes.includes(text)
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
  const later = (): void => {} // The steps are short; one is not left half-way.
  process.on('SIGINT', later)
  try {
    const outcome = await applySteps(steps, await readRecord(places), hands)
    if (outcome.at === 'done') {
      await keepFile(places.record, `${JSON.stringify(outcome.made)}\n`, { mode: 0o600 })
      return outcome
    }
    say(words.takenBack)
    for (const left of outcome.left) say(words.left(left))
    say(words.logAt(places.log))
    throw new CliError(EXIT.failed, words.failed(words.step(outcome.step).replace(/^[+~-] /, ''), outcome.cause), null)
  } finally {
    process.off('SIGINT', later)
  }
}

/** One line each, never a secret. A log that cannot be kept stops nothing. */
function openSessionLog({ log: path }: Places): (line: string) => void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    closeSync(openSync(path, 'a', 0o600))
  } catch {
    return () => {}
  }
  return (line) => {
    try {
      appendFileSync(path, `${new Date().toISOString()} ${line}\n`)
    } catch {
      // As above.
    }
  }
}

// What is left to do --------------------------------------------------------------------------------------------------------

async function tellRest(rest: {
  readonly outcome: Extract<Outcome, { at: 'done' }> | null
  readonly answers: Answers
  readonly around: Around
  readonly config: Config
  readonly plan: ExposurePlan
  readonly blocked: readonly (readonly [number, HeldPort])[]
  readonly program: readonly string[]
  readonly setting: Setting
}): Promise<void> {
  const { outcome, answers, around, config, plan, blocked, program, setting } = rest
  const { words, places } = setting
  const tell = (lines: readonly string[]): void => lines.forEach((line) => print(line))
  if (config.acme !== null && outcome !== null) print(`… ${words.certificate}`)
  if (outcome !== null && outcome.password !== null) tell(['', ...words.password(answers.first, outcome.password)])
  if (outcome !== null && outcome.notStarted !== null) tell(['', ...words.notStarted(outcome.notStarted)])
  for (const [port, holder] of blocked) tell(['', ...words.blocked(port, holder)])
  if (places.wholeSystem && !around.systemd) tell(['', ...words.howToStart(byHand(program))])
  tellPort80(answers, around, config, setting)
  await tellNames(config, plan, setting)
  tell(['', ...words.next(plan.layout === 'nat' ? words.firewallRouter : words.firewallHost)])
}

const byHand = (program: readonly string[]): string =>
  `setpriv --reuid gavan --regid gavan --init-groups --inh-caps +net_bind_service --ambient-caps +net_bind_service ${program.join(' ')} serve`

function tellPort80(
  { port80, domain }: Answers,
  { held, systemd }: Around,
  config: Config,
  { words, places }: Setting,
): void {
  const holder = held.get(80)
  if (holder === undefined || port80 === null) return
  if (port80 === 'dns') print(`\n${words.fillInDns(places.config)}`)
  if (port80 === 'stop' && (holder.unit === null || !systemd)) print(`\n${words.stopByHand(holder)}`)
  if (port80 !== 'keep') return
  print(`\n${words.handOn(holder.name, HANDED_ON_PORT)}`)
  const names = ['autoconfig', 'autodiscover', 'mta-sts'].map((label) => `${label}.${domain}`)
  for (const line of handOnSnippet(holder.name, config.hostname, names).split('\n')) print(`    ${line}`)
}

async function tellNames(config: Config, plan: ExposurePlan, { words, language, places }: Setting): Promise<void> {
  const dns = await dnsSettings(config, plan, config.domains)
  const findings = places.wholeSystem ? await findNames(config, dns) : []
  const { lines, optional } = recordLines(dns, findings, language, words.dns.notAsked)
  print(`\n${words.dns.head}`)
  for (const line of printLines(lines)) print(line)
  if (optional > 0) print(`  ${words.dns.optional(optional)}`)
  if (plan.publicAddresses.v4.length + plan.publicAddresses.v6.length === 0) print(`  ${words.dns.noAddress}`)
  print(`  ${words.dns.hints}`)
}

// Undo -----------------------------------------------------------------------------------------------------------------------

async function runRemove(setting: Setting): Promise<void> {
  const { flags, places, words, terminal } = setting
  mayChange(setting)
  const earlier = await readEarlier(places).catch(() => null) // A spoilt file is taken away as well.
  const dataDir = earlier?.config.dataDir ?? places.dataDir
  const made = await readRecord(places)
  const withData = flags.withData === true
  const removals = planRemoval(places, { made, dataDir, withData, systemd: existsSync('/run/systemd/system') })
  if (removals.length === 0) return print(words.removal.nothing)
  print(words.removal.plan)
  for (const removal of removals) print(`  ${words.removal.line(removal)}`)
  if (existsSync(dataDir) && !withData) print(`  ${words.removal.dataStays(dataDir)}`)
  if (flags.dryRun === true) return print(words.dryRun)
  if (withData && existsSync(dataDir) && flags.yes !== true) {
    // Mail is not thrown away by default, nor by Enter: --no-input alone does not agree to it.
    const name = earlier?.config.hostname ?? 'gavan'
    const typed = await terminal?.ask(words.removal.typeName(dataDir, name))
    if (typed?.trim() !== name) throw new CliError(EXIT.cancelled, words.removal.notTyped, null)
  } else if (!(await confirmed('remove', setting))) throw new CliError(EXIT.cancelled, words.cancelled, null)
  const log = openSessionLog(places)
  const left = await remove(removals, { run: runProgram, log, done: (each) => print(`✓ ${words.removal.done(each)}`) })
  for (const why of left) print(words.removal.left(why))
  print(words.removal.finished)
}
