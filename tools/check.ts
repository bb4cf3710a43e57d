/** `npm run check`: everything that CI checks besides the tests. One line a step; a failed step shows what it said. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './tree.ts'

const CODE = ['src', 'test', 'tools', 'bench', 'bin'].filter((folder) => existsSync(join(ROOT, folder)))
const module = (path: string): string => join(ROOT, 'node_modules', path)

const STEPS: readonly { name: string; command: readonly string[] }[] = [
  { name: 'format', command: [module('oxfmt/bin/oxfmt'), '--check', ...CODE] },
  {
    name: 'lint',
    command: [
      module('oxlint/bin/oxlint'),
      '--type-aware',
      '--deny-warnings',
      '--report-unused-disable-directives-severity=error',
      ...CODE,
    ],
  },
  { name: 'types', command: [module('typescript/bin/tsc'), '-p', '.'] },
  { name: 'tidy', command: ['tools/tidy.ts'] },
  { name: 'docs', command: ['tools/docs.ts', '--check'] },
]

type Outcome = { readonly ok: boolean; readonly output: string; readonly seconds: number }

/** Runs one step with this Node, its output kept. */
function step(command: readonly string[]): Promise<Outcome> {
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ ok: code === 0, output, seconds: (performance.now() - start) / 1000 }))
  })
}

for (const { name, command } of STEPS) {
  const { ok, output, seconds } = await step(command)
  console.log(`${ok ? '✔' : '✖'} ${name} (${seconds.toFixed(1)} s)`)
  if (!ok) {
    console.log(output.trimEnd())
    process.exitCode = 1
  }
}
