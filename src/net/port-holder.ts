import { readFile, readdir, readlink } from 'node:fs/promises'

export type PortHolder = {
  readonly pid: number
  /** As `ps` shows it. */
  readonly name: string
  /** The systemd unit, when it runs in one. */
  readonly unit: string | null
}

const LISTEN = '0A'

async function listeningInodes(port: number): Promise<Set<string>> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const inodes = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'utf8').catch(() => '')
    for (const line of text.split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/)
      if (columns[1]?.endsWith(wanted) === true && columns[3] === LISTEN && columns[9] !== undefined)
        inodes.add(columns[9])
    }
  }
  return inodes
}

async function holdsOneOf(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
    if (target.startsWith('socket:[') && inodes.has(target.slice(8, -1))) return true
  }
  return false
}

/** Whether anybody listens on a TCP port of this machine, which every user may see. Linux only. */
export async function isListenedOn(port: number): Promise<boolean> {
  return (await listeningInodes(port)).size > 0
}

/**
 * Who listens on a TCP port of this machine (D16). Linux only; needs root to see other people's processes.
 * @returns null when nobody does, or when the system does not tell
 */
export async function portHolder(port: number): Promise<PortHolder | null> {
  const inodes = await listeningInodes(port)
  if (inodes.size === 0) return null
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid) || !(await holdsOneOf(pid, inodes))) continue
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim()
    const cgroup = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')
    return { pid: Number(pid), name, unit: /(?<![^/\n])([^/\n]+\.service)/.exec(cgroup)?.[1] ?? null }
  }
  return null
}
