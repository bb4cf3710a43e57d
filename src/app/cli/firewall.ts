/** `gavan firewall`: rules for the tool at hand from the exposure plan; shown, compared with what is loaded, applied, taken back. */
import type { Command } from 'commander'
import type { ExposurePlan } from '../../exposure/contract.ts'
import type { AllowIn, FirewallFormat, RuleOptions } from '../../exposure/firewall/contract.ts'
import { firewallRules, OPTION_FORMATS } from '../../exposure/firewall/render.ts'
import { PLAN_WORDS } from '../../exposure/words/words.ts'
import { applyRules, compareRules, removeRules } from '../firewall/apply.ts'
import { toolAtHand } from '../firewall/at-hand.ts'
import { FirewallFailure, isAppliable, type Appliable } from '../firewall/contract.ts'
import { APPLY_WORDS } from '../firewall/words.ts'
import { CliError, EXIT, print, printJson, say } from './output.ts'
import { readSite, type SiteOfHost } from './site.ts'

export type FirewallFlags = {
  readonly format?: FirewallFormat
  readonly router?: true
  readonly hairpin?: true
  readonly allowIn?: string
  readonly interface?: string
  readonly onlySender?: string
  readonly apply?: true
  readonly diff?: true
  readonly remove?: true
}

export async function runFirewall(flags: FirewallFlags, command: Command): Promise<void> {
  const site = await readSite(command)
  const format = flags.format ?? formatAtHand(site)
  const options = optionsOf(flags, format, site)
  const { plan } = site
  if (flags.diff === true) return await diff(site, onHost(format, plan, options), options)
  if (flags.apply === true) return await apply(site, onHost(format, plan, options), options, flags.remove === true)
  const { text, undo } = firewallRules(plan, format, options)
  for (const { id, severity, facts } of plan.warnings)
    if (severity === 'problem' && !site.json) say(`! ${PLAN_WORDS[site.language].warning[id](facts)}`)
  if (site.json) {
    const { layout, clients, container, warnings } = plan
    return printJson({ format, layout, clients, container, rules: text, undo, warnings })
  }
  if (flags.remove === true) return print(undo.join('\n'))
  process.stdout.write(text)
}

function formatAtHand({ language }: SiteOfHost): FirewallFormat {
  const found = toolAtHand()
  say(APPLY_WORDS[language].picked[found.why](found.format))
  return found.format
}

// Options ----------------------------------------------------------------------------------------------------------------

/** Names come between quotes and onto command lines: nothing else gets through. */
const NAME = /^[\w.@:+-]{1,64}$/

function optionsOf(flags: FirewallFlags, format: FirewallFormat, { language, plan }: SiteOfHost): RuleOptions {
  for (const [option, formats] of Object.entries(OPTION_FORMATS) as [keyof typeof OPTION_FORMATS, readonly string[]][])
    if (flags[option] !== undefined && !formats.includes(format))
      throw new CliError(
        EXIT.usage,
        `--${dashed(option)} means nothing to ${format}`,
        `it is for ${formats.join(', ')}`,
      )
  for (const option of ['interface', 'onlySender'] as const)
    if (flags[option] !== undefined && !NAME.test(flags[option]))
      throw new CliError(EXIT.usage, `--${dashed(option)}: "${flags[option]}" is no name`, null)
  const router = flags.router === true || format === 'routeros' || format === 'openwrt'
  if (flags.hairpin === true && !router)
    throw new CliError(EXIT.usage, '--hairpin is for the router, and these rules are for this host', 'add --router')
  if (flags.interface !== undefined && !router && format !== 'firewalld')
    throw new CliError(EXIT.usage, '--interface is for the router, and these rules are for this host', 'add --router')
  if (flags.onlySender !== undefined && router)
    throw new CliError(EXIT.usage, '--only-sender is for this host, and these rules are for the router', null)
  if (plan.container === 'bridge' && !router && (flags.allowIn ?? flags.onlySender) !== undefined)
    throw new CliError(
      EXIT.usage,
      'behind a container’s bridge neither --allow-in nor --only-sender means anything',
      null,
    )
  if (format === 'openwrt' && flags.interface !== undefined && !/^\w+$/.test(flags.interface))
    throw new CliError(EXIT.usage, `--interface: "${flags.interface}" is no zone of OpenWrt`, 'usually: wan')
  return {
    language,
    router: flags.router === true,
    hairpin: flags.hairpin === true,
    allowIn: flags.allowIn === undefined ? null : parseAllowIn(flags.allowIn),
    interface: flags.interface ?? null,
    onlySender: flags.onlySender ?? null,
  }
}

const dashed = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

function parseAllowIn(text: string): AllowIn {
  const [family = '', table = '', chain = '', ...rest] = text.trim().split(/\s+/)
  const known = family === 'inet' || family === 'ip' || family === 'ip6'
  if (known && /^\w{1,64}$/.test(table) && /^\w{1,64}$/.test(chain) && rest.length === 0)
    return { family, table, chain }
  throw new CliError(EXIT.usage, `--allow-in: "${text}" is no chain`, 'like this: --allow-in "inet filter input"')
}

/** @throws CliError where the rules are for another machine */
function onHost(format: FirewallFormat, plan: ExposurePlan, { router }: RuleOptions): Appliable {
  if (router || !isAppliable(format))
    throw new CliError(
      EXIT.usage,
      `rules for ${router ? 'the router' : format} are printed, and loaded there by you`,
      `gavan firewall --format ${format}`,
    )
  if (plan.container === 'bridge')
    throw new CliError(
      EXIT.usage,
      'this is a container, and the rules are for its host',
      `print them here and load them there: gavan firewall --format ${format}`,
    )
  if (process.getuid?.() !== 0)
    throw new CliError(EXIT.notAllowed, 'the rules of this host are root’s', `sudo gavan firewall --format ${format}`)
  return format
}

// What is loaded -----------------------------------------------------------------------------------------------------------

async function diff({ plan, json }: SiteOfHost, format: Appliable, options: RuleOptions): Promise<void> {
  const lines = await told(() => compareRules(plan, format, options))
  if (json) printJson({ format, equal: lines.length === 0, diff: lines })
  else for (const line of lines) print(line)
  process.exitCode = lines.length === 0 ? EXIT.ok : EXIT.failed
}

async function apply(
  { plan, json, language }: SiteOfHost,
  format: Appliable,
  options: RuleOptions,
  remove: boolean,
): Promise<void> {
  const words = APPLY_WORDS[language]
  const lines = await told(() => (remove ? removeRules(plan, format, options) : applyRules(plan, format, options)))
  const { undo } = firewallRules(plan, format, options)
  if (json) return printJson({ format, changed: lines.length > 0, removed: remove, diff: lines, undo })
  for (const line of lines) print(line)
  if (lines.length === 0) return say(words.nothing)
  if (remove) return say(words.removed)
  say(words.applied)
  say(`${words.undo} gavan firewall --format ${format} --remove --apply`)
  say(words.persists[format])
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof FirewallFailure) throw new CliError(EXIT.failed, error.message, error.fix)
    throw error
  }
}
