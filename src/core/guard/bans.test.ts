/** Guards of several threads and the keeper of bans, as the program wires them; a test clock. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createTestClock } from '../../std/test-clock.ts'
import { DAY, HOUR, MINUTE } from '../../std/clock.ts'
import type { LogEvent } from '../../std/log.ts'
import {
  BAN_DURATIONS_MS,
  BAN_EVIDENCE_MAX,
  BAN_GUESSES,
  BAN_MEMORY_MS,
  BANS_MAX,
  GUESSES_PER_USER_AT_ONCE_MAX,
  HIDDEN_VISITORS_LEAST,
} from '../../model/limits.ts'
import { parseNetwork } from '../../model/network.ts'
import type { ServiceName } from '../../model/service.ts'
import { createGuessKey } from './guess-key.ts'
import { createGuard, type HearingGuard } from './guard.ts'
import { createBanKeeper, type BanKeeper, type Exemptions, type KeptBans } from './keeper.ts'
import type { GuardNews } from './news.ts'

const net = (text: string): Exemptions[number]['networks'][number] => {
  const parsed = parseNetwork(text)
  assert.ok(parsed.ok)
  return parsed.value
}

function setUp(
  options: { kept?: KeptBans; exempt?: Exemptions; threads?: number; clock?: ReturnType<typeof createTestClock> } = {},
) {
  const clock = options.clock ?? createTestClock()
  const events: LogEvent[] = []
  const keep = (event: LogEvent): void => void events.push(event)
  const log = { debug: keep, info: keep, warn: keep, error: keep, with: () => log }
  const guards: HearingGuard[] = []
  const keeper: BanKeeper = createBanKeeper({
    clock,
    log,
    exempt: () => options.exempt ?? [],
    tell: (news) => guards.forEach((guard) => guard.hear(structuredClone(news))),
    ...(options.kept === undefined ? {} : { kept: options.kept }),
  })
  for (let i = 0; i < (options.threads ?? 3); i++) {
    const tell = (news: GuardNews): void => {
      guards.forEach((guard, other) => other !== i && guard.hear(structuredClone(news)))
      keeper.hear(structuredClone(news))
    }
    guards.push(createGuard({ clock, lifted: () => false, tell, name: `t${i}` }))
  }
  guards.forEach((guard) => guard.hello())
  let attempts = 0
  /** One wrong password, on the threads in turn. */
  const fail = (
    address: string,
    change: { service?: ServiceName; user?: string; guess?: string | null } = {},
  ): void => {
    const n = ++attempts
    const { service = 'imaps', user = 'anna@here.test', guess = `g${n}` } = change
    guards[n % guards.length]!.loginFailed(address, { at: clock.now(), service, port: 993, cid: `c${n}`, user, guess })
  }
  const banned = (address: string, service: ServiceName = 'imaps'): boolean[] =>
    guards.map((guard) => guard.isBanned(service, address))
  return { clock, events, guards, keeper, fail, banned }
}
const NOWHERE = [false, false, false]
const EVERYWHERE = [true, true, true]

