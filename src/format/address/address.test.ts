import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Address } from '../../model/address.ts'
import { isAsciiAddress, parseAddress, parsePath, printAddress, printPath, sameAddress } from './address.ts'
import { isIpv6, parseAddressLiteral, parseDomain } from './domain.ts'

const parsed = (text: string): string => {
  const result = parseAddress(text)
  return result.ok ? `${result.value.localPart}|${result.value.domain}` : `${result.error.part}: ${result.error.why}`
}

const L64 = 'l'.repeat(64)
const D252 = [63, 63, 63, 60].map((n) => 'd'.repeat(n)).join('.')

test('RFC 5321 §4.1.2: addresses', () => {
  const cases: readonly [string, string][] = [
    ['a@b.example', 'a|b.example'],
    ['Local.Part+tag@B.Example', 'Local.Part+tag|b.example'],
    ["!#$%&'*+-/=?^_`{|}~@b", "!#$%&'*+-/=?^_`{|}~|b"],
    ['"a b"@b.example', 'a b|b.example'],
    ['"a\\"\\\\b"@b.example', 'a"\\b|b.example'],
    ['"a@b"@c.example', 'a@b|c.example'],
    ['""@b.example', '|b.example'],
    ['"a.b"@b', 'a.b|b'],
    ['a@[192.0.2.1]', 'a|[192.0.2.1]'],
    ['a@[ipv6:2001:DB8::1]', 'a|[IPv6:2001:db8::1]'],
    ['и@почта.рф', 'и|почта.рф'],
    ['a@ПОЧТА.РФ', 'a|почта.рф'],
    ['a@bu\u0308cher.example', 'a|bücher.example'],
    ['a@xn--bcher-kva.example', 'a|xn--bcher-kva.example'],
    [`${L64}@b`, `${L64}|b`],
    [`a@${D252}`, `a|${D252}`],
    ['a', 'domain: no domain'],
    ['@b', 'local-part: malformed local part'],
    ['.a@b', 'local-part: malformed local part'],
    ['a..b@c', 'local-part: malformed local part'],
    ['a.@b', 'local-part: malformed local part'],
    ['a b@c', 'local-part: malformed local part'],
    ['a(c)@b', 'local-part: malformed local part'],
    ['"a@b', 'local-part: malformed quoted local part'],
    ['"a\\', 'local-part: malformed quoted local part'],
    ['"a\tb"@c', 'local-part: malformed quoted local part'],
    ['"a"b@c', 'domain: no domain'],
    ['a\u0000@b', 'local-part: malformed local part'],
    ['a\u202e@b', 'local-part: malformed local part'],
    ['\ud800@b', 'local-part: malformed local part'],
    [`${L64}l@b`, 'local-part: local part too long'],
    [`${'я'.repeat(33)}@b`, 'local-part: local part too long'],
    [`aa@${D252}`, 'path: path too long'],
    [`a@${D252}.${D252}`, 'domain: domain too long'],
    [`a@${'d'.repeat(64)}`, 'domain: label too long in domain'],
    ['a@', 'domain: empty domain'],
    ['a@b.', 'domain: empty label in domain'],
    ['a@b..c', 'domain: empty label in domain'],
    ['a@-b', 'domain: label with a hyphen at its edge in domain'],
    ['a@b-', 'domain: label with a hyphen at its edge in domain'],
    ['a@b_c', 'domain: character not allowed in a domain'],
    ['a@b c', 'domain: characters after the domain'],
    ['a@b;rm', 'domain: character not allowed in a domain'],
    ['a@b\u3002c', 'domain: character not allowed in a domain'],
    ['a@[127.0.0.01]', 'domain: malformed address literal'],
    ['a@[256.0.0.1]', 'domain: malformed address literal'],
    ['a@[1.2.3.4', 'domain: malformed address literal'],
    ['a@[1.2.3.4]x', 'domain: characters after the domain'],
    ['a@[x:1]', 'domain: malformed address literal'],
    ['a@[IPv6:1::2::3]', 'domain: malformed IPv6 address literal'],
  ]
  for (const [text, wanted] of cases) assert.equal(parsed(text), wanted, text)
})

test('RFC 5321 §4.1.3: IPv6 spellings', () => {
  const good = [
    '::',
    '::1',
    '1::',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:1.2.3.4',
    '::1.2.3.4',
    '1:2:3:4:5:6::',
    '::ffff:1.2.3.4',
  ]
  const bad = [
    '',
    ':',
    ':::',
    '1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::',
    '1.2.3.4::',
    '12345::',
    '1::%eth0',
    '1:2:3:4:5:6:7:1.2.3.4',
    ':1:2:3:4:5:6:7',
  ]
  for (const text of good) assert.ok(isIpv6(text), text)
  for (const text of bad) assert.ok(!isIpv6(text), text)
  assert.equal(parseAddressLiteral('1.2.3.4').ok, false)
})

