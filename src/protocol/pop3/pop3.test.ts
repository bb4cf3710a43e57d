import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { parseCommand } from './command.ts'
import { createTopLimiter } from './top-limiter.ts'

const parse = (line: string): unknown => {
  const parsed = parseCommand(Buffer.from(line))
  return parsed.ok ? parsed.value : `-ERR ${parsed.error}`
}

test('RFC 1939, 2449, 5034, 6856: commands', () => {
  const cases: readonly [string, unknown][] = [
    ['user anna@here.test', { verb: 'USER', name: 'anna@here.test' }],
    ['USER', '-ERR Syntax: USER name'],
    ['PASS two words ', { verb: 'PASS', password: 'two words ' }],
    ['PASS', '-ERR Syntax: PASS password'],
    ['PASS пароль', { verb: 'PASS', password: 'пароль' }],
    ['AUTH', { verb: 'AUTH', mechanism: null, initialResponse: null }],
    ['AUTH plain', { verb: 'AUTH', mechanism: 'PLAIN', initialResponse: null }],
    ['AUTH PLAIN =', { verb: 'AUTH', mechanism: 'PLAIN', initialResponse: '=' }],
    ['AUTH PLAIN a b', '-ERR Syntax: AUTH mechanism [initial-response]'],
    ['LIST', { verb: 'LIST', number: null }],
    ['LIST 2', { verb: 'LIST', number: 2 }],
    ['UIDL 0', '-ERR Syntax: UIDL [message]'],
    ['RETR', '-ERR Syntax: RETR message'],
    ['RETR -1', '-ERR Syntax: RETR message'],
    ['DELE 99999999999', '-ERR Syntax: DELE message'],
    ['DELE 1e3', '-ERR Syntax: DELE message'],
    ['TOP 1 0', { verb: 'TOP', number: 1, lines: 0 }],
    ['TOP 1', '-ERR Syntax: TOP message lines'],
    ['TOP 1 2 3', '-ERR Syntax: TOP message lines'],
    ['STAT x', '-ERR STAT takes no arguments'],
    ['QUIT', { verb: 'QUIT' }],
    ['LANG', { verb: 'LANG', range: null }],
    ['LANG *', { verb: 'LANG', range: '*' }],
    ['lang en-Boont', { verb: 'LANG', range: 'en-boont' }],
    ['LANG en_US', '-ERR Syntax: LANG [language]'],
    ['LANG en ru', '-ERR Syntax: LANG [language]'],
    ['APOP a b', '-ERR Unknown command'],
    ['', '-ERR Unknown command'],
  ]
  for (const [line, wanted] of cases) assert.deepEqual(parse(line), wanted, line)
  assert.equal(parseCommand(Buffer.from([0xff])).ok, false)
})

test('RFC 1939 §7: TOP, however the octets are cut', () => {
  const message = 'A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\n'
  const cases: readonly [message: string, lines: number, wanted: string][] = [
    [message, 0, 'A: b\r\nC: d\r\n\r\n'],
    [message, 1, 'A: b\r\nC: d\r\n\r\none\r\n'],
    [message, 2, 'A: b\r\nC: d\r\n\r\none\r\n\r\n'],
    [message, 9, message],
    ['A: b\r\n', 3, 'A: b\r\n'],
    ['A: b\n\none\ntwo\n', 1, 'A: b\n\none\n'],
    ['\r\none\r\n', 0, '\r\n'],
    ['', 1, ''],
  ]
  for (const [text, lines, wanted] of cases) {
    for (const size of [1, 2, 3, 1000]) {
      const limiter = createTopLimiter(lines)
      let out = ''
      for (let at = 0; at < text.length; at += size)
        out += limiter.push(Buffer.from(text.slice(at, at + size))).toString()
      assert.equal(out, wanted, `${JSON.stringify(text)} TOP ${lines} by ${size}`)
    }
  }
})

test('property: no line makes the parser throw', () => {
  fc.assert(
    fc.property(fc.constantFrom('USER ', 'TOP ', 'AUTH ', 'RETR ', ''), fc.string({ unit: 'binary' }), (verb, rest) => {
      parseCommand(Buffer.from(verb + rest))
      parseCommand(Buffer.from(verb + rest, 'latin1'))
    }),
  )
})
