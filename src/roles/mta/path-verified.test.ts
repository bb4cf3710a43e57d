import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Authentication } from '../../mailauth/contract.ts'
import { pathIsVerified } from './path-verified.ts'

const NOTHING = {
  spf: { result: 'none', scope: 'mailfrom', domain: 'away.test', why: '', explanation: null },
  dkim: [],
} as unknown as Authentication
const spf = (result: string, scope: string): Authentication =>
  ({ ...NOTHING, spf: { ...NOTHING.spf, result, scope } }) as Authentication
const dkim = (result: string, domain: string): Authentication =>
  ({ ...NOTHING, dkim: [{ result, domain }] }) as unknown as Authentication
const path = { localPart: 'bert', domain: 'News.Away.test' }

test('R22: who may hear of what becomes of a letter that is sent on', () => {
  const table: readonly [Authentication, boolean][] = [
    [NOTHING, false],
    [spf('pass', 'mailfrom'), true],
    [spf('pass', 'helo'), false],
    [spf('softfail', 'mailfrom'), false],
    [dkim('pass', 'news.away.test'), true],
    [dkim('pass', 'away.test'), true],
    [dkim('fail', 'away.test'), false],
    [dkim('pass', 'way.test'), false],
    [dkim('pass', 'test'), false],
    [dkim('pass', 'far.test'), false],
  ]
  for (const [found, expected] of table) assert.equal(pathIsVerified(found, path), expected, JSON.stringify(found))
  assert.equal(pathIsVerified(spf('pass', 'mailfrom'), null), false)
})
