/**
 * The whole way of a letter through intake, queue, scheduler and delivery, on a real store, under a clock, a network and
 * faults that a seed decides (R29). A chaos phase, then a calm one in which everything must come to its end.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIntake } from '../../src/core/intake/intake.ts'
import { createOutgoingQueue } from '../../src/core/queue/outgoing.ts'
import type { Envelope } from '../../src/model/envelope.ts'
import type { AccountId, TraceId, Uid } from '../../src/model/ids.ts'
import type { Relay } from '../../src/outbound/contract.ts'
import { createRelay } from '../../src/outbound/relay/relay.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/std/clock.ts'
import { silentLog, type Log, type LogEvent } from '../../src/std/log.ts'
import { createTestClock } from '../../src/std/test-clock.ts'
import { createTestRandom } from '../../src/std/test-random.ts'
import { StoreError, type Command, type CommandName, type Store } from '../../src/store/contract.ts'
import { realFiles, type Files } from '../../src/store/files.ts'
import { openStore } from '../../src/store/sqlite/open.ts'
import { createChance } from './chance.ts'
import { asAddress, drawDomains, drawMessage, LIST, notifyOf } from './draw.ts'
import { createLedger, traceOf, type SimMessage } from './ledger.ts'
import { createLife, type Life } from './life.ts'
import { createNetwork } from './network.ts'
import { createWeather } from './weather.ts'

export type SimulationResult = {
  readonly seed: number
  readonly violations: readonly string[]
  /** What happened, line by line; the same for the same seed. */
  readonly trace: readonly string[]
  readonly messages: number
  /** Simulated. */
  readonly hours: number
}

const OURSELVES = {
  hostname: 'mail.here.test',
  names: ['mail.here.test'],
  addresses: ['192.0.2.99'],
  loopbackIsForeign: false,
}
const JUMPS = [30 * SECOND, 90 * SECOND, HOUR, -HOUR, DAY, -DAY, 10 * 365 * DAY, -10 * 365 * DAY]
/** Everything must have come to its end this long after the last fault. */
const CALM_MAX_MS = 36 * HOUR

/** Synchronous, so that nothing outside of the seed decides an order; and without syncs: no power fails here. */
const SIMULATED_FILES: Files = {
  ...realFiles,
  dataSync() {},
  syncDirectory() {},
  readAsync: (fd, into, position) => Promise.resolve(realFiles.read(fd, into, position)),
}

type Kill = { readonly when: 'before' | 'after'; readonly command: CommandName } | { readonly when: 'take' }
type Node = { readonly owner: string; life: Life; relay: Relay | null; kill: Kill | null }

