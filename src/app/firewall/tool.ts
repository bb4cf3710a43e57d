import { spawn } from 'node:child_process'
import { FirewallFailure } from './contract.ts'

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Where Debian keeps what only root runs. */
const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin', '/usr/local/sbin'].join(':')
const ENV = { ...process.env, PATH, LC_ALL: 'C' }

/** @throws FirewallFailure when the program is not there */
export function runTool(program: string, args: readonly string[], input = ''): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: ENV, stdio: ['pipe', 'pipe', 'pipe'] })
    const out = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (out.stderr += text))
    child.on('error', (error) => reject(new FirewallFailure(`${program} cannot be run: ${error.message}`, null)))
    child.on('close', (code) => resolve({ code: code ?? -1, ...out }))
    // A program that ends before it has read all says so by its code.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** @throws FirewallFailure with what the program said */
export async function mustRun(program: string, args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await runTool(program, args, input)
  if (code === 0) return stdout
  const said = (stderr.trim() || stdout.trim()).split('\n').slice(0, 5).join('\n')
  throw new FirewallFailure(`${program} ${args.join(' ')}: ${said || `exit ${code}`}`)
}

/**
 * What the commands print at the end, in a network namespace that nobody else sees and that goes with them: rules come back
 * in the tool's own words.
 */
export async function inScratch(
  steps: readonly { readonly argv: readonly string[]; readonly input: string }[],
): Promise<string> {
  const script = `
    const { spawnSync } = require('node:child_process')
    let out = ''
    for (const { argv, input } of JSON.parse(require('node:fs').readFileSync(0, 'utf8'))) {
      const ran = spawnSync(argv[0], argv.slice(1), { input, encoding: 'utf8' })
      if (ran.status !== 0) { process.stderr.write(String(ran.stderr || ran.error)); process.exit(1) }
      out = ran.stdout
    }
    process.stdout.write(out)`
  return await mustRun('unshare', ['--net', process.execPath, '-e', script], JSON.stringify(steps))
}
