import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryDirectory } from '../testing/rooms.ts'
import { stsPolicyHandlers } from './commands/sts-policies.ts'
import { openPlain } from './database.ts'
import { MIGRATIONS } from './schema.ts'

test('one policy more than fit: the oldest makes way', () => {
  const directory = temporaryDirectory()
  const db = openPlain(`${directory.path}/policies.db`, 0)
  try {
    for (const { sql } of MIGRATIONS) db.exec(sql)
    const { setStsPolicy } = stsPolicyHandlers(db, 2)
    const keep = (domain: string, fetchedAt: number) =>
      setStsPolicy(
        { domain, policy: { id: '1', mode: 'enforce', mx: ['mx'], maxAgeSeconds: 1, fetchedAt } },
        {} as never,
      )
    keep('b', 1)
    keep('a', 2)
    keep('b', 3)
    keep('c', 4)
    assert.deepEqual(db.prepare('SELECT domain FROM sts_policy ORDER BY domain').all(), [['b'], ['c']])
  } finally {
    db.close()
    directory.remove()
  }
})
