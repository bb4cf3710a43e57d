/** Runs one program to its end. */
import { spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { findProgram } from './peers.ts'

export type Ran = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly all: string
}

const RUN_TIMEOUT_MS = 60_000

/** @throws when the program cannot be started or does not end in a minute */
export function run(
  program: string,
  args: readonly string[],
  options: { input?: string | Buffer; env?: Record<string, string>; cwd?: string } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(findProgram(program) ?? program, args, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    let all = ''
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${program} did not end\n${all}`))
    }, RUN_TIMEOUT_MS)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      all += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      all += text
    })
    child.stdin.on('error', () => {}) // It may end without reading what we give it.
    child.stdin.end(options.input ?? '')
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr, all })
    })
  })
}

/** Asks again until the answer is something. @throws after `timeoutMs`, with `what` */
export async function until<T>(what: string, ask: () => T | null | Promise<T | null>, timeoutMs = 30_000): Promise<T> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== null) return answer
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
    await wait(50)
  }
}
