import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAddress, printAddress } from '../../format/address/address.ts'
import { LOCAL_PART_MAX_OCTETS, SRS_KEPT_DAYS } from '../../model/limits.ts'
import { DAY } from '../../std/clock.ts'
import { createTestRandom } from '../../std/test-random.ts'
import { at } from '../testing/test-directory.ts'
import { createSrs, srsKey } from './srs.ts'

const KEY = srsKey(Buffer.from('of this test'))
const NOW = 20_000 * DAY
const srs = createSrs([KEY])

test('a name leads back to its sender, whoever he is (random senders)', () => {
  const random = createTestRandom(7)
  const signs = 'abcXYZ019.=+-_"\\ @%!ß'
  let carried = 0
  for (let round = 0; round < 2000; round++) {
    let localPart = ''
    const length = 1 + Math.floor(random.float() * 40)
    while (localPart.length < length) localPart += signs[Math.floor(random.float() * signs.length)]!
    const domain = `${'h'.repeat(1 + Math.floor(random.float() * 20))}.test`
    const sender = parseAddress(printAddress({ localPart, domain }))
    if (!sender.ok || /^SRS[01][=+-]/i.test(localPart)) continue
    const name = srs.rewrite(sender.value, 'here.test', NOW)
    const printed = printAddress(name)
    assert.ok(Buffer.byteLength(printed) - '@here.test'.length <= LOCAL_PART_MAX_OCTETS, printed)
    const back = parseAddress(printed)
    assert.ok(back.ok, printed)
    const opened = srs.open(back.value.localPart, NOW)
    if (/^SRS0=[A-Z2-7]{8}=[A-Z2-7]{2}==$/.test(name.localPart)) assert.equal(opened?.at, 'wrong')
    else {
      carried++
      assert.deepEqual(opened, { at: 'sender', address: sender.value }, printed)
    }
  }
  assert.ok(carried > 500, String(carried))
})

test('no octet of a name can be another, but for case', () => {
  const { localPart } = srs.rewrite(at('Bert.B@away.test'), 'here.test', NOW)
  for (let i = 0; i < localPart.length; i++) {
    for (const sign of 'A2=b.') {
      const forged = localPart.slice(0, i) + sign + localPart.slice(i + 1)
      if (forged.toLowerCase() === localPart.toLowerCase()) continue
      assert.notEqual(srs.open(forged, NOW)?.at, 'sender', forged)
    }
    assert.notEqual(srs.open(localPart.slice(0, i), NOW)?.at, 'sender')
  }
  assert.notEqual(srs.open(`${localPart}x`, NOW)?.at, 'sender')
  assert.deepEqual(srs.open(localPart.toLowerCase(), NOW), { at: 'sender', address: at('bert.b@away.test') })
})

test('it is good for its days, and no more when the count of days has gone round', () => {
  for (const sender of ['bert@away.test', 'SRS0=AAAA=BB=far.test=bert@away.test']) {
    const { localPart } = srs.rewrite(at(sender), 'here.test', NOW)
    const after = (days: number): string => srs.open(localPart, NOW + days * DAY)?.at ?? 'none'
    assert.deepEqual(
      [0, SRS_KEPT_DAYS, SRS_KEPT_DAYS + 1, 1024, -1].map(after),
      ['sender', 'sender', 'wrong', 'wrong', 'wrong'],
      sender,
    )
  }
})

test('what was sent on before is shortened: the bounce goes to who sent it on first', () => {
  const there = createSrs([srsKey(Buffer.from('of the first host'))])
  const first = there.rewrite(at('bert@away.test'), 'there.test', NOW)
  const second = srs.rewrite(first, 'here.test', NOW)
  assert.match(second.localPart, /^SRS1=[A-Z2-7]{8}=there\.test==/)
  assert.deepEqual(srs.open(second.localPart, NOW), { at: 'sender', address: first })
  const beyond = createSrs([srsKey(Buffer.from('of a third host'))])
  const third = beyond.rewrite(second, 'third.test', NOW)
  assert.match(third.localPart, /^SRS1=[A-Z2-7]{8}=there\.test==/)
  assert.deepEqual(beyond.open(third.localPart, NOW), { at: 'sender', address: first })
  const theirs = srs.rewrite(at('SRS0+aBcD=ZZ=away.test=bert@there.test'), 'here.test', NOW)
  assert.deepEqual(srs.open(theirs.localPart, NOW), {
    at: 'sender',
    address: at('SRS0+aBcD=ZZ=away.test=bert@there.test'),
  })
})

test('who has no name that could be carried gets none that leads anywhere', () => {
  const name = srs.rewrite(at(`${'v'.repeat(60)}@away.test`), 'here.test', NOW)
  assert.match(name.localPart, /^SRS0=[A-Z2-7]{8}=[A-Z2-7]{2}==$/)
  assert.deepEqual(srs.open(name.localPart, NOW), { at: 'wrong' })
})

test('an older key opens what it has signed; a stranger’s does not', () => {
  const { localPart } = srs.rewrite(at('bert@away.test'), 'here.test', NOW)
  const newer = srsKey(Buffer.from('newer'))
  assert.equal(createSrs([newer, KEY]).open(localPart, NOW)?.at, 'sender')
  assert.equal(createSrs([newer]).open(localPart, NOW)?.at, 'wrong')
  assert.equal(srs.open('anna', NOW), null)
  assert.equal(srs.open('srs0', NOW), null)
  assert.deepEqual(srs.open('SRS0=AAAAAAAA=AA=away.test=bert', NOW), { at: 'wrong' })
  assert.deepEqual(srs.open('SRS0=', NOW), { at: 'wrong' })
})
