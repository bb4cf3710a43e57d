/** What has been promised and what has come of it: every rule of the simulation is checked here, apart from what it checks. */
import type { QueueId } from '../../src/model/ids.ts'
import type { QueueEntry } from '../../src/model/queue.ts'
import { QUEUE_DSN_LIFETIME_MS, QUEUE_LIFETIME_MS, RETRY_DELAYS_MS, RETRY_JITTER } from '../../src/model/limits.ts'
import type { Command, Commands } from '../../src/store/contract.ts'
import type { Clock } from '../../src/std/clock.ts'
import { HOUR, MINUTE } from '../../src/std/clock.ts'
import type { Life } from './life.ts'
import type { Take } from './network.ts'

export type SimMessage = {
  readonly id: number
  /** Null: `<>`. */
  readonly sender: string | null
  readonly verified: boolean
  readonly notify: 'default' | 'never' | 'all'
  readonly body: string
  /** Accounts that are to have it. */
  readonly local: readonly string[]
  /** Foreign addresses that are to have it. */
  readonly foreign: readonly string[]
  state: 'offered' | 'acknowledged' | 'refused'
}

type Copy = {
  readonly message: SimMessage
  readonly recipient: string
  takes: Take[]
  settled: 'no' | 'delivered' | 'failed'
}
type Lease = {
  readonly lease: string
  readonly life: Life
  readonly until: number
  readonly entry: QueueEntry
  readonly claimedAt: number
}
type Jump = { readonly at: number; readonly by: number }

export type Ledger = {
  readonly violations: readonly string[]
  readonly messages: readonly SimMessage[]
  offered(message: SimMessage): void
  took(take: Take): void
  refused(host: string, recipients: readonly string[] | null): void
  refusedByName(domain: string): void
  jumped(by: number): void
  /** Killed, or paused for longer than a lease: its last 250s may be heard and unsettled. */
  lapsed(life: Life): void
  /** A command that the store has carried out, for this life. */
  observe(command: Command, outcome: unknown, life: Life, bornAt: number): void
  /** At the end. `inboxes`: all messages by account, as text. */
  close(inboxes: ReadonlyMap<string, readonly string[]>, left: readonly QueueEntry[]): void
}

const TOLERANCE_MS = 2 * MINUTE
const RETRY_MAX_MS = Math.max(...RETRY_DELAYS_MS) * (1 + RETRY_JITTER)
/** From the word of a peer to its settling, at most. */
const SETTLED_WITHIN_MS = 1 * HOUR