test('RFC 5321 §4.1.2: paths, with source routes dropped', () => {
  const cases: readonly [string, string | null][] = [
    ['<a@b>', 'a@b|'],
    ['<>', '<>|'],
    ['<> SIZE=1', '<>| SIZE=1'],
    ['<a@b> X', 'a@b| X'],
    ['<@x.example:a@b>', 'a@b|'],
    ['<@x,@y:a@b> Z', 'a@b| Z'],
    ['<"a> b"@c> Z', '"a> b"@c| Z'],
    ['a@b', null],
    ['<a@b', null],
    ['<a@b c>', null],
    ['<@x>', null],
    ['<x:a@b>', null],
    ['<@x y:a@b>', null],
    ['<<a@b>>', null],
    ['< a@b>', null],
    ['', null],
  ]
  for (const [text, wanted] of cases) {
    const result = parsePath(text)
    const got = result.ok
      ? `${result.value.address === null ? '<>' : printAddress(result.value.address)}|${result.value.rest}`
      : null
    assert.equal(got, wanted, text)
  }
  const long = `<${L64}@${'d'.repeat(63)}.${'d'.repeat(63)}.${'d'.repeat(61)}>`
  assert.equal(long.length, 256)
  assert.ok(parsePath(long).ok)
  assert.equal(parsePath(long.replace('@', '@d.')).ok, false)
})

test('isemail vectors: what RFC 5321 allows is read, what it does not is refused', () => {
  const xml = readFileSync(new URL('../../../test/vectors/isemail/tests.xml', import.meta.url), 'utf8')
  const unescape = (text: string): string =>
    text
      .replace(/&#x([0-9A-Fa-f]+);/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
      .replace(
        /&(lt|gt|quot|apos|amp);/g,
        (_, name: string) => ({ lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' })[name]!,
      )
      // The vectors show control characters as their symbols.
      .replace(/[\u2400-\u241f\u2421]/g, (symbol) => String.fromCodePoint(symbol.codePointAt(0)! - 0x2400))
  let seen = 0
  const wrong: string[] = []
  for (const [, id, block = ''] of xml.matchAll(/<test id="(\d+)">([\s\S]*?)<\/test>/g)) {
    const address = unescape(/<address>([\s\S]*?)<\/address>/.exec(block)?.[1] ?? '')
    const category = /<category>(\w+)/.exec(block)?.[1]
    const diagnosis = /<diagnosis>(\w+)/.exec(block)?.[1]
    const valid = ['ISEMAIL_VALID_CATEGORY', 'ISEMAIL_DNSWARN', 'ISEMAIL_RFC5321'].includes(category!)
    seen++
    if (parseAddress(address).ok !== valid) wrong.push(`${id} ${category} ${diagnosis} ${JSON.stringify(address)}`)
  }
  assert.equal(seen, 164)
  assert.deepEqual(wrong, [])
})

test('ASCII, and comparison without case', () => {
  const address = (text: string): Address => {
    const result = parseAddress(text)
    assert.ok(result.ok)
    return result.value
  }
  assert.ok(isAsciiAddress(address('a@b')))
  assert.ok(!isAsciiAddress(address('я@b')))
  assert.ok(!isAsciiAddress(address('a@я.рф')))
  assert.ok(sameAddress(address('A@b'), address('a@B')))
  assert.ok(!sameAddress(address('a@b'), address('a@c')))
  assert.equal(printPath(null), '<>')
})

test('property: what is printed is read back the same', () => {
  const unusual = /[\0-\x1f\x7f-\u00a0\u1680\u2000-\u200a\u2028-\u202e\u205f-\u2069\u3000\ufeff]/
  const local = fc
    .string({ unit: 'grapheme', minLength: 0, maxLength: 20 })
    .filter((text) => Buffer.byteLength(text) <= 30 && !unusual.test(text))
  const domain = fc.oneof(
    fc.domain(),
    fc.ipV4().map((ip) => `[${ip}]`),
    fc
      .ipV6()
      .filter(isIpv6)
      .map((ip) => `[IPv6:${ip}]`),
  )
  fc.assert(
    fc.property(local, domain, (localPart, domainText) => {
      const address = { localPart, domain: domainText.startsWith('[') ? domainText : domainText.toLowerCase() }
      const back = parseAddress(printAddress(address))
      assert.deepEqual(back, { ok: true, value: address })
      assert.deepEqual(parsePath(`${printPath(address)} X`), { ok: true, value: { address, rest: ' X' } })
    }),
  )
})

test('property: never throws, and what is read can be printed', () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom('"', '\\', '@', '<', '>', '[', ']', 'IPv6:', '.', ',', ':', 'a', 'я'),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('')
      parsePath(text)
      parseDomain(text)
      parseAddressLiteral(text)
      const result = parseAddress(text)
      if (result.ok) assert.deepEqual(parseAddress(printAddress(result.value)), result)
    }),
  )
})

test('a megabyte of anything is worked through at once', () => {
  for (const text of [
    '"'.repeat(1e6),
    '<@a,'.repeat(2e5),
    'a.'.repeat(5e5),
    `a@${'b.'.repeat(5e5)}`,
    `a@[${':'.repeat(1e6)}]`,
    `"${'\\a'.repeat(5e5)}"@b`,
  ]) {
    assert.equal(parseAddress(text).ok, false)
    assert.equal(parsePath(text).ok, false)
  }
})
