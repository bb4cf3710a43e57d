import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CliError } from '../cli/output.ts'
import { parseOffset, parseRoute, parseUsers } from './options.ts'

test('a route names domain, host and port', () => {
  assert.deepEqual(parseRoute('Example.org=127.0.0.1:2600'), { domain: 'example.org', host: '127.0.0.1', port: 2600 })
  assert.deepEqual(parseRoute('a.test=[::1]:25'), { domain: 'a.test', host: '::1', port: 25 })
})

test('what is not a route is refused with an example', () => {
  for (const text of ['', 'a.test', 'a.test=host', 'a.test=:25', '=h:25', 'a.test=h:0', 'a.test=h:65536', 'a.test=h:x'])
    assert.throws(
      () => parseRoute(text),
      (error) => error instanceof CliError && error.exitCode === 64 && error.fix !== null,
      text,
    )
})

test('a users file holds an address and a password per line', () => {
  const users = parseUsers('# people\n\nanna@a.test  two words\r\nmira@b.test x\n', 'f')
  assert.deepEqual(
    users.map((user) => [user.address, user.password.reveal()]),
    [
      ['anna@a.test', 'two words'],
      ['mira@b.test', 'x'],
    ],
  )
})

test('a users file that is wrong names the line', () => {
  assert.throws(() => parseUsers('anna@a.test pw\nmira\n', 'users.txt'), /users\.txt, line 2/)
  assert.throws(() => parseUsers('anna pw\n', 'users.txt'), /line 1/)
  assert.throws(() => parseUsers('# nobody\n', 'users.txt'), /names no user/)
})

test('an offset leaves every port in range', () => {
  assert.equal(parseOffset('2000'), 2000)
  for (const text of ['0', '-1', '1.5', 'x', '64541']) assert.throws(() => parseOffset(text), CliError)
})
