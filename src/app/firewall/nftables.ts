import type { ExposurePlan } from '../../exposure/contract.ts'
import type { AllowIn, RuleOptions } from '../../exposure/firewall/contract.ts'
import { nftablesParts } from '../../exposure/firewall/nftables.ts'
import type { Loader } from './contract.ts'
import { inScratch, mustRun, runTool } from './tool.ts'

const TABLE = ['inet', 'gavan'] as const

/** One transaction each way. */
export async function nftablesLoader(plan: ExposurePlan, options: RuleOptions): Promise<Loader> {
  const { allowIn } = options
  const { table, allowed } = nftablesParts(plan, options)
  const snapshot = await listTable()
  const jumped = allowIn === null ? [] : await jumps(allowIn)
  const before = allowIn === null ? null : await listChain(allowIn)
  const own = allowIn === null ? '' : `${allowIn.family} ${allowIn.table} gavan`

  return {
    async loaded() {
      return [
        ...rulesIn(await listTable()),
        ...(allowIn === null ? [] : rulesIn(await listChain(allowIn))),
        ...(allowIn === null || (await jumps(allowIn)).length === 0 ? [] : ['jump gavan']),
      ]
    },
    async wanted() {
      const list = (args: readonly string[]) => ({ argv: ['nft', '-s', 'list', ...args], input: '' })
      const load = { argv: ['nft', '-f', '-'], input: [...table, ...bareChain(allowIn), ...allowed].join('\n') }
      return [
        ...rulesIn(await inScratch([load, list(['table', ...TABLE])])),
        ...(allowIn === null
          ? []
          : [
              ...rulesIn(await inScratch([load, list(['chain', allowIn.family, allowIn.table, 'gavan'])])),
              'jump gavan',
            ]),
      ]
    },
    async load() {
      const jump = allowIn === null || jumped.length > 0 ? [] : [`insert rule ${placeOf(allowIn)} jump gavan`]
      await mustRun('nft', ['-f', '-'], [...table, ...allowed, ...jump].join('\n'))
    },
    async unload() {
      await mustRun('nft', ['-f', '-'], [...removal(allowIn, jumped)].join('\n'))
    },
    async restore() {
      const jumpsNow = allowIn === null ? [] : await jumps(allowIn)
      const lines = [
        ...removal(allowIn, jumpsNow),
        ...snapshot.split('\n'),
        ...(before === null || before === '' ? [] : before.split('\n')),
        ...(allowIn === null || jumped.length === 0 ? [] : [`insert rule ${placeOf(allowIn)} jump gavan`]),
      ]
      await mustRun('nft', ['-f', '-'], lines.join('\n'))
    },
  }

  /** As though it were there: `add` before `delete`. */
  function removal(place: AllowIn | null, handles: readonly string[]): string[] {
    return [
      `add table ${TABLE.join(' ')}; delete table ${TABLE.join(' ')}`,
      ...(place === null
        ? []
        : [
            ...handles.map((handle) => `delete rule ${placeOf(place)} handle ${handle}`),
            `add chain ${own}; flush chain ${own}; delete chain ${own}`,
          ]),
    ]
  }
}

const placeOf = ({ family, table, chain }: AllowIn): string => `${family} ${table} ${chain}`

/** In the scratch namespace the tables of others are not there. */
const bareChain = (allowIn: AllowIn | null): string[] =>
  allowIn === null ? [] : [`add table ${allowIn.family} ${allowIn.table}`]

/** With what is in the sets: bans must survive a restore. Empty: there is none. */
async function listTable(): Promise<string> {
  const { code, stdout } = await runTool('nft', ['-s', 'list', 'table', ...TABLE])
  return code === 0 ? stdout : ''
}

async function listChain({ family, table }: AllowIn): Promise<string> {
  const { code, stdout } = await runTool('nft', ['-s', 'list', 'chain', family, table, 'gavan'])
  return code === 0 ? stdout : ''
}

/** Handles of the rules that lead to our chain. */
async function jumps({ family, table, chain }: AllowIn): Promise<string[]> {
  const listed = await mustRun('nft', ['-a', 'list', 'chain', family, table, chain])
  return listed
    .split('\n')
    .map((line) => /^jump gavan # handle (\d+)$/.exec(line.trim())?.[1])
    .filter((handle) => handle !== undefined)
}

/** Without what is in the sets of bans: `elements = {`, over as many lines as they need, `}`. */
function rulesIn(text: string): string[] {
  let inElements = false
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => {
      const starts = line.startsWith('elements = {')
      const skipped = inElements || starts
      if (skipped) inElements = !line.endsWith('}')
      return !skipped && line !== ''
    })
}