suite('bans', () => {
  test('ten different guesses on any thread and port ban the address on mail ports of every thread, and no other', () => {
    const { fail, banned, keeper, events } = setUp()
    const services = ['imaps', 'submission', 'pop3'] as const
    for (let i = 0; i < BAN_GUESSES - 1; i++) fail('192.0.2.1', { service: services[i % 3]! })
    assert.deepEqual(banned('192.0.2.1'), NOWHERE)
    fail('::ffff:192.0.2.1')
    assert.deepEqual(banned('192.0.2.1'), EVERYWHERE)
    assert.deepEqual(banned('::ffff:192.0.2.1', 'submission'), EVERYWHERE)
    assert.deepEqual(banned('192.0.2.1', 'mx'), NOWHERE)
    assert.deepEqual(banned('192.0.2.1', 'https'), NOWHERE)
    assert.deepEqual(banned('192.0.2.2'), NOWHERE)
    assert.deepEqual(keeper.counts(), { mail: 1, mx: 0, web: 0 })
    assert.equal(events.filter(({ event }) => event === 'ban.added').length, 1)
  })

  test('guesses far apart do not ban', () => {
    const { clock, fail, banned } = setUp()
    for (let i = 0; i < 3 * BAN_GUESSES; i++) {
      fail('192.0.2.1')
      clock.advance(90_000)
    }
    assert.deepEqual(banned('192.0.2.1'), NOWHERE)
  })

  test('one saved wrong password, tried all day by every program, is one guess', () => {
    const { clock, fail, banned, guards } = setUp()
    const guessOf = createGuessKey(Buffer.from('key'))
    assert.notEqual(guessOf('ab', 'c'), guessOf('a', 'bc'))
    const guess = guessOf('anna@here.test', 'last year')
    for (let i = 0; i < 500; i++) {
      fail('192.0.2.1', { guess })
      clock.advance(MINUTE)
    }
    assert.deepEqual(banned('192.0.2.1'), NOWHERE)
    assert.equal(guards[0]!.beforeLogin('192.0.2.1', 'imaps').at, 'go')
    const facts = { address: '192.0.2.1', user: 'anna@here.test', guess }
    for (let i = 0; i < 100; i++) assert.equal(guards[0]!.beforeGuess(facts).at, 'go')
  })

  test('bans end by themselves, last longer each time up to a cap, and are forgotten after a quiet month', () => {
    const { clock, fail, banned, keeper, events } = setUp()
    const once = (): number => {
      for (let i = 0; i < BAN_GUESSES; i++) fail('192.0.2.1')
      const [ban] = keeper.list()
      assert.ok(ban !== undefined)
      const ms = ban.until - ban.since
      clock.advance(ms - 1)
      assert.deepEqual(banned('192.0.2.1'), EVERYWHERE)
      clock.advance(1)
      assert.deepEqual(banned('192.0.2.1'), NOWHERE)
      assert.deepEqual(keeper.list(), [])
      clock.advance(DAY)
      return ms
    }
    const cap = BAN_DURATIONS_MS.at(-1)!
    assert.deepEqual(Array.from({ length: BAN_DURATIONS_MS.length + 1 }, once), [...BAN_DURATIONS_MS, cap])
    assert.equal(events.filter(({ event }) => event === 'ban.expired').length, BAN_DURATIONS_MS.length + 1)
    clock.advance(BAN_MEMORY_MS)
    assert.equal(once(), BAN_DURATIONS_MS[0])
  })

  test('a wall clock that jumps neither ends nor lengthens a ban (R12)', () => {
    const { clock, fail, banned } = setUp()
    for (let i = 0; i < BAN_GUESSES; i++) fail('192.0.2.1')
    clock.jump(10 * DAY)
    assert.deepEqual(banned('192.0.2.1'), EVERYWHERE)
    clock.jump(-20 * DAY)
    clock.advance(BAN_DURATIONS_MS[0])
    assert.deepEqual(banned('192.0.2.1'), NOWHERE)
  })

  test('IPv6: by /64, and by /48 once three of its /64 have guessed', () => {
    const { fail, banned } = setUp()
    for (let i = 0; i < BAN_GUESSES; i++) fail(`2001:db8:1:2::${i.toString(16)}`)
    assert.deepEqual(banned('2001:db8:1:2:ffff::1'), EVERYWHERE)
    assert.deepEqual(banned('2001:db8:1:3::1'), NOWHERE)
    for (let i = 0; i < 2 * BAN_GUESSES; i++) fail(`2001:db8:1:${(i + 16).toString(16)}::1`)
    assert.deepEqual(banned('2001:db8:1:ffff::1'), EVERYWHERE)
    assert.deepEqual(banned('2001:db8:2::1'), NOWHERE)
  })

  test('never: loopback, the gateway, what the administrator spared, a proxy', () => {
    const exempt: Exemptions = [
      { why: 'gateway', networks: [net('192.168.88.1'), net('fe80::1')] },
      { why: 'never-ban', networks: [net('10.0.0.0/8')] },
      { why: 'proxy', networks: [net('203.0.113.9')] },
    ]
    const { fail, banned, keeper, events } = setUp({ exempt })
    const table = [
      ['127.0.0.1', 'loopback'],
      ['::1', 'loopback'],
      ['192.168.88.1', 'gateway'],
      ['::ffff:192.168.88.1', 'gateway'],
      ['fe80::1', 'gateway'],
      ['fe80::2', 'gateway'], // The same /64: a ban could not tell them apart.
      ['10.1.2.3', 'never-ban'],
      ['203.0.113.9', 'proxy'],
    ] as const
    for (const [address, why] of table) {
      for (let i = 0; i < 3 * BAN_GUESSES; i++) fail(address)
      assert.deepEqual(banned(address), NOWHERE, address)
      const verdict = keeper.why(address)
      assert.ok('exempt' in verdict)
      assert.equal(verdict.exempt, why, address)
      const added = keeper.add({ target: address, groups: ['mail'], forMs: HOUR, reason: '' })
      assert.deepEqual(added, { at: 'exempt', why })
    }
    assert.ok(events.some(({ event, why }) => event === 'ban.spared' && why === 'gateway'))
    // A network that holds an exempt address is exempt too.
    assert.equal(keeper.add({ target: '0.0.0.0/0', groups: ['mail'], forMs: HOUR, reason: '' }).at, 'exempt')
  })

  test('never: an address with a signed-in session, on any protocol, as long as one lives', () => {
    const { fail, banned, guards, keeper } = setUp()
    guards[0]!.loginSucceeded('192.0.2.1', { user: 'anna@here.test', cid: 'a' })
    guards[1]!.loginSucceeded('192.0.2.1', { user: 'anna@here.test', cid: 'b' })
    guards[0]!.sessionEnded('a')
    for (let i = 0; i < 2 * BAN_GUESSES; i++) fail('192.0.2.1', { service: 'pop3s', user: 'bert@here.test' })
    assert.deepEqual(banned('192.0.2.1', 'pop3s'), NOWHERE)
    guards[1]!.sessionEnded('b')
    fail('192.0.2.1')
    assert.deepEqual(banned('192.0.2.1', 'pop3s'), EVERYWHERE)
    // A thread that died has no sessions any more.
    guards[2]!.loginSucceeded('192.0.2.9', { user: 'anna@here.test', cid: 'c' })
    assert.equal(keeper.add({ target: '192.0.2.9', groups: ['mail'], forMs: HOUR, reason: '' }).at, 'exempt')
    guards[2]!.hello()
    assert.equal(keeper.add({ target: '192.0.2.9', groups: ['mail'], forMs: HOUR, reason: '' }).at, 'done')
  })

  test('lifting holds at once in every thread, and forgives', () => {
    const { fail, banned, guards, keeper, events } = setUp()
    for (let i = 0; i < BAN_GUESSES; i++) fail('192.0.2.1')
    assert.equal(guards[1]!.beforeLogin('192.0.2.1', 'imaps').at, 'refuse')
    const removed = keeper.remove('192.0.2.1')
    assert.ok(removed.at === 'done' && removed.bans.length === 1)
    assert.deepEqual(banned('192.0.2.1'), NOWHERE)
    for (const guard of guards) assert.equal(guard.beforeLogin('192.0.2.1', 'imaps').at, 'go')
    assert.ok(events.some(({ event }) => event === 'ban.lifted'))
    for (let i = 0; i < BAN_GUESSES - 1; i++) fail('192.0.2.1')
    assert.deepEqual(banned('192.0.2.1'), NOWHERE, 'the count begins anew')
  })

  test('a restart: bans go on for the time they have left, and known addresses stay known', () => {
    const first = setUp()
    for (let i = 0; i < BAN_GUESSES; i++) first.fail('192.0.2.1')
    first.guards[0]!.loginSucceeded('198.51.100.7', { user: 'anna@here.test', cid: 'a' })
    first.clock.advance(5 * MINUTE)
    const kept = JSON.parse(JSON.stringify(first.keeper.kept())) as KeptBans
    const clock = createTestClock({ nowMs: first.clock.now() })
    const second = setUp({ kept, clock })
    assert.deepEqual(second.banned('192.0.2.1'), EVERYWHERE)
    const strange = (): string =>
      second.guards[0]!.beforeGuess({ address: '203.0.113.1', user: 'anna@here.test', guess: null }).at
    while (strange() === 'go');
    const owner = { address: '198.51.100.7', user: 'anna@here.test', guess: null }
    assert.equal(second.guards[1]!.beforeGuess(owner).at, 'go')
    clock.advance(BAN_DURATIONS_MS[0] - 5 * MINUTE)
    assert.deepEqual(second.banned('192.0.2.1'), NOWHERE)
    for (let i = 0; i < BAN_GUESSES; i++) second.fail('192.0.2.1')
    assert.equal(second.keeper.list()[0]!.times, 2)
    // What has become exempt since is not banned any more.
    const third = setUp({
      kept,
      clock: createTestClock({ nowMs: first.clock.now() }),
      exempt: [{ why: 'never-ban', networks: [net('192.0.2.0/24')] }],
    })
    assert.deepEqual(third.banned('192.0.2.1'), NOWHERE)
  })

  test('by hand: networks, groups, one IPv6 address stands for its /64; mistakes are told', () => {
    const { banned, keeper } = setUp()
    keeper.add({ target: '198.51.100.0/24', groups: ['mx', 'web'], forMs: HOUR, reason: 'spam' })
    assert.deepEqual(banned('198.51.100.77', 'mx'), EVERYWHERE)
    assert.deepEqual(banned('198.51.100.77', 'https'), EVERYWHERE)
    assert.deepEqual(banned('198.51.100.77', 'imaps'), NOWHERE)
    const six = keeper.add({ target: '2001:db8::5', groups: ['mail'], forMs: HOUR, reason: '' })
    assert.ok(six.at === 'done')
    assert.deepEqual(banned('2001:db8::6'), EVERYWHERE)
    for (const target of ['nobody', '192.0.2.1/33', '192.0.2.1/24', '']) {
      assert.equal(keeper.add({ target, groups: ['mail'], forMs: HOUR, reason: '' }).at, 'bad-target', target)
    }
  })

  test('why tells the last attempts, no more of them than the limit', () => {
    const { fail, keeper } = setUp()
    for (let i = 0; i < BAN_EVIDENCE_MAX + 1; i++) fail('192.0.2.1', { user: `u${i}`, guess: 'the same' })
    const verdict = keeper.why('192.0.2.1')
    assert.ok('failures' in verdict)
    assert.equal(verdict.failures.length, BAN_EVIDENCE_MAX)
    const { user, service, cid } = verdict.failures.at(-1)!
    assert.deepEqual(
      { user, service, cid },
      { user: `u${BAN_EVIDENCE_MAX}`, service: 'imaps', cid: `c${BAN_EVIDENCE_MAX + 1}` },
    )
    assert.ok(!JSON.stringify(verdict).includes('the same'))
  })

  test('room: the ban that ends first makes way for one more', () => {
    const { keeper } = setUp({ threads: 1 })
    const kept: KeptBans['bans'][number][] = []
    for (let i = 0; i < BANS_MAX; i++) {
      const network = `198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`
      kept.push({
        network,
        group: 'mail',
        since: 0,
        until: Date.UTC(2030, 0) + i,
        reason: '',
        by: 'failed-logins',
        times: 1,
        evidence: [],
      })
    }
    keeper.stop()
    const full = setUp({ threads: 1, kept: { bans: kept, history: [], known: [] } })
    full.keeper.add({ target: '192.0.2.1', groups: ['mail'], forMs: HOUR, reason: '' })
    assert.equal(full.keeper.list().length, BANS_MAX)
    assert.deepEqual(full.banned('198.18.0.0'), [false])
    assert.deepEqual(full.banned('192.0.2.1'), [true])
  })
})

