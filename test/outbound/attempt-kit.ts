import { silentLog } from '../../src/std/log.ts'
import { createTestClock, type TestClock } from '../../src/std/test-clock.ts'
import { createTestRandom } from '../../src/std/test-random.ts'
import type { Address } from '../../src/model/address.ts'
import type { QueueEntry, QueuedRecipient } from '../../src/model/queue.ts'
import type { Resolver } from '../../src/model/dns.ts'
import type { Ourselves, Route } from '../../src/outbound/contract.ts'
import { attempt, type AttemptOutcome } from '../../src/outbound/delivery/attempt.ts'
import { createTlsMemory, type TlsMemory } from '../../src/outbound/delivery/walk.ts'
import type { Recipient } from '../../src/model/envelope.ts'
import { createTestResolver, mx } from './dns.ts'
import { createQueueStore } from './queue-store.ts'
import { flush, type Sink } from './sink.ts'

export const OURSELVES: Ourselves = {
  hostname: 'mail.home.example',
  names: ['mail.home.example'],
  addresses: ['192.0.2.99'],
  loopbackIsForeign: false,
}

export const address = (text: string): Address => {
  const at = text.lastIndexOf('@')
  return { localPart: text.slice(0, at), domain: text.slice(at + 1) }
}

export const recipients = (...list: readonly (string | (Partial<Recipient> & { to: string }))[]): QueuedRecipient[] =>
  list.map((one, index) => {
    const { to, ...rest } = typeof one === 'string' ? { to: one } : one
    return { address: address(to), ...rest, index, state: { at: 'waiting' }, lastAnswer: null }
  })

export const AWAY = mx(
  'away.example',
  [10, 'mx1.away.example', '198.51.100.1'],
  [20, 'mx2.away.example', '198.51.100.2'],
)

/** One attempt against a sink; time passes only to let what waits time out. */
export async function tryOnce(
  sink: Sink,
  clock: TestClock,
  options: {
    to?: readonly QueuedRecipient[]
    entry?: Partial<QueueEntry>
    content?: string
    route?: Exclude<Route, { kind: 'sandbox' }>
    resolver?: Resolver
    tlsMemory?: TlsMemory
    kept?: AttemptOutcome['remote']
  } = {},
): Promise<AttemptOutcome> {
  const store = createQueueStore(clock)
  const content = options.content ?? 'Subject: test\r\n\r\n.hidden\r\nHello\r\n'
  store.add(
    { destination: 'away.example', recipients: options.to ?? recipients('bob@away.example'), ...options.entry },
    content,
  )
  const entry = store.entries[0]!
  let isDone = false
  const done = (): boolean => isDone
  const running = attempt(entry, {
    dialler: sink,
    resolver: options.resolver ?? createTestResolver(AWAY),
    clock,
    random: createTestRandom(),
    log: silentLog,
    ourselves: OURSELVES,
    hostname: OURSELVES.hostname,
    route: options.route ?? { kind: 'mx' },
    mxPort: 25,
    tlsMemory: options.tlsMemory ?? createTlsMemory(clock),
    signal: new AbortController().signal,
    kept: options.kept ?? null,
    content: { sizeOctets: entry.sizeOctets, read: (start, end) => store.queue.read(entry.queueId, start, end) },
  }).finally(() => (isDone = true))
  for (let turns = 0; !done() && turns < 2000; turns++) {
    await flush()
    if (!done()) clock.advance(30_000)
  }
  return running
}

export { createTestClock }
