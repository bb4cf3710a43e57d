/** `gavan try --json` as a child process, as a person's script would start it. */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MAIN } from '../../tools/program.ts'
import { ROOT } from '../../tools/tree.ts'
import { freeOffset } from './ports.ts'

export type PortName = 'mx' | 'submission' | 'imap' | 'imaps' | 'pop3' | 'pop3s' | 'http' | 'https' | 'sieve'
export type User = { readonly address: string; readonly password: string }

/** The one line on standard output. */
export type Ready = {
  readonly ready: true
  readonly pid: number
  readonly host: string
  readonly ports: Readonly<Record<PortName, number>>
  readonly domain: string
  readonly users: readonly User[]
  readonly caFile: string
}

export type Gavan = AsyncDisposable & {
  readonly ready: Ready
  readonly ports: Ready['ports']
  readonly domain: string
  readonly users: readonly User[]
  readonly caFile: string
  /** What it said on standard error: the log. */
  log(): string
  /** How it ends, by itself or by us. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>
  /** SIGTERM, unless it has ended already. @returns how it ended */
  stop(): Promise<{ code: number | null; signal: string | null }>
}

const READY_TIMEOUT_MS = 30_000
/** Issue: ends within 15 s of SIGTERM. */
const STOP_TIMEOUT_MS = 15_000

export const PEOPLE: readonly User[] = [
  { address: 'alice@gavan.test', password: 'Alice-harbour-41' },
  { address: 'boris@gavan.test', password: 'Борис-якорь-17' },
]

/**
 * @param options.folder for the data directory and the list of users
 * @param options.routes domain → port on loopback, in place of the sandbox
 * @param options.throughNpm `npm run -s gavan --`, as the README says it; otherwise straight, which starts sooner
 */
export async function startGavan(options: {
  folder: string
  offset?: number
  users?: readonly User[]
  routes?: Readonly<Record<string, number>>
  throughNpm?: boolean
  /** Given to `try` as well. */
  args?: readonly string[]
  nodeArgs?: readonly string[]
  /** A program that runs it in turn, e.g. `prlimit --nofile=256`. */
  within?: readonly string[]
}): Promise<Gavan> {
  const offset = options.offset ?? (await freeOffset())
  const usersFile = join(options.folder, 'users')
  mkdirSync(options.folder, { recursive: true })
  writeFileSync(usersFile, (options.users ?? PEOPLE).map((user) => `${user.address} ${user.password}\n`).join(''))
  const args = ['try', '--json', '--data', join(options.folder, 'data'), '--domain', 'gavan.test']
  args.push('--users', usersFile, '--offset', String(offset))
  for (const [domain, port] of Object.entries(options.routes ?? {})) args.push('--route', `${domain}=127.0.0.1:${port}`)

  args.push(...(options.args ?? []))

  const straight = [process.execPath, ...(options.nodeArgs ?? []), MAIN]
  const starts = options.throughNpm === true ? ['npm', 'run', '-s', 'gavan', '--'] : straight
  const [program = '', ...rest] = [...(options.within ?? []), ...starts, ...args]
  const child = spawn(program, rest, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal })),
  )
  const ready = await new Promise<Ready>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`gavan ${why}\n${stdout}\n${stderr}`))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail('is not ready')
    }, READY_TIMEOUT_MS)
    child.on('error', (error) => fail(error.message))
    child.on('close', (code) => fail(`ended with ${code}`))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (!stdout.includes('\n')) return
      clearTimeout(timer)
      resolve(JSON.parse(stdout.slice(0, stdout.indexOf('\n'))) as Ready)
    })
  })

  const stop = async (): Promise<{ code: number | null; signal: string | null }> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    const timer = setTimeout(() => process.kill(ready.pid, 'SIGKILL'), STOP_TIMEOUT_MS)
    const how = await ended
    clearTimeout(timer)
    return how
  }
  return {
    ready,
    ports: ready.ports,
    domain: ready.domain,
    users: ready.users,
    caFile: ready.caFile,
    log: () => stderr,
    ended,
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}