export function createLedger(options: { clock: Clock; domainOf: (host: string) => string }): Ledger {
  const { clock, domainOf } = options
  const violations: string[] = []
  const messages: SimMessage[] = []
  const byId = new Map<number, SimMessage>()
  const copies = new Map<string, Copy>()
  const leases = new Map<QueueId, Lease>()
  /** When a permanent refusal was last said, by recipient and by domain; monotonic. */
  const refusals = new Map<string, number>()
  const jumps: Jump[] = []
  const lapsed = new Set<number>()
  const acceptedAt = new Map<string, number>()
  const violate = (text: string): void => void violations.push(`${Math.round(clock.monotonic() / 1000)} s: ${text}`)
  const keyOf = (id: number, recipient: string): string => `${id} ${recipient}`

  function copyOf(id: number, recipient: string): Copy | null {
    const message = byId.get(id)
    if (message?.foreign.includes(recipient) !== true) return null
    const key = keyOf(id, recipient)
    let copy = copies.get(key)
    if (copy === undefined) copies.set(key, (copy = { message, recipient, takes: [], settled: 'no' }))
    return copy
  }

  function settled(input: Commands['settle']['input'], life: Life, bornAt: number): void {
    const held = leases.get(input.queueId)
    if (held === undefined || held.lease !== input.lease) {
      violate(
        `queue entry ${input.queueId} was settled by ${input.lease}, but the lease is ${held?.lease ?? 'nobody’s'}`,
      )
      return
    }
    leases.delete(input.queueId)
    const { entry } = held
    const id = idOfTrace(entry.traceId)
    for (const { index, to, answer } of input.results) {
      if (to === 'waiting') continue
      const recipient = entry.recipients.find((one) => one.index === index)!
      const address = `${recipient.address.localPart}@${recipient.address.domain}`
      const copy = copyOf(id, address)
      if (copy === null) {
        if (entry.envelope.reversePath !== null) violate(`settled ${address} of message ${id}, which nobody asked for`)
        continue
      }
      if (copy.settled !== 'no') violate(`message ${id} to ${address} was settled twice: ${copy.settled}, then ${to}`)
      copy.settled = to
      if (to === 'delivered' && !copy.takes.some((take) => take.heard && take.life === life.number))
        violate(`message ${id} counts as delivered to ${address}, but nobody said 250 for it`)
      if (to === 'failed')
        judgeFailure(id, address, { entry, status: answer.status, claimedAt: held.claimedAt, bornAt })
    }
  }

  /** No early bounce: a failure needs a refusal since the claim, or the whole lifetime. */
  function judgeFailure(
    id: number,
    address: string,
    { entry, status, claimedAt, bornAt }: { entry: QueueEntry; status: string; claimedAt: number; bornAt: number },
  ): void {
    if (status !== '5.4.7') {
      const domain = address.slice(address.lastIndexOf('@') + 1)
      const said = Math.max(refusals.get(address) ?? -Infinity, refusals.get(domain) ?? -Infinity)
      const now = clock.monotonic()
      if (said < claimedAt || now - said > SETTLED_WITHIN_MS)
        violate(`message ${id} to ${address} failed (${status}), but nobody refused it`)
      return
    }
    const born = acceptedAt.get(entry.traceId) ?? 0
    const lifetime = entry.envelope.reversePath === null ? QUEUE_DSN_LIFETIME_MS : QUEUE_LIFETIME_MS
    // Of a jump that no life saw before its end, what reaches to the next attempt cannot be told from time that has passed.
    const unseen = jumps.filter(({ at, by }) => by > 0 && at >= born && at <= bornAt)
    const untold = unseen.reduce((sum, { by }) => sum + Math.min(by, RETRY_MAX_MS), 0)
    if (clock.monotonic() - born < lifetime - TOLERANCE_MS - untold)
      violate(`message ${id} to ${address} expired after ${Math.round((clock.monotonic() - born) / HOUR)} hours`)
  }

  function claimed(input: Commands['claimDue']['input'], entries: readonly QueueEntry[], life: Life): void {
    for (const entry of entries) {
      const held = leases.get(entry.queueId)
      if (held !== undefined && held.until > input.now)
        violate(`queue entry ${entry.queueId} was claimed by ${input.lease} under the lease of ${held.lease}`)
      leases.set(entry.queueId, {
        lease: input.lease,
        life,
        until: input.leaseUntil,
        entry,
        // A lease that is renewed under a jump keeps its beginning.
        claimedAt: held?.lease === input.lease ? held.claimedAt : clock.monotonic(),
      })
    }
  }

  function judgeCopy(copy: Copy): void {
    const { message, recipient, takes } = copy
    const name = `message ${message.id} to ${recipient}`
    if (copy.settled === 'no' && message.state === 'acknowledged') violate(`${name} was acknowledged and is lost`)
    if (copy.settled === 'delivered' && takes.length === 0) violate(`${name} is delivered to nobody`)
    // Each copy beyond the first needs a 250 that was not heard, or whose hearer died before it could tell the store.
    const last = takes.at(-1)
    for (const take of takes) {
      if (take === last || !take.heard || lapsed.has(take.life)) continue
      violate(`${name} was sent again after ${take.host} had said 250 (${takes.length} times)`)
    }
  }

  return {
    violations,
    messages,
    offered(message) {
      messages.push(message)
      byId.set(message.id, message)
      acceptedAt.set(traceOf(message.id), clock.monotonic())
    },
    took(take) {
      const id = Number(/^X-Sim: (\d+)\r$/m.exec(take.data)?.[1])
      const message = byId.get(id)
      if (message === undefined) return violate(`${take.host} took what nobody sent:\n${take.data}`)
      if (!take.data.endsWith(message.body)) violate(`message ${id} came to ${take.host} changed:\n${take.data}`)
      if (take.data.includes('Return-Path:')) violate(`message ${id} left with Return-Path`)
      for (const recipient of take.recipients) {
        const copy = copyOf(id, recipient)
        if (copy === null) violate(`${take.host} took message ${id} for ${recipient}, whom nobody asked for`)
        else {
          // Whoever has slept through its lease cannot know (R28).
          if (lapsed.has(take.life)) copy.takes.push(take)
          else if (copy.settled === 'delivered')
            violate(`message ${id} was sent to ${recipient} after it was delivered`)
          else if (copy.settled === 'failed') violate(`message ${id} was sent to ${recipient} after it had failed`)
          else copy.takes.push(take)
        }
      }
    },
    refused(host, recipients) {
      for (const who of recipients ?? [domainOf(host)]) refusals.set(who, clock.monotonic())
    },
    refusedByName: (domain) => void refusals.set(domain, clock.monotonic()),
    lapsed: ({ number }) => void lapsed.add(number),
    jumped: (by) => void jumps.push({ at: clock.monotonic(), by }),
    observe(command, outcome, life, bornAt) {
      switch (command.do) {
        case 'claimDue':
          return claimed(command, (outcome as Commands['claimDue']['outcome']).entries, life)
        case 'settle':
          if ((outcome as Commands['settle']['outcome']).at === 'done') settled(command, life, bornAt)
          return
        case 'releaseLeases':
          for (const [queueId, held] of leases) {
            if (!held.lease.startsWith(command.prefix)) continue
            if (!held.life.dead && held.life !== life)
              violate(`queue entry ${queueId} was taken from life ${held.life.number}, which is alive`)
            leases.delete(queueId)
          }
          return
        default:
      }
    },
    close(inboxes, left) {
      for (const entry of left) violate(`queue entry ${entry.queueId} for ${entry.destination} is still there`)
      for (const message of messages) {
        if (message.state === 'acknowledged') for (const recipient of message.foreign) copyOf(message.id, recipient)
      }
      for (const copy of copies.values()) judgeCopy(copy)
      judgeInboxes(inboxes)
    },
  }

  function judgeInboxes(inboxes: ReadonlyMap<string, readonly string[]>): void {
    const counts = new Map<string, number>()
    const failures = new Map<string, number>()
    const count = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1)
    for (const [account, texts] of inboxes) {
      for (const text of texts) {
        const head = text.slice(0, text.indexOf('\r\n\r\n'))
        const id = /^X-Sim: (\d+)$/m.exec(head.replaceAll('\r', ''))?.[1]
        if (id !== undefined) {
          count(counts, `${id} ${account}`)
          const message = byId.get(Number(id))
          if (message === undefined || !text.endsWith(message.body)) violate(`message ${id} of ${account} is damaged`)
          continue
        }
        const returned = /^X-Sim: (\d+)\r$/m.exec(text)?.[1]
        for (const [, address] of text.matchAll(/^Final-Recipient: rfc822; (\S+)\r\nAction: failed\r$/gm))
          count(failures, `${returned} ${address} ${account}`)
      }
    }
    for (const { id, state, local } of messages) {
      for (const account of local) {
        const copiesKept = counts.get(`${id} ${account}`) ?? 0
        if (copiesKept > 1) violate(`message ${id} is ${copiesKept} times in the inbox of ${account}`)
        if (copiesKept === 0 && state === 'acknowledged')
          violate(`message ${id} to ${account} was acknowledged and is lost`)
        if (copiesKept > 0 && state === 'refused') violate(`message ${id} to ${account} was refused and kept`)
      }
    }
    for (const { message, recipient, settled: came } of copies.values()) {
      const key = `${message.id} ${recipient} ${message.sender}`
      const reports = failures.get(key) ?? 0
      failures.delete(key)
      const due = came === 'failed' && message.verified && message.sender !== null && message.notify !== 'never'
      if (reports !== (due ? 1 : 0))
        violate(`message ${message.id} to ${recipient} (${came}): ${reports} notices of failure`)
    }
    for (const key of failures.keys()) violate(`a notice of failure for ${key} that nobody is due`)
  }
}

/** The trace id carries the message's number. */
export const traceOf = (id: number): string => `sim-${id}`
const idOfTrace = (traceId: string): number => Number(traceId.slice('sim-'.length))
