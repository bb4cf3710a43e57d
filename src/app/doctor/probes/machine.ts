/** The probes of `gavan doctor` on this machine and in the real network. */
import { statfs } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { readFile } from 'node:fs/promises'
import { LOOPBACK_NETWORKS, networksContain } from '../../../model/network.ts'
import type { Endpoint } from '../../../model/connection.ts'
import { DOCTOR_DNS_TIMEOUT_MS } from '../../../model/limits.ts'
import type { HiddenVisitors } from '../../../core/contract.ts'
import { createDialler } from '../../../net/dial.ts'
import type { AdminApi } from '../../admin/api.ts'
import type { CertificatesView } from '../../admin/certificates.ts'
import type { PortsView } from '../../admin/ports.ts'
import type { Config } from '../../config/config.ts'
import { createSystemRandom, systemClock, systemResolvers } from '../../machine.ts'
import { createResolver } from '../../../net/resolver.ts'
import type { Probes, ServerFacts } from '../contract.ts'
import { createAuthority } from './authority.ts'
import { heldPort } from './held-port.ts'
import { certificateShown, reach } from './reach.ts'
import { clockAhead } from './time.ts'

export type ProbeTargets = {
  /** Time servers, by name or address. */
  readonly time: readonly { readonly host: string; readonly port: number }[]
  /** Of the name servers that are asked directly. */
  readonly dnsPort: number
}

export function machineProbes(config: Config, api: AdminApi | null, targets: ProbeTargets): Probes {
  const clock = systemClock
  const random = createSystemRandom()
  const { servers, trustAd } = config.resolver
  const resolver = createResolver({ clock, random, servers: servers ?? systemResolvers(), trustAd })
  const dialler = createDialler({ clock, random })
  let server: Promise<ServerFacts | null> | null = null

  const firstAddress = async (host: string): Promise<string | null> => {
    for (const type of ['A', 'AAAA'] as const) {
      const answer = await resolver.query(host, type)
      if (answer.at === 'found' && answer.records[0] !== undefined) return answer.records[0]
    }
    return null
  }

  return {
    now: () => clock.now(),
    holderOf: heldPort,
    server: () => (server ??= api === null ? Promise.resolve(null) : serverFacts(api)),
    connect: (address, port) => reach(dialler, address, port),
    resolver,
    authority: createAuthority({ resolver, clock, random, port: targets.dnsPort }),
    async clockAhead() {
      for (const { host, port } of targets.time) {
        const address = /^[\d.]+$|:/.test(host) ? host : await firstAddress(host)
        if (address === null) continue
        const ahead = await clockAhead({ address, port } satisfies Endpoint, clock, DOCTOR_DNS_TIMEOUT_MS)
        if (ahead !== null) return ahead
      }
      return null
    },
    async disk(path) {
      const found = await statfs(path).catch(() => null)
      if (found === null) return null
      const { bsize, bavail, blocks, ffree, files } = found
      return { freeOctets: bavail * bsize, totalOctets: blocks * bsize, freeInodes: ffree, totalInodes: files }
    },
    memory: () => ({ freeOctets: availableMemory(), totalOctets: totalmem() }),
    certificate: (port, serverName) => certificateShown(listenAddress(config, port), port, serverName),
  }

  /** What the kernel would give without swapping; caches count (proc(5), MemAvailable). */
  function availableMemory(): number {
    const octets = Number(/^MemAvailable: +(\d+)/m.exec(memoryInfo)?.[1] ?? 0) * 1024
    return octets > 0 ? octets : freemem()
  }
}

const memoryInfo = await readFile('/proc/meminfo', 'utf8').catch(() => '')

/** An address of this machine on which the port is asked. */
function listenAddress({ services }: Config, port: number): string {
  const on = services.find((each) => each.port === port)
  const [first = '127.0.0.1'] = on?.addresses ?? []
  if (first === '0.0.0.0') return '127.0.0.1'
  return first === '::' ? '::1' : first
}

async function serverFacts(api: AdminApi): Promise<ServerFacts | null> {
  try {
    const ask = async (url: string): Promise<Record<string, unknown> | null> => {
      const { status, body } = await api.handle('GET', url, undefined)
      return status === 200 ? body : null
    }
    const ports = (await ask('/v1/ports')) as unknown as PortsView | null
    if (ports === null) return null
    const [bans, certificates] = await Promise.all([ask('/v1/bans'), ask('/v1/certificates')])
    const hidden = (bans?.['hiddenVisitors'] ?? null) as HiddenVisitors | null
    const { acme = null } = (certificates ?? {}) as Partial<CertificatesView>
    const now = systemClock.now()
    return {
      pid: ports.pid,
      evidence: ports.seen.map(({ service, connections, stranger }) => ({
        service,
        listening: ports.opened.some((each) => each.service === service),
        connections,
        stranger:
          stranger === null || networksContain(LOOPBACK_NETWORKS, stranger.address)
            ? null
            : { secondsAgo: Math.max(0, (now - stranger.at) / 1000), address: stranger.address },
      })),
      hiddenBehind: hidden === null ? null : { address: hidden.address, percent: Math.round(hidden.share * 100) },
      certificateTrouble: acme?.state.lastFailure?.what ?? null,
    }
  } catch {
    return null // It went away in between: told as not running.
  }
}
