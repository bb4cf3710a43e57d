/** Reads V8's CPU profiles and says where the time goes: each thread's functions by the time in themselves. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from '../tools/tree.ts'

type Node = {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

type Profile = {
  readonly nodes: readonly Node[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const SHOWN = 30
const IDLE = new Set(['(idle)', '(root)'])

function place({ callFrame }: Node): string {
  const { functionName, url, lineNumber } = callFrame
  const path = url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url
  return `${functionName === '' ? '(anonymous)' : functionName}  ${path === '' ? '' : `${path}:${lineNumber + 1}`}`
}

/** Milliseconds by place: `self` in the function, `total` with what it called (recursion counted once). */
function times({ nodes, samples, timeDeltas }: Profile): Map<string, { self: number; total: number }> {
  const selfOf = new Map<number, number>()
  for (const [index, id] of samples.entries()) selfOf.set(id, (selfOf.get(id) ?? 0) + timeDeltas[index]! / 1000)
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const found = new Map<string, { self: number; total: number }>()
  const visit = (id: number, above: ReadonlySet<string>): number => {
    const node = byId.get(id)!
    const where = place(node)
    const inside = new Set(above).add(where)
    const self = selfOf.get(id) ?? 0
    const total = (node.children ?? []).reduce((sum, child) => sum + visit(child, inside), self)
    const entry = found.get(where) ?? { self: 0, total: 0 }
    entry.self += self
    if (!above.has(where)) entry.total += total
    found.set(where, entry)
    return total
  }
  if (nodes[0] !== undefined) visit(nodes[0].id, new Set())
  return found
}

export function printProfiles(folder: string): void {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile
    const all = [...times(profile)].filter(([where]) => !IDLE.has(where.trim()))
    const busy = all.reduce((sum, [, { self }]) => sum + self, 0)
    const threads = new Set(profile.nodes.map(({ callFrame }) => callFrame.url.split('/').at(-1)))
    const name = ['writer-thread.ts', 'relay-thread.ts', 'search-thread.ts', 'protocol-thread.ts', 'main.ts'].find(
      (each) => threads.has(each),
    )
    console.log(`\n${name ?? 'another thread'}: ${busy.toFixed(0)} ms busy (${file})\n   self    total`)
    const show = (value: number): string => `${((100 * value) / busy).toFixed(1).padStart(5)} %`
    const top = all.toSorted(([, a], [, b]) => b.self - a.self).slice(0, SHOWN)
    for (const [where, { self, total }] of top) console.log(`${show(self)} ${show(total)}  ${where}`)
  }
}
