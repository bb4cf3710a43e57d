import type { Clock } from '../../std/clock.ts'
import {
  DESTINATION_CONCURRENCY_MAX,
  DESTINATION_CONCURRENCY_START,
  OUTBOUND_CONNECTION_IDLE_MS,
} from '../../model/limits.ts'
import type { QueueEntry } from '../../model/queue.ts'
import type { Route, Routes } from '../contract.ts'
import type { Remote } from '../delivery/remote.ts'

export type Claimed = { readonly entry: QueueEntry; /** Monotonic. */ readonly claimedAt: number }

type Idle = { readonly remote: Remote; readonly cancel: () => void }

/** All mail that goes the same way: one domain by MX, or everything for one smarthost. */
export type Lane = {
  readonly key: string
  readonly route: Route
  /** Claimed entries that wait for a connection. */
  readonly ready: Claimed[]
  /** Conversations that may run at once. */
  limit: number
  running: number
  /** Monotonic; the way is left alone until then (R15). */
  deadUntil: number | null
  readonly idle: Idle[]
}

export function routeFor(routes: Routes, destination: string): Route {
  return routes.byDomain.get(destination) ?? routes.otherwise
}

export function laneKey(route: Route, destination: string): string {
  switch (route.kind) {
    case 'mx':
      return destination
    case 'host':
      return `${route.host}:${route.port}/${route.credentials?.user ?? ''}`
    case 'sandbox':
      return 'sandbox:'
  }
}

export const createLane = (key: string, route: Route): Lane => ({
  key,
  route,
  ready: [],
  limit: DESTINATION_CONCURRENCY_START,
  running: 0,
  deadUntil: null,
  idle: [],
})

export function grow(lane: Lane): void {
  if (lane.limit < DESTINATION_CONCURRENCY_MAX) lane.limit++
}

export function shrink(lane: Lane): void {
  lane.limit = Math.max(1, Math.floor(lane.limit / 2))
}

/** Whether the way is left alone now. A way that wakes up starts carefully (R15). */
export function isDead(lane: Lane, clock: Clock): boolean {
  if (lane.deadUntil === null) return false
  if (clock.monotonic() < lane.deadUntil) return true
  lane.deadUntil = null
  lane.limit = DESTINATION_CONCURRENCY_START
  return false
}

/** @returns whether nothing would be forgotten with it */
export function isUnused(lane: Lane): boolean {
  return lane.running === 0 && lane.ready.length === 0 && lane.idle.length === 0 && lane.deadUntil === null
}

/** Keeps a connection for the next message for a short while, then gives it to `ended`. */
export function keepIdle(lane: Lane, remote: Remote, clock: Clock, ended: (remote: Remote) => void): void {
  const idle: Idle = {
    remote,
    cancel: clock.timer(OUTBOUND_CONNECTION_IDLE_MS, () => {
      lane.idle.splice(lane.idle.indexOf(idle), 1)
      ended(remote)
    }),
  }
  lane.idle.push(idle)
}

export function takeIdle(lane: Lane): Remote | null {
  const idle = lane.idle.pop()
  idle?.cancel()
  return idle?.remote ?? null
}

/** Like `takeIdle`, but the one that has waited longest. */
export function takeOldestIdle(lane: Lane): Remote | null {
  const idle = lane.idle.shift()
  idle?.cancel()
  return idle?.remote ?? null
}
