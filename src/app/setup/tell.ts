/** What setup tells, as lines: the same at a terminal and on a page. */
import type { ExposurePlan } from '../../exposure/contract.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'
import type { Config } from '../config/config.ts'
import { dnsSettings } from '../dns-settings.ts'
import type { Outcome } from './apply.ts'
import type { Answers, Around, FirstSignIn, Found, Places, Step } from './contract.ts'
import type { Prepared } from './engine.ts'
import { findNames, openings, printLines, recordLines, type RecordLine } from './names.ts'
import type { Voice } from './session.ts'
import { diffLines, HANDED_ON_PORT } from './settings-file.ts'
import { handOnSnippet } from './snippet.ts'
import type { SetupWords } from './words/contract.ts'

export function aroundLines(around: Around, outer: readonly string[], { words, language }: Voice): string[] {
  const { facts, held } = around
  const free = [25, 80, 443, 587, 993].filter((port) => !held.has(port))
  return [
    `${words.around(around)} · ${addressLine(around, outer, words)}`,
    ...[...held].map(([port, holder]) => `  ${words.held(port, holder)}`),
    ...(held.size > 0 ? [`  ${words.free(free.join(' '))}`] : []),
    ...(facts.container === 'bridge' ? [`  ${PLAN_WORDS[language].warning['container-bridge']({})}`] : []),
  ]
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

export function planLines({ steps, plan, found, answers }: Prepared, { words, places, language }: Voice): string[] {
  const lines = [steps.length === 0 ? words.nothingToDo : words.plan]
  for (const step of steps) {
    lines.push(`  ${words.step(step)}`)
    if (step.do === 'write-file' && step.what === 'config' && step.before !== null)
      for (const line of diffLines(step.before, step.after)) lines.push(`      ${line}`)
  }
  if (steps.length > 0) lines.push(`  ${words.elsewhere}`)
  const kept = keptParts(found, answers, places)
  if (kept.length > 0) lines.push(`  ${words.alreadyThere(kept.join(', '))}`)
  lines.push(`  ${words.ports(openings(plan))}`)
  for (const { id, severity, facts } of plan.warnings)
    // Whoever answered "dns" knows it.
    if (severity === 'problem' && !(id === 'http-closed-with-acme' && answers.port80 === 'dns'))
      lines.push(`  ! ${PLAN_WORDS[language].warning[id](facts)}`)
  return lines
}

/** A step without its sign. */
export const bareStep = (step: Step, words: SetupWords): string => words.step(step).replace(/^[+~-] /, '')

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

/** Each part for itself: a terminal prints them one below the other, a page has a place for each. */
export type Rest = {
  /** What waits by itself. */
  readonly waits: string | null
  /** Of the first account, when this run made it. */
  readonly first: { readonly sign: FirstSignIn; readonly near: string | null } | null
  readonly address: string
  /** What only a person can do here, each with its lines. */
  readonly byHand: readonly (readonly string[])[]
  readonly records: { readonly lines: readonly RecordLine[]; readonly after: readonly string[] }
  readonly next: readonly string[]
}

/** Asks the name servers. @param outcome null: there was nothing to do */
export async function restOf(
  prepared: Prepared,
  outcome: Extract<Outcome, { at: 'done' }> | null,
  voice: Voice,
  keysUnread: (why: Error) => void,
): Promise<Rest> {
  const { answers, around, config, plan, blocked, program } = prepared
  const { words, places } = voice
  const byHand: (readonly string[])[] = []
  if (outcome !== null && outcome.notStarted !== null) byHand.push(words.notStarted(outcome.notStarted))
  for (const [port, holder] of blocked) byHand.push(words.blocked(port, holder))
  if (places.wholeSystem && !around.systemd) {
    if (around.ownPid === null) byHand.push(words.howToStart(serveLine(program)))
    else if (outcome !== null) byHand.push([words.restartByHand(around.ownPid)])
  }
  byHand.push(...port80Lines(answers, around, config, voice))
  const first = outcome?.first ?? null
  return {
    waits: config.acme !== null && outcome !== null ? words.certificate : null,
    first: first === null ? null : { sign: first, near: first.by === 'link' ? nearLink(first.link, plan) : null },
    address: answers.first,
    byHand,
    records: await namesOf(config, plan, voice, keysUnread),
    next: words.next(plan.layout === 'nat' ? words.firewallRouter : words.firewallHost),
  }
}

export function printRest({ waits, first, address, byHand, records, next }: Rest, { words }: Voice): string[] {
  const sign =
    first === null
      ? []
      : first.sign.by === 'link'
        ? words.link(address, first.sign.link, first.near)
        : words.password(address, first.sign.password)
  return [
    ...(waits === null ? [] : [`… ${waits}`]),
    ...(sign.length === 0 ? [] : ['', ...sign]),
    ...byHand.flatMap((lines) => ['', ...lines]),
    '',
    words.dns.head,
    ...printLines(records.lines),
    ...records.after.map((line) => `  ${line}`),
    '',
    ...next,
  ]
}

/** The same link by the host's own address: names take their time. */
function nearLink(link: string, { serverAddresses: { v4, v6 } }: ExposurePlan): string | null {
  const address = v4[0] ?? (v6[0] === undefined ? undefined : `[${v6[0]}]`)
  if (address === undefined) return null
  const url = new URL(link)
  return `https://${address}${url.port === '' ? '' : `:${url.port}`}${url.pathname}${url.search}`
}

const serveLine = (program: readonly string[]): string =>
  `setpriv --reuid gavan --regid gavan --init-groups --inh-caps +net_bind_service --ambient-caps +net_bind_service ${program.join(' ')} serve`

function port80Lines(
  { port80, domain }: Answers,
  { held, systemd }: Around,
  config: Config,
  { words, places }: Voice,
): (readonly string[])[] {
  const holder = held.get(80)
  if (holder === undefined || port80 === null) return []
  if (port80 === 'dns') return [[words.fillInDns(places.config)]]
  if (port80 === 'stop') return holder.unit === null || !systemd ? [[words.stopByHand(holder)]] : []
  const names = ['autoconfig', 'autodiscover', 'mta-sts'].map((label) => `${label}.${domain}`)
  const snippet = handOnSnippet(holder.name, config.hostname, names).split('\n')
  return [[words.handOn(holder.name, HANDED_ON_PORT), ...snippet.map((line) => `    ${line}`)]]
}

async function namesOf(
  config: Config,
  plan: ExposurePlan,
  { words, language, places }: Voice,
  keysUnread: (why: Error) => void,
): Promise<Rest['records']> {
  const dns = await dnsSettings(config, plan, config.domains, keysUnread)
  const findings = places.wholeSystem ? await findNames(config, dns) : []
  const { lines, optional } = recordLines(dns, findings, language, words.dns.notAsked)
  const isKnown = plan.publicAddresses.v4.length + plan.publicAddresses.v6.length > 0
  return {
    lines,
    after: [
      ...(optional > 0 ? [words.dns.optional(optional)] : []),
      ...(isKnown ? [] : [words.dns.noAddress]),
      words.dns.hints,
    ],
  }
}