/** Memory rather than a disk, where there is some. */
const ROOM = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export async function simulate(seed: number): Promise<SimulationResult> {
  const dataDir = mkdtempSync(join(ROOM, 'gavan-simulation-'))
  const world = createWorld(seed, join(dataDir, 'data'))
  try {
    return await world.run()
  } finally {
    await world.end()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

function createWorld(seed: number, dataDir: string) {
  const clock = createTestClock()
  const chance = createChance(seed)
  const remoteChance = createChance(seed + 0x5eed)
  const trace: string[] = []
  const say = (text: string): void => void trace.push(`${(clock.monotonic() / 1000).toFixed(3)} ${text}`)
  const domains = drawDomains(chance)
  const owners = chance.often(0.75) ? ['a'] : ['a', 'b']
  const chaosMs = chance.pick([2 * HOUR, 6 * HOUR, 12 * HOUR, 36 * HOUR, 7 * DAY], [30, 30, 20, 6, 2])
  const ledger = createLedger({
    clock,
    domainOf: (host) => domains.find(({ hosts }) => hosts.some(({ name }) => name === host))!.name,
  })
  const weather = createWeather({
    clock,
    chance: remoteChance,
    hosts: domains.flatMap(({ hosts }) => hosts.map(({ address }) => address)),
    domains: domains.map(({ name }) => name),
    changed: (where, mood) => say(`${where} is ${mood} now`),
  })
  const network = createNetwork({
    clock,
    chance: remoteChance,
    weather,
    domains,
    tell: {
      took(take) {
        say(`  ${take.host} took ${take.recipients.join(' ')}`)
        ledger.took(take)
        const node = nodes.find((one) => one.life.number === take.life && one.kill?.when === 'take')
        if (node !== undefined) kill(node)
      },
      refused: ledger.refused,
      refusedByName: ledger.refusedByName,
      line: say,
    },
  })
  let store: Store
  const accounts = new Map<string, AccountId>()
  let lives = 0
  /** Commands of the store under way: their answers come from the event loop. */
  let underWay = 0
  let isCalm = false
  /** What is to happen soon after the next claim. */
  let atClaim: (() => void) | null = null
  const fault: { kind: 'busy' | 'no-space' | null; share: number } = { kind: null, share: 0 }
  const nodes: Node[] = owners.map((owner) => {
    const life = createLife(++lives, clock)
    return { owner, life, relay: null, kill: null }
  })

  // The store, with what may happen to it ------------------------------------------------------------------------------

  async function carryOut(command: Command, node: Node, life: Life, bornAt: number): Promise<unknown> {
    if (fault.kind === 'busy' && chance.often(fault.share)) throw new StoreError('busy', 'simulated: locked')
    if (fault.kind === 'no-space' && command.do === 'accept') throw new StoreError('no-space', 'simulated: full')
    const planned = node.kill
    const isDue = planned !== null && planned.when !== 'take' && planned.command === command.do
    if (isDue && planned.when === 'before') {
      kill(node)
      return null
    }
    underWay++
    try {
      const outcome = await store.run(command)
      say(`  store ${command.do} by ${life.number}${'at' in outcome ? `: ${outcome.at}` : ''}`)
      ledger.observe(command, outcome, life, bornAt)
      if (isDue) kill(node)
      if ('entries' in outcome && outcome.entries.length > 0 && atClaim !== null) {
        const then = atClaim
        atClaim = null
        clock.timer(chance.between(1, 300) * SECOND, then)
      }
      return outcome
    } finally {
      underWay--
    }
  }

  /** The store as one life sees it. */
  function storeFor(node: Node): Store {
    const { life } = node
    const bornAt = clock.monotonic()
    const read = async <T>(work: () => Promise<T>): Promise<T> => {
      if (fault.kind === 'busy' && chance.often(fault.share / 4)) throw new StoreError('busy', 'simulated: locked')
      return work()
    }
    return {
      run: ((command: Command) =>
        life.dead ? new Promise(() => {}) : life.hear(carryOut(command, node, life, bornAt))) as Store['run'],
      stage: () => store.stage(),
      readStaged: (body, start, end) => store.readStaged(body, start, end),
      discard: (body) => store.discard(body),
      filters: store.filters,
      directory: store.directory,
      mail: store.mail,
      queue: {
        ...store.queue,
        list: (filter) => life.hear(read(() => store.queue.list(filter))),
        entry: (queueId) => life.hear(read(() => store.queue.entry(queueId))),
        read: (queueId, start, end) => life.hear(read(() => store.queue.read(queueId, start, end))),
        nextDueAt: () => life.hear(read(() => store.queue.nextDueAt())),
      },
      changes: {
        ...store.changes,
        watchQueue(heard) {
          const unwatch = store.changes.watchQueue(() => !life.dead && heard())
          const forget = life.atDeath(unwatch)
          return () => {
            forget()
            unwatch()
          }
        },
      },
      close: () => Promise.reject(new Error('the world closes it')),
    }
  }

  // The program, its lives and deaths ----------------------------------------------------------------------------------

  function kill(node: Node): void {
    if (node.life.dead) return
    say(`life ${node.life.number} is killed`)
    node.kill = null
    ledger.lapsed(node.life)
    node.life.kill()
    const reopens = owners.length === 1 && chance.often(0.2)
    clock.timer(chance.pick([0, 200, chance.between(0, 30 * 60) * SECOND]), () => void restart(node, reopens))
  }

  async function restart(node: Node, reopens: boolean): Promise<void> {
    if (reopens) {
      underWay++
      await store.close()
      store = await openStore({ dataDir, clock, log: silentLog, files: SIMULATED_FILES })
      underWay--
    }
    node.life = createLife(++lives, clock)
    await begin(node)
  }

  const intakes = new WeakMap<Life, ReturnType<typeof createIntake>>()

  async function begin(node: Node): Promise<void> {
    const { life, owner } = node
    const random = createTestRandom(seed * 1000 + life.number)
    const ours = storeFor(node)
    const parts = { store: ours, clock: life.clock, random, log: logOf(life) }
    const intake = createIntake({ ...parts, hostname: OURSELVES.hostname, postmaster: null, log: silentLog })
    const { prepareNotice } = intake
    const queue = createOutgoingQueue({ ...parts, hostname: OURSELVES.hostname, owner, prepareNotice })
    intakes.set(life, intake)
    const relay = createRelay({
      ...parts,
      queue,
      dialler: network.dialler(life),
      resolver: network.resolver(life),
      ourselves: OURSELVES,
      routes: { byDomain: new Map(), otherwise: { kind: 'mx' } },
      sandbox: null,
    })
    node.relay = relay
    say(`life ${life.number} begins as ${owner}`)
    try {
      await relay.start()
    } catch {
      // As the supervisor: a thread that cannot start is started again.
      kill(node)
    }
  }

  /** A shutdown in good order, and a new start. */
  async function restartOrderly(node: Node): Promise<void> {
    const { life, relay } = node
    if (life.dead || relay === null) return
    say(`life ${life.number} is stopped`)
    await life.hear(relay.stop({ drainMs: chance.pick([0, 10 * SECOND]) }))
    if (life.dead) return
    // A store that takes nothing before the end leaves last 250s unsettled, as a kill does.
    if (fault.kind === 'busy') ledger.lapsed(life)
    life.kill()
    await restart(node, false)
  }

  const logOf = (life: Life): Log => {
    const keep = (event: LogEvent): void => {
      if (!life.dead) say(`  ${life.number} ${event.event} ${JSON.stringify([event['queueId'], event['code']])}`)
    }
    const log: Log = { debug: keep, info: keep, warn: keep, error: keep, with: () => log }
    return log
  }

  // Mail ---------------------------------------------------------------------------------------------------------------

  async function arrive(message: SimMessage, to: readonly string[]): Promise<void> {
    const node = chance.pick(nodes)
    const intake = intakes.get(node.life)
    if (node.life.dead || intake === undefined) return
    ledger.offered(message)
    say(`message ${message.id} from ${message.sender ?? '<>'} to ${to.join(' ')}`)
    const envelope: Envelope = {
      reversePath: message.sender === null ? null : asAddress(message.sender),
      recipients: to.map((one) => ({
        address: asAddress(one),
        ...(message.notify === 'default' ? {} : { notify: notifyOf(message.notify) }),
      })),
      body: '7BIT',
      smtputf8: false,
      requireTls: false,
    }
    const sink = intake.open({ envelope, received: 'Received: by mail.here.test\r\n', complete: null })
    await sink.write(Buffer.from(`X-Sim: ${message.id}\r\nFrom: x@there.test\r\n\r\n${message.body}`))
    const staged = await sink.finish()
    if ('at' in staged) throw new Error(staged.why)
    try {
      const traceId = traceOf(message.id) as TraceId
      const result = await intake.accept({ envelope, message: staged, traceId, senderVerified: message.verified })
      message.state = result.at === 'accepted' ? 'acknowledged' : 'refused'
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      message.state = 'refused'
    }
    say(`message ${message.id} is ${message.state}`)
  }

  // The plan of a run --------------------------------------------------------------------------------------------------

  const own = (work: Promise<void>): void => {
    work.catch((error: unknown) =>
      failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    )
  }
  const failures: string[] = []

  function plan(): void {
    const anyTime = (): number => chance.between(0, chaosMs)
    const arrivals = chance.pick([3, 10, 30, 80], [3, 5, 3, 0.5])
    for (let id = 1; id <= arrivals; id++) {
      const { message, to } = drawMessage(chance, domains, id)
      clock.timer(anyTime(), () => own(arrive(message, to)))
    }
    const ofNode = (fn: (node: Node) => void) => (): void => fn(chance.pick(nodes))
    for (let n = chance.pick([0, 2, 8]); n > 0; n--) {
      const next: Kill | null = chance.pick<Kill | null>([
        null,
        { when: 'take' },
        { when: 'before', command: 'settle' },
        { when: 'after', command: 'settle' },
        { when: 'before', command: 'claimDue' },
        { when: 'after', command: 'claimDue' },
        { when: 'before', command: 'accept' },
        { when: 'after', command: 'accept' },
        { when: 'after', command: 'releaseLeases' },
      ])
      clock.timer(
        anyTime(),
        ofNode((node) => (next === null ? kill(node) : (node.kill = next))),
      )
    }
    for (let n = chance.pick([0, 0, 1, 3]); n > 0; n--)
      clock.timer(
        anyTime(),
        ofNode((node) => own(restartOrderly(node))),
      )
    // Only where another can take over: alone, a sleeper keeps its leases or takes them again.
    for (let n = owners.length === 2 ? chance.pick([0, 1, 3]) : 0; n > 0; n--) {
      const minutes = chance.pick([1, 30, 90])
      clock.timer(
        anyTime(),
        ofNode(({ life }) => {
          if (isCalm) return
          say(`life ${life.number} sleeps for ${minutes} min`)
          ledger.lapsed(life)
          life.pause(minutes * MINUTE)
        }),
      )
    }
    if (chance.often(0.2)) Object.assign(fault, { kind: 'busy', share: 0.1 })
    for (let n = chance.pick([0, 1, 3]); n > 0; n--) {
      const [kind, share, ms] = [
        chance.pick(['busy', 'no-space'] as const),
        chance.pick([0.3, 1]),
        chance.between(1, 600),
      ]
      clock.timer(anyTime(), () => {
        if (isCalm) return
        say(`the store is ${kind} for ${ms} s`)
        Object.assign(fault, { kind, share })
        clock.timer(ms * SECOND, () => (fault.kind = null))
      })
    }
    // Two relays may not agree about the time of a lease when it jumps: a matter of several machines (R28).
    for (let n = owners.length === 1 ? chance.pick([0, 0, 1, 4]) : 0; n > 0; n--) {
      const by = chance.pick(JUMPS)
      const jump = (): void => {
        if (isCalm) return
        say(`the wall clock jumps by ${by / 1000} s`)
        clock.jump(by)
        ledger.jumped(by)
      }
      // At any time, or while something is being delivered.
      const isUnderWay = chance.often(0.5)
      clock.timer(anyTime(), () => (isUnderWay ? void (atClaim = jump) : jump()))
    }
  }

  // Running ------------------------------------------------------------------------------------------------------------

  /** Until nothing can go on without the clock. */
  async function quiesce(): Promise<void> {
    const isBusy = (): boolean => underWay > 0
    do await new Promise((resolve) => setImmediate(resolve))
    while (isBusy())
  }
  const isBroken = (): boolean => ledger.violations.length > 0 || failures.length > 0

  async function passUntil(end: number, isOver: () => Promise<boolean>): Promise<void> {
    await quiesce()
    while (clock.monotonic() < end && !isBroken() && !(await isOver())) {
      clock.advance(Math.min(clock.nextDueMs ?? Infinity, end - clock.monotonic()))
      await quiesce()
    }
  }

  async function setUp(): Promise<void> {
    store = await openStore({ dataDir, clock, log: silentLog, files: SIMULATED_FILES })
    await store.run({ do: 'addDomain', name: 'here.test' })
    for (const name of ['anna@here.test', 'bert@here.test']) {
      const credential = { phc: '', scram: null }
      const added = await store.run({
        do: 'addAccount',
        address: asAddress(name),
        credential,
        quotaOctets: null,
        mailboxes: [],
        now: clock.now(),
      })
      if (added.at !== 'done') throw new Error(added.at)
      accounts.set(name, added.accountId)
    }
    await store.run({ do: 'addAlias', address: asAddress('list@here.test'), targets: LIST.map(asAddress) })
  }

  async function readInboxes(): Promise<Map<string, string[]>> {
    const inboxes = new Map<string, string[]>()
    for (const [name, accountId] of accounts) {
      const texts: string[] = []
      inboxes.set(name, texts)
      const inbox = (await store.mail.mailboxByName(accountId, 'INBOX'))!
      const all = [{ from: 1 as Uid, to: 4_294_967_295 as Uid }]
      for await (const entries of store.mail.entries(accountId, inbox.mailboxId, all))
        for (const { messageKey, sizeOctets } of entries)
          texts.push(Buffer.from(await store.mail.read(accountId, messageKey, 0, sizeOctets)).toString('latin1'))
    }
    return inboxes
  }

  return {
    async run(): Promise<SimulationResult> {
      await setUp()
      plan()
      for (const node of nodes) own(begin(node))
      await passUntil(chaosMs, () => Promise.resolve(false))
      say('calm')
      isCalm = true
      weather.calm()
      fault.kind = null
      for (const node of nodes) node.kill = null
      const calmUntil = clock.monotonic() + CALM_MAX_MS
      await passUntil(
        calmUntil,
        async () => (await store.queue.nextDueAt()) === null && nodes.every(({ life }) => !life.dead),
      )
      if (!isBroken()) ledger.close(await readInboxes(), await store.queue.list())
      const violations = [...ledger.violations, ...failures]
      return { seed, violations, trace, messages: ledger.messages.length, hours: clock.monotonic() / HOUR }
    },
    async end() {
      for (const { life } of nodes) life.kill()
      await quiesce()
      await store.close()
    },
  }
}
