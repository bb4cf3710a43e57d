/** Other programs that setup runs: never through a shell. */
import { spawn } from 'node:child_process'

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export type RunOptions = {
  readonly owner?: Owner | undefined
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Who owns files and runs programs; on behalf of root. */
export type Owner = { readonly uid: number; readonly gid: number }

export type RunProgram = (program: string, args: readonly string[], options?: RunOptions) => Promise<Ran>

/** Never throws: a program that is not there is told as code null. */
export const runProgram: RunProgram = (program, args, { owner, input = '', env = process.env } = {}) =>
  new Promise((resolve) => {
    const child = spawn(program, args, { ...owner, env, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdin.on('error', () => {}) // It may end without reading.
    child.stdin.end(input)
    child.on('error', (error) => resolve({ code: null, stdout, stderr: error.message }))
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })

/** The last thing that it said, for people. */
export const lastWords = ({ stdout, stderr }: Ran): string =>
  (stderr.trim() === '' ? stdout : stderr).trim().split('\n').at(-1)?.trim() ?? ''

/** The cause, of a program of ours: what to do about it comes after. */
export const firstWords = ({ stdout, stderr }: Ran): string =>
  (stderr.trim() === '' ? stdout : stderr)
    .trim()
    .split('\n', 1)[0]
    ?.replace(/^gavan: /, '') ?? ''
