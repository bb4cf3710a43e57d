/**
 * A machine of its own to be set up: this one's files with all changes in memory, its own network with every port free and
 * no way out. Ends with the process that holds it. Root, Linux.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { MAIN } from '../../tools/program.ts'
import { ROOT } from '../../tools/tree.ts'
import { run, type Ran } from '../interop/run.ts'

export const MACHINE_PEERS = ['root', 'unshare', 'nsenter', 'ip', 'useradd', 'setpriv']

export type FreshMachine = AsyncDisposable & {
  readonly address: string
  /** A program in there, as root. */
  run(
    program: string,
    args: readonly string[],
    options?: { input?: string; env?: Record<string, string> },
  ): Promise<Ran>
  /** One that stays. */
  start(program: string, args: readonly string[], stdin?: 'ignore' | 'pipe'): ChildProcess
  gavan(...args: string[]): Promise<Ran>
}

export const GAVAN = [process.execPath, MAIN] as const

/**
 * `gavan` is installed in it as Debian's package would do it: /usr/bin/gavan, /usr/lib/gavan.
 * @param address of its only interface; nobody is behind that
 */
export async function startFreshMachine(address = '203.0.113.10'): Promise<FreshMachine> {
  const holder = spawn('unshare', ['-m', '-n', '--propagation', 'private', 'sh', '-euc', MAKE, 'sh', address, ROOT], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  holder.stdin.on('error', () => {})
  const [line] = (await once(createInterface({ input: holder.stdout }), 'line')) as [string]
  if (line !== 'ready') throw new Error(line)
  const within = ['-t', String(holder.pid), '-m', '-n', '--wd=/mnt']
  const started: ChildProcess[] = []
  const inside: FreshMachine['run'] = (program, args, options = {}) =>
    run('nsenter', [...within, program, ...args], { ...options, env: { LC_ALL: 'C.UTF-8', ...options.env } })
  return {
    address,
    run: inside,
    gavan: (...args) => inside('/usr/bin/gavan', args),
    start(program, args, stdin = 'ignore') {
      const child = spawn('nsenter', [...within, program, ...args], { stdio: [stdin, 'pipe', 'pipe'] })
      started.push(child)
      return child
    },
    async [Symbol.asyncDispose]() {
      for (const child of started) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      const machine = namespaceOf(holder.pid)
      for (const pid of readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(Number))
        if (machine !== null && pid !== holder.pid && namespaceOf(pid) === machine) process.kill(pid, 'SIGKILL')
      holder.stdin.end()
      await once(holder, 'exit')
    },
  }
}

/** What was begun in there with `&` is in no list of ours. */
function namespaceOf(pid: number | undefined): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`)
  } catch {
    return null // It has ended.
  }
}

/** A pair of interfaces, for a default route on which everything gets lost. */
const MAKE = `
mount -t tmpfs tmpfs /mnt
for each in etc var usr; do
  mkdir -p /mnt/$each/upper /mnt/$each/work
  mount -t overlay overlay -o lowerdir=/$each,upperdir=/mnt/$each/upper,workdir=/mnt/$each/work /$each
done
rm -rf /var/lib/gavan /etc/gavan
sed -i /^gavan:/d /etc/passwd /etc/group /etc/shadow /etc/gshadow
mkdir -p /usr/lib/gavan
mount --bind "$2" /usr/lib/gavan
printf '#!/bin/sh\\nexec /usr/lib/gavan/node_modules/.bin/node /usr/lib/gavan/src/app/main.ts "$@"\\n' > /usr/bin/gavan
chmod 755 /usr/bin/gavan
ip link set lo up
ip link add eth0 type veth peer name nowhere
ip link set eth0 up
ip link set nowhere up
ip addr add "$1/24" dev eth0
ip route add default dev eth0
printf 'nameserver 127.0.0.1\\n' > /etc/resolv.conf.new
mv /etc/resolv.conf.new /etc/resolv.conf
echo ready
exec cat > /dev/null
`
