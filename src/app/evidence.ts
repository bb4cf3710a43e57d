/** What the listeners of a thread have seen: whether anybody reaches them, and from where (D17). */
import { networksContain, type Network } from '../model/network.ts'
import type { ServiceName } from '../model/service.ts'
import type { Admission } from '../net/contract.ts'
import { DAY, type Clock } from '../std/clock.ts'
import type { Endpoint } from '../model/connection.ts'

/** Of one service. Plain data: crosses threads. */
export type Seen = {
  readonly service: ServiceName
  readonly connections: number
  /** Taken since the day began (UTC). */
  readonly today: number
  /** Turned away because they came from outside. */
  readonly refusedToday: number
  /** The last connection from no inner network. */
  readonly stranger: { readonly at: number; readonly address: string } | null
}

type Counted = { today: number; refused: number; day: number; stranger: Seen['stranger'] }

export type Evidence = {
  /** Looks at what a listener is asked and answers. */
  watch(service: ServiceName, admit: (remote: Endpoint) => Admission): (remote: Endpoint) => Admission
  of(service: ServiceName, connections: number): Seen
}

export function createEvidence(options: { clock: Clock; inside: () => readonly Network[] }): Evidence {
  const { clock, inside } = options
  const counted = new Map<ServiceName, Counted>()

  function today(service: ServiceName): Counted {
    const day = Math.floor(clock.now() / DAY)
    const known = counted.get(service)
    if (known?.day === day) return known
    const fresh = { today: 0, refused: 0, day, stranger: known?.stranger ?? null }
    counted.set(service, fresh)
    return fresh
  }

  return {
    watch: (service, admit) => (remote) => {
      const admission = admit(remote)
      const count = today(service)
      const stranger = !networksContain(inside(), remote.address)
      // Also one that is turned away has come through the router.
      if (stranger) count.stranger = { at: clock.now(), address: remote.address }
      if (admission.at === 'welcome') count.today += 1
      else if (admission.why === 'not-inside') count.refused += 1
      return admission
    },
    of(service, connections) {
      const { today: taken, refused, stranger } = today(service)
      return { service, connections, today: taken, refusedToday: refused, stranger }
    },
  }
}

/** Of all threads together. */
export function sumSeen(lists: readonly (readonly Seen[])[]): Seen[] {
  const sums = new Map<ServiceName, Seen>()
  for (const seen of lists.flat()) {
    const sum = sums.get(seen.service)
    sums.set(
      seen.service,
      sum === undefined
        ? seen
        : {
            service: seen.service,
            connections: sum.connections + seen.connections,
            today: sum.today + seen.today,
            refusedToday: sum.refusedToday + seen.refusedToday,
            stranger: (seen.stranger?.at ?? -1) > (sum.stranger?.at ?? -1) ? seen.stranger : sum.stranger,
          },
    )
  }
  return [...sums.values()]
}
