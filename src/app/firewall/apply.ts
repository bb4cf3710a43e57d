/** Compare, load, check, and put back what was there when the check fails. */
import type { ExposurePlan } from '../../exposure/contract.ts'
import type { RuleOptions } from '../../exposure/firewall/contract.ts'
import { linesDiff } from '../../exposure/firewall/diff.ts'
import { FirewallFailure, type Appliable, type Loader } from './contract.ts'
import { firewalldLoader } from './firewalld.ts'
import { iptablesLoader } from './iptables.ts'
import { nftablesLoader } from './nftables.ts'
import { ufwLoader } from './ufw.ts'

const LOADERS: Readonly<Record<Appliable, (plan: ExposurePlan, options: RuleOptions) => Promise<Loader>>> = {
  nftables: nftablesLoader,
  iptables: iptablesLoader,
  ufw: ufwLoader,
  firewalld: firewalldLoader,
}

/** @returns what would change, as lines; none: it is loaded. @throws FirewallFailure */
export async function compareRules(
  plan: ExposurePlan,
  format: Appliable,
  options: RuleOptions,
): Promise<readonly string[]> {
  const { loaded, wanted } = await LOADERS[format](plan, options)
  return linesDiff(await loaded(), await wanted())
}

/** @returns what has changed. @throws FirewallFailure; then it is as it was */
export async function applyRules(
  plan: ExposurePlan,
  format: Appliable,
  options: RuleOptions,
): Promise<readonly string[]> {
  const loader = await LOADERS[format](plan, options)
  const wanted = await loader.wanted()
  const changes = linesDiff(await loader.loaded(), wanted)
  if (changes.length === 0) return []
  await orBack(loader, loader.load, wanted)
  return changes
}

export async function removeRules(
  plan: ExposurePlan,
  format: Appliable,
  options: RuleOptions,
): Promise<readonly string[]> {
  const loader = await LOADERS[format](plan, options)
  const before = await loader.loaded()
  if (before.length === 0) return []
  await orBack(loader, loader.unload, [])
  return linesDiff(before, [])
}

async function orBack(loader: Loader, change: () => Promise<void>, wanted: readonly string[]): Promise<void> {
  try {
    await change()
    const different = linesDiff(wanted, await loader.loaded())
    if (different.length > 0)
      throw new FirewallFailure(`what was loaded reads back otherwise:\n${different.join('\n')}`)
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    try {
      await loader.restore()
    } catch (failed) {
      throw new FirewallFailure(
        `${cause}\nand what was there could not be put back: ${failed instanceof Error ? failed.message : String(failed)}`,
        'look at the rules of this host by hand',
      )
    }
    throw new FirewallFailure(cause, 'nothing was changed: the rules are as they were')
  }
}
