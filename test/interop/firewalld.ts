/** firewalld's daemon with a D-Bus of its own, in a network namespace: its rules are of that namespace alone. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './peers.ts'
import { until } from './run.ts'

export const FIREWALLD = ['firewalld', 'firewall-cmd', 'dbus-daemon'] as const

export type Firewalld = AsyncDisposable & {
  /** For DBUS_SYSTEM_BUS_ADDRESS: how firewall-cmd finds it. */
  readonly bus: string
}

/** @param options.enter leads into the namespace: `ip netns exec NAME` */
export async function startFirewalld(options: { folder: string; enter: readonly string[] }): Promise<Firewalld> {
  const { enter } = options
  const folder = join(options.folder, 'firewalld')
  const etc = join(folder, 'etc')
  const socket = join(folder, 'bus')
  mkdirSync(folder, { recursive: true })
  cpSync('/etc/firewalld', etc, { recursive: true })
  writeFileSync(
    join(folder, 'bus.conf'),
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <auth>EXTERNAL</auth>
  <listen>unix:path=${socket}</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`,
  )
  const bus = `unix:path=${socket}`
  const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: bus, LC_ALL: 'C.UTF-8' }
  let log = ''
  const started: ChildProcess[] = []
  const start = (program: string, args: readonly string[]): ChildProcess => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (log += text.toString()))
    started.push(child)
    return child
  }
  const stop = async (): Promise<void> => {
    for (const child of started.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  }
  try {
    start(findProgram('dbus-daemon') ?? 'dbus-daemon', [
      `--config-file=${join(folder, 'bus.conf')}`,
      '--nofork',
      '--nopidfile',
    ])
    await until('dbus-daemon', () => (existsSync(socket) ? true : null))
    const [first = '', ...rest] = enter
    const daemon = start(first, [
      ...rest,
      findProgram('firewalld') ?? 'firewalld',
      ...['--nofork', '--nopid', '--system-config', etc, '--log-target=console'],
    ])
    await until('firewalld', () => {
      if (daemon.exitCode !== null) throw new Error(log)
      return spawnSync('firewall-cmd', ['--state'], { env }).status === 0 ? true : null
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { bus, [Symbol.asyncDispose]: stop }
}
