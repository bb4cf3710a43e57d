/** gavan as `gavan try` starts it: every default, except that loopback is bound by no limit. */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freeOffset } from '../../test/interop/ports.ts'
import { ROOT } from '../../tools/tree.ts'
import { DOMAIN, FOREIGN_DOMAINS, type Ports, type RunningServer, type StartOptions } from './server.ts'

type Ready = { readonly pid: number; readonly ports: Ports }

/** Resolves once it says that it is ready. */
export async function startGavan(options: StartOptions): Promise<RunningServer> {
  const { folder, users, sinkPort, profileFolder } = options
  mkdirSync(folder, { recursive: true })
  const usersFile = join(folder, 'users')
  writeFileSync(usersFile, users.map((user) => `${user.address} ${user.password}\n`).join(''))
  const profiling = profileFolder === null ? [] : ['--cpu-prof', '--cpu-prof-dir', profileFolder]
  // What was built, as an installed package runs it; profiles are of the sources.
  const main = profileFolder === null ? 'bin/gavan.js' : 'src/app/main.ts'
  const args = [...profiling, join(ROOT, main), 'try', '--json', '--data', join(folder, 'data')]
  args.push('--domain', DOMAIN, '--users', usersFile, '--offset', String(await freeOffset()))
  for (const domain of FOREIGN_DOMAINS) args.push('--route', `${domain}=127.0.0.1:${sinkPort}`)

  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-20_000)))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const ready = await new Promise<Ready>((resolve, reject) => {
    let stdout = ''
    child.once('close', (code) => reject(new Error(`gavan ended with ${code}\n${stdout}\n${said}`)))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (stdout.includes('\n')) resolve(JSON.parse(stdout) as Ready)
    })
  })
  return {
    facts: { name: 'gavan', folder, domain: DOMAIN, ports: ready.ports, users, sinkPort, pids: [ready.pid] },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
