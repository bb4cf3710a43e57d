import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printAddress } from '../../format/address/address.ts'
import { addressPart, parseSieveAddress, readAddresses } from './address.ts'

const parse = (text: string): string | null => {
  const found = parseSieveAddress(text)
  return found === null ? null : `${found.name ?? ''}|${printAddress(found.address)}`
}

test('addresses that scripts may write (RFC 5228 §2.4.2.3)', () => {
  for (const [text, expected] of [
    ['a@b.org', '|a@b.org'],
    [' a@B.org ', '|a@b.org'],
    ['<a@b.org>', '|a@b.org'],
    ['Name <a@b.org>', 'Name|a@b.org'],
    ['"Last, First" <a@b.org>', 'Last, First|a@b.org'],
    ['"a b"@b.org', '|"a b"@b.org'],
    ['Name <"a b"@b.org>', 'Name|"a b"@b.org'],
    ['почта@пример.рф', '|почта@пример.рф'],
  ] as const)
    assert.equal(parse(text), expected, text)
})

test('and those that they may not: lists, groups, none', () => {
  for (const text of [
    '',
    'a',
    '@b.org',
    'a@',
    'a@b.org, c@d.org',
    'g: a@b.org;',
    'a@b@c',
    'a@b.org\r\nBcc: x@y',
    `${'a'.repeat(2000)}@b.org`,
    '<>',
  ])
    assert.equal(parse(text), null, text)
})

test('parts (RFC 5228 §2.7.4, RFC 5233 §4)', () => {
  const [plain, tagged, quoted, broken] = readAddresses('ken@x.org, ken+a+b@x.org, "k e+n"@x.org, nobody')
  assert.deepEqual(
    (['all', 'localpart', 'domain', 'user', 'detail'] as const).map((part) => addressPart(tagged!, part, '+')),
    ['ken+a+b@x.org', 'ken+a+b', 'x.org', 'ken', 'a+b'],
  )
  assert.deepEqual([addressPart(plain!, 'user', '+'), addressPart(plain!, 'detail', '+')], ['ken', null])
  assert.deepEqual([addressPart(tagged!, 'user', null), addressPart(tagged!, 'detail', null)], ['ken+a+b', null])
  assert.equal(addressPart(tagged!, 'detail', '+a'), '+b')
  assert.equal(addressPart(quoted!, 'localpart', '+'), 'k e+n')
  assert.deepEqual([addressPart(broken!, 'all', '+'), addressPart(broken!, 'domain', '+')], ['nobody', null])
  assert.deepEqual(
    [addressPart(null, 'all', '+'), addressPart(null, 'domain', '+'), addressPart(null, 'detail', '+')],
    ['', '', null],
  )
})
