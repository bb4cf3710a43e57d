/** The listeners of one protocol thread. What they go by is replaced while they run; connections go on. */
import { type Network } from '../model/network.ts'
import { PROTOCOLS, type Protocol, type ServiceName } from '../model/service.ts'
import type { Endpoint } from '../model/connection.ts'
import {
  ListenFailed,
  type Admission,
  type Listener,
  type ListenOptions,
  type Network as Listening,
} from '../net/contract.ts'
import type { Web } from '../net/http.ts'
import type { Evidence, Seen } from './evidence.ts'
import type { ServiceConfig } from './config/config.ts'
import type { OpenedPort } from './supervise.ts'
import type { Serve } from './wire.ts'

/** What new connections are served by. */
export type Serving = {
  readonly services: readonly ServiceConfig[]
  readonly proxies: readonly Network[]
  /** Null: its sessions are of HTTP. */
  readonly serveOf: (on: ServiceConfig) => Serve | null
  readonly admissionOf: (on: ServiceConfig) => (remote: Endpoint) => Admission
}

export type ThreadListeners = {
  /**
   * Opens what is new, closes what is gone, leaves the rest as it is; connections that run go on by what they began with.
   * @returns why it could not be done; then all is as before
   */
  become(next: Serving): Promise<string | null>
  /** What accepts now. */
  readonly opened: readonly OpenedPort[]
  /** Of all, those that no longer accept too. */
  readonly connections: number
  connectionsBy(): ReadonlyMap<Protocol, number>
  seen(evidence: Evidence): Seen[]
  stop(): Promise<void>
  drained(): Promise<void>
}

type Held = {
  readonly on: ServiceConfig
  readonly listener: Listener
  serve: Serve | null
  admit: (remote: Endpoint) => Admission
}

export function createThreadListeners(parts: {
  network: Listening
  web: Web
  /** Several threads open the same ports, or one opens them beside its own older ones. */
  shared: boolean
}): ThreadListeners {
  const { network, web, shared } = parts
  let proxies: readonly Network[] = []
  let held = new Map<string, Held>()
  /** They accept no more; their connections go on. */
  const leaving = new Set<Held>()
  const all = (): Held[] => [...held.values(), ...leaving]
  /** Spoken at any time: a number that was told once is told on. */
  const spoken = new Set<Protocol>()

  async function open(on: ServiceConfig, address: string, serving: Serving): Promise<Held> {
    const now = { serve: serving.serveOf(on), admit: serving.admissionOf(on) }
    const options: ListenOptions = {
      service: on.service,
      address,
      port: on.port,
      tls: on.tls,
      shared,
      admit: (remote) => one.admit(remote),
      get proxies() {
        return proxies
      },
    }
    const listener =
      now.serve === null
        ? await web.listen(options)
        : await network.listen(options, async (connection) => one.serve?.(connection))
    const one: Held = { on, listener, ...now }
    return one
  }

  async function leave(one: Held): Promise<void> {
    leaving.add(one)
    await one.listener.stop()
    one.listener.drained().then(
      () => leaving.delete(one),
      () => leaving.delete(one),
    )
  }

  return {
    async become(next) {
      const wanted = next.services.flatMap((on) =>
        on.addresses.map((address) => ({ key: `${on.service} ${address} ${on.port} ${on.tls}`, on, address })),
      )
      const fresh = new Map<string, Held>()
      try {
        for (const { key, on, address } of wanted) if (!held.has(key)) fresh.set(key, await open(on, address, next))
      } catch (error) {
        await Promise.all([...fresh.values()].map(({ listener }) => listener[Symbol.asyncDispose]()))
        if (error instanceof ListenFailed) return error.message
        throw error
      }
      const before = held
      held = new Map(
        wanted.map(({ key, on }) => {
          const one = fresh.get(key) ?? before.get(key)!
          one.serve = next.serveOf(on)
          one.admit = next.admissionOf(on)
          return [key, one]
        }),
      )
      ;({ proxies } = next)
      for (const { service } of next.services) spoken.add(PROTOCOLS[service])
      await Promise.all([...before].map(async ([key, one]) => (held.has(key) ? null : leave(one))))
      return null
    },
    get opened() {
      return [...held.values()].map(({ on, listener }) => ({ service: on.service, ...listener.endpoint }))
    },
    get connections() {
      return all().reduce((sum, { listener }) => sum + listener.connections, 0)
    },
    connectionsBy() {
      const sums = sumBy(all(), ({ service }) => PROTOCOLS[service])
      return new Map([...spoken].map((protocol) => [protocol, sums.get(protocol) ?? 0]))
    },
    seen(evidence) {
      const sums = sumBy(all(), ({ service }): ServiceName => service)
      return [...sums].map(([service, connections]) => evidence.of(service, connections))
    },
    async stop() {
      await Promise.all(all().map(({ listener }) => listener.stop()))
    },
    async drained() {
      await Promise.all(all().map(({ listener }) => listener.drained()))
    },
  }
}

function sumBy<K>(list: readonly Held[], keyOf: (on: ServiceConfig) => K): Map<K, number> {
  const sums = new Map<K, number>()
  for (const { on, listener } of list) sums.set(keyOf(on), (sums.get(keyOf(on)) ?? 0) + listener.connections)
  return sums
}
