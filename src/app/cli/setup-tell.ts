/** What setup prints. */
import type { ExposurePlan } from '../../exposure/contract.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'
import type { Config } from '../config/config.ts'
import { dnsSettings } from '../dns-settings.ts'
import type { HeldPort } from '../doctor/contract.ts'
import type { Outcome } from '../setup/apply.ts'
import type { Answers, Around, Found, Places, Step } from '../setup/contract.ts'
import { findNames, openings, printLines, recordLines } from '../setup/names.ts'
import { diffLines, HANDED_ON_PORT } from '../setup/settings-file.ts'
import { handOnSnippet } from '../setup/snippet.ts'
import type { SetupWords } from '../setup/words/contract.ts'
import { print } from './output.ts'
import type { Setting } from './setup-common.ts'
import { keysUnread } from './site.ts'

export function tellAround(around: Around, outer: readonly string[], { words, language }: Setting): void {
  const { facts, held } = around
  print(`${words.around(around)} · ${addressLine(around, outer, words)}`)
  for (const [port, holder] of held) print(`  ${words.held(port, holder)}`)
  const free = [25, 80, 443, 587, 993].filter((port) => !held.has(port))
  if (held.size > 0) print(`  ${words.free(free.join(' '))}`)
  if (facts.container === 'bridge') print(`  ${PLAN_WORDS[language].warning['container-bridge']({})}`)
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

export function tellPlan(told: {
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

// What is left to do --------------------------------------------------------------------------------------------------------

export async function tellRest(rest: {
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
  if (places.wholeSystem && !around.systemd) {
    if (around.ownPid === null) tell(['', ...words.howToStart(byHand(program))])
    else if (outcome !== null) tell(['', words.restartByHand(around.ownPid)])
  }
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
  const dns = await dnsSettings(config, plan, config.domains, keysUnread)
  const findings = places.wholeSystem ? await findNames(config, dns) : []
  const { lines, optional } = recordLines(dns, findings, language, words.dns.notAsked)
  print(`\n${words.dns.head}`)
  for (const line of printLines(lines)) print(line)
  if (optional > 0) print(`  ${words.dns.optional(optional)}`)
  if (plan.publicAddresses.v4.length + plan.publicAddresses.v6.length === 0) print(`  ${words.dns.noAddress}`)
  print(`  ${words.dns.hints}`)
}
