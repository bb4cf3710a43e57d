import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSystemRandom, descriptorsMax, systemClock, systemResolvers } from './machine.ts'

test('a timer runs once, and not when it was cancelled', async () => {
  const ran: string[] = []
  const cancel = systemClock.timer(1, () => ran.push('cancelled'))
  cancel()
  await new Promise<void>((resolve) => {
    systemClock.timer(1, () => ran.push('first'))
    systemClock.timer(10, resolve)
    setTimeout(() => {}, 50) // The clock's own timers do not keep a process alive.
  })
  assert.deepEqual(ran, ['first'])
})

test('a wait of months is not cut short by the 31 bits of setTimeout', async () => {
  let ran = false
  const cancel = systemClock.timer(2 ** 40, () => (ran = true))
  await new Promise((resolve) => setTimeout(resolve, 20))
  cancel()
  assert.equal(ran, false)
})

test('chance: never the same, every octet value, numbers in [0, 1)', () => {
  const random = createSystemRandom()
  const drawn = new Set(Array.from({ length: 2000 }, () => Buffer.from(random.bytes(12)).toString('hex')))
  assert.equal(drawn.size, 2000)
  assert.equal(new Set(Array.from({ length: 500 }, () => [...random.bytes(100)]).flat()).size, 256)
  assert.equal(random.bytes(10_000).length, 10_000)
  assert.equal(random.bytes(0).length, 0)
  const numbers = Array.from({ length: 1000 }, () => random.float())
  assert.ok(numbers.every((number) => number >= 0 && number < 1))
  assert.ok(numbers.some((number) => number < 0.1) && numbers.some((number) => number > 0.9))
})

test('what the machine says of itself', () => {
  assert.ok(descriptorsMax() >= 64)
  assert.deepEqual(
    systemResolvers(
      '# c\nnameserver 192.0.2.53\nnameserver\t2001:db8::53 # c\nnameserver dns.example\noptions edns0\n',
    ),
    [
      { address: '192.0.2.53', port: 53 },
      { address: '2001:db8::53', port: 53 },
    ],
  )
  assert.deepEqual(systemResolvers(''), [{ address: '127.0.0.1', port: 53 }])
})
