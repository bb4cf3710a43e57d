import type { ExposurePlan } from '../../exposure/contract.ts'
import type { RuleOptions } from '../../exposure/firewall/contract.ts'
import { IPTABLES_CHAINS, iptablesParts, type IptablesPart } from '../../exposure/firewall/iptables.ts'
import { FirewallFailure, type Loader } from './contract.ts'
import { inScratch, mustRun } from './tool.ts'

/** One `iptables-restore --noflush` for each family: its own chains, whole, and the jumps that lack. */
export async function iptablesLoader(plan: ExposurePlan, options: RuleOptions): Promise<Loader> {
  const parts = iptablesParts(plan, options)
  const before = new Map<IptablesPart['tool'], readonly string[]>()
  for (const { tool } of parts) before.set(tool, ours(await mustRun(`${tool}-save`, ['-t', 'filter'])))
  const put = async (wanted: (part: IptablesPart) => readonly string[]): Promise<void> => {
    for (const part of parts) await replace(part.tool, wanted(part))
  }
  return {
    async loaded() {
      const all: string[] = []
      for (const { tool } of parts) all.push(...titled(tool, ours(await mustRun(`${tool}-save`, ['-t', 'filter']))))
      return all
    },
    async wanted() {
      const all: string[] = []
      for (const { tool, restore, jumps } of parts) {
        const input = [...restore.trimEnd().split('\n').slice(0, -1), ...jumps.map(jumpLine), 'COMMIT', ''].join('\n')
        const saved = await inScratch([
          { argv: [`${tool}-restore`], input },
          { argv: [`${tool}-save`, '-t', 'filter'], input: '' },
        ])
        all.push(...titled(tool, ours(saved)))
      }
      return all
    },
    load: async () => await put(({ restore, jumps }) => [...ruleLines(restore), ...jumps.map(jumpLine)]),
    unload: async () => await put(() => []),
    restore: async () => await put(({ tool }) => before.get(tool) ?? []),
  }
}

const jumpLine = ({ chain, rule }: IptablesPart['jumps'][number]): string => `-A ${chain} ${rule.join(' ')}`
const ruleLines = (restore: string): string[] =>
  restore.split('\n').filter((line) => line.startsWith(':') || line.startsWith('-A'))
const titled = (tool: string, lines: readonly string[]): string[] => lines.map((line) => `${tool} ${line}`)

const isOurChain = (name: string): boolean => IPTABLES_CHAINS.some((chain) => chain === name)

/** Our chains, their rules, and what leads to them, as `iptables-save` says it. */
function ours(saved: string): string[] {
  return saved
    .split('\n')
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ' [0:0]'))
    .filter((line) => {
      const chain = /^:(\S+)/.exec(line)?.[1] ?? /^-A (\S+)/.exec(line)?.[1]
      if (chain === undefined) return false
      return isOurChain(chain) || isOurChain(/ -[jg] (\S+)$/.exec(line)?.[1] ?? '')
    })
}

/**
 * Brings our chains to what is wanted in one step. A jump that stays is left where it is; a new one comes first. Rules of
 * others are not named at all.
 */
async function replace(tool: IptablesPart['tool'], wanted: readonly string[]): Promise<void> {
  const now = ours(await mustRun(`${tool}-save`, ['-t', 'filter']))
  const chainsOf = (lines: readonly string[]): string[] =>
    lines.filter((line) => line.startsWith(':')).map((line) => line.split(' ')[0]!.slice(1))
  const isJump = (line: string): boolean => line.startsWith('-A') && !isOurChain(line.split(' ')[1]!)
  const wantedJumps = wanted.filter(isJump)
  const lines = [
    '*filter',
    // Naming a chain of ours empties it.
    ...new Set([...chainsOf(now), ...chainsOf(wanted)].map((chain) => `:${chain} - [0:0]`)),
    ...now.filter((line) => isJump(line) && !wantedJumps.includes(line)).map((line) => line.replace(/^-A/, '-D')),
    ...wanted.filter((line) => line.startsWith('-A') && !isJump(line)),
    ...wantedJumps.filter((line) => !now.includes(line)).map((line) => line.replace(/^-A/, '-I')),
    ...chainsOf(now)
      .filter((chain) => !chainsOf(wanted).includes(chain))
      .map((chain) => `-X ${chain}`),
    'COMMIT',
    '',
  ]
  if (lines.length === 3) return
  await mustRun(`${tool}-restore`, ['--noflush'], lines.join('\n'))
  if (tool === 'iptables' && wanted.length > 0 && ours(await mustRun(`${tool}-save`, ['-t', 'filter'])).length === 0)
    throw new FirewallFailure('iptables-restore took the rules and kept none')
}
