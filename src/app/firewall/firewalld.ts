import type { ExposurePlan } from '../../exposure/contract.ts'
import type { RuleOptions } from '../../exposure/firewall/contract.ts'
import { FIREWALLD_SETS, FIREWALLD_ZONE, firewalldCommands, merged } from '../../exposure/firewall/firewalld.ts'
import type { Loader } from './contract.ts'
import { mustRun, runTool } from './tool.ts'

/** Everything is set in what firewalld keeps, then loaded by one reload. */
export async function firewalldLoader(plan: ExposurePlan, options: RuleOptions): Promise<Loader> {
  const zone = options.interface ?? FIREWALLD_ZONE
  const commands = firewalldCommands(plan, zone)
  const before = await stateOf(zone)
  const put = async (list: readonly (readonly string[])[]): Promise<void> => {
    await clear(zone)
    for (const args of merged(list, ADDED)) await mustRun('firewall-cmd', ['--permanent', ...args])
    await mustRun('firewall-cmd', ['--reload'])
  }
  return {
    loaded: async () => (await stateOf(zone)).map(printed).toSorted(),
    wanted: async () => commands.map(printed).toSorted(),
    async load() {
      const sets = (await mustRun('firewall-cmd', ['--permanent', '--get-ipsets'])).split(/\s+/)
      for (const { name, family } of FIREWALLD_SETS)
        if (!sets.includes(name))
          await mustRun('firewall-cmd', [
            '--permanent',
            `--new-ipset=${name}`,
            '--type=hash:net',
            `--option=family=${family}`,
          ])
      await put(commands)
    },
    async unload() {
      await clear(zone)
      for (const { name } of FIREWALLD_SETS) await runTool('firewall-cmd', ['--permanent', `--delete-ipset=${name}`])
      await mustRun('firewall-cmd', ['--reload'])
    },
    restore: async () => await put(before),
  }
}

const ADDED = ['--add-port', '--add-rich-rule', '--add-service']

const printed = (args: readonly string[]): string => args.join(' ')
const words = (text: string): string[] => text.split(/\s+/).filter((word) => word.startsWith('gavan-'))
const ask = async (...args: string[]): Promise<string> => await mustRun('firewall-cmd', ['--permanent', ...args])

/** As the commands that would make it. */
async function stateOf(zone: string): Promise<readonly (readonly string[])[]> {
  const state: string[][] = []
  for (const service of words(await ask('--get-services'))) {
    state.push([`--new-service=${service}`])
    state.push([`--service=${service}`, `--set-short=${(await ask(`--service=${service}`, '--get-short')).trim()}`])
    for (const port of (await ask(`--service=${service}`, '--get-ports')).split(/\s+/).filter((each) => each !== ''))
      state.push([`--service=${service}`, `--add-port=${port}`])
  }
  for (const rule of await richRules(zone)) state.push([`--zone=${zone}`, `--add-rich-rule=${rule}`])
  for (const service of words(await ask(`--zone=${zone}`, '--list-services')))
    state.push([`--zone=${zone}`, `--add-service=${service}`])
  return state
}

async function richRules(zone: string): Promise<string[]> {
  return (await ask(`--zone=${zone}`, '--list-rich-rules')).split('\n').filter((rule) => rule.includes('gavan-'))
}

async function clear(zone: string): Promise<void> {
  const rules = (await richRules(zone)).map((rule) => `--remove-rich-rule=${rule}`)
  if (rules.length > 0) await ask(`--zone=${zone}`, ...rules)
  const services = words(await ask(`--zone=${zone}`, '--list-services')).map((name) => `--remove-service=${name}`)
  if (services.length > 0) await ask(`--zone=${zone}`, ...services)
  for (const service of words(await ask('--get-services'))) await ask(`--delete-service=${service}`)
}