suite('guesses at one user (S6)', () => {
  test('1,000 addresses, an hour: at most 60 passwords are looked at; the owner is not kept waiting', () => {
    const { clock, guards } = setUp()
    const user = 'anna@here.test'
    guards[0]!.loginSucceeded('198.51.100.7', { user, cid: 'owner' })
    guards[0]!.sessionEnded('owner')
    let checked = 0
    for (let i = 0; i < 3600; i++) {
      const address = `203.${i % 4}.${(i >> 8) & 255}.${i & 255}`
      const guard = guards[i % 3]!
      const guess = `g${i}`
      if (guard.beforeLogin(address, 'imaps').at === 'go' && guard.beforeGuess({ address, user, guess }).at === 'go') {
        checked++
        guard.loginFailed(address, { at: clock.now(), service: 'imaps', port: 993, cid: `c${i}`, user, guess })
      }
      if (i % 100 === 0) {
        assert.equal(guard.beforeLogin('198.51.100.7', 'imaps').at, 'go')
        assert.equal(guard.beforeGuess({ address: '198.51.100.7', user, guess: null }).at, 'go')
      }
      clock.advance(1000)
    }
    assert.ok(checked <= 60, `${checked} were checked`)
    assert.ok(checked >= GUESSES_PER_USER_AT_ONCE_MAX, 'strangers are slowed down, not shut out')
  })

  test('a right password from a strange address was no guess', () => {
    const { guards } = setUp()
    for (let i = 0; i < 100; i++) {
      const address = `203.0.113.${i}`
      assert.equal(guards[0]!.beforeGuess({ address, user: 'anna', guess: null }).at, 'go')
      guards[0]!.loginSucceeded(address, { user: 'anna', cid: `c${i}` })
    }
  })
})

test('a router that hides visitors is told once, when more than 90 % of at least 50 are one inside address', () => {
  const { guards, keeper, events } = setUp({ threads: 1 })
  const visit = (address: string, times: number): void => {
    for (let i = 0; i < times; i++) guards[0]!.connect('mx', address)?.()
  }
  visit('127.0.0.1', 40)
  visit('192.168.88.1', HIDDEN_VISITORS_LEAST - 10)
  assert.equal(keeper.hiddenVisitors(), null)
  visit('192.168.88.1', 10)
  assert.deepEqual(keeper.hiddenVisitors(), { address: '192.168.88.1', share: 1, visitors: HIDDEN_VISITORS_LEAST })
  for (let i = 0; i < 10; i++) visit(`203.0.113.${i}`, 1)
  assert.equal(keeper.hiddenVisitors(), null)
  assert.equal(events.filter(({ event }) => event === 'net.visitors.hidden').length, 1)
})
