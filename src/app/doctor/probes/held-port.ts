import { readFile, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { portHolder } from '../../../net/port-holder.ts'
import type { HeldPort } from '../contract.ts'

/** Who listens on a port, with the package and the container that it came with. Linux; Debian's packages. */
export async function heldPort(port: number): Promise<HeldPort | null> {
  const holder = await portHolder(port)
  if (holder === null) return null
  const executable = await readlink(`/proc/${holder.pid}/exe`).catch(() => null)
  const cgroup = await readFile(`/proc/${holder.pid}/cgroup`, 'utf8').catch(() => '')
  return {
    ...holder,
    package: executable === null ? null : await packageOf(executable),
    container: containerOf(cgroup),
  }
}

/** Docker, podman and containerd name a container's control group after its id. */
export function containerOf(cgroup: string): string | null {
  return /(?:docker|libpod|cri-containerd|crio)[-/]([0-9a-f]{12})[0-9a-f]*/.exec(cgroup)?.[1] ?? null
}

/** By the lists of files that dpkg keeps. @returns null where there are none, or none has it */
export async function packageOf(executable: string, lists = '/var/lib/dpkg/info'): Promise<string | null> {
  for (const name of await readdir(lists).catch(() => [])) {
    if (!name.endsWith('.list')) continue
    const text = await readFile(join(lists, name), 'utf8').catch(() => '')
    if (text.split('\n').includes(executable)) return name.slice(0, -'.list'.length).split(':', 1)[0]!
  }
  return null
}
