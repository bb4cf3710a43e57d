import { readFile, rm, writeFile } from 'node:fs/promises'
import type { ExposurePlan } from '../../exposure/contract.ts'
import type { RuleOptions } from '../../exposure/firewall/contract.ts'
import { isForV6, UFW_PROFILES, ufwParts } from '../../exposure/firewall/ufw.ts'
import type { Loader } from './contract.ts'
import { mustRun } from './tool.ts'

/** ufw knows no transaction: what fails half-way is put back rule by rule. */
export async function ufwLoader(plan: ExposurePlan, _options: RuleOptions): Promise<Loader> {
  const { profiles, rules } = ufwParts(plan)
  const withV6 = /^IPV6=yes$/m.test(await readFile('/etc/default/ufw', 'utf8').catch(() => ''))
  const wantedRules = rules.filter((rule) => withV6 || !isForV6(rule))
  const before = { profiles: await profilesNow(), rules: await rulesNow() }
  const put = async (text: string | null, list: readonly (readonly string[])[]): Promise<void> => {
    for (const rule of await rulesNow()) await mustRun('ufw', ['--force', 'delete', ...rule])
    if (text === null) await rm(UFW_PROFILES, { force: true })
    else await writeFile(UFW_PROFILES, text, { mode: 0o644 })
    for (const rule of list) await mustRun('ufw', [...rule])
  }
  const commented = (rule: readonly string[]): readonly string[] => [...rule, 'comment', 'gavan']
  return {
    loaded: async () => printed(await profilesNow(), await rulesNow()),
    wanted: async () =>
      printed(
        profiles,
        wantedRules.map((rule) => rule.slice(0, -2)),
      ),
    load: async () => await put(profiles, wantedRules),
    unload: async () => await put(null, []),
    restore: async () => await put(before.profiles, before.rules.map(commented)),
  }
}

/** ufw lists the rules of one family after those of the other; their order within one is kept. */
function printed(profiles: string | null, rules: readonly (readonly string[])[]): string[] {
  const lines = (profiles ?? '').split('\n').filter((line) => line !== '')
  const v6Last = rules.toSorted((a, b) => Number(isForV6(a)) - Number(isForV6(b)))
  return [...lines, ...v6Last.map((rule) => `ufw ${rule.join(' ')}`)]
}

async function profilesNow(): Promise<string | null> {
  try {
    return await readFile(UFW_PROFILES, 'utf8')
  } catch {
    return null
  }
}

/** Those with our comment, as arguments, without it. */
async function rulesNow(): Promise<string[][]> {
  const shown = await mustRun('ufw', ['show', 'added'])
  return [...shown.matchAll(/^ufw (.*) comment 'gavan'$/gm)].map((match) =>
    [...match[1]!.matchAll(/'([^']*)'|(\S+)/g)].map((word) => word[1] ?? word[2]!),
  )
}
