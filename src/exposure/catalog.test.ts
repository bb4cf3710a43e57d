import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CATALOG, catalogRow } from './catalog.ts'

test('the ports, as docs/rules.md has them', () => {
  const rows = CATALOG.map(
    (row) => `${row.port} ${row.service} ${row.role} ${row.tls} ${row.faces} ${row.enabled ? 'on' : 'off'}`,
  )
  assert.deepEqual(rows, [
    '25 mx mta starttls-offered outside on',
    '587 submission msa starttls-enforced inside on',
    '465 submissions msa implicit inside off',
    '143 imap mda starttls-enforced inside on',
    '993 imaps mda implicit inside on',
    '110 pop3 mda starttls-enforced inside on',
    '995 pop3s mda implicit inside on',
    '80 http web none both on',
    '443 https web implicit both on',
    '4190 sieve filter starttls-enforced inside off',
  ])
})

test('a service and a port stand there once', () => {
  assert.equal(new Set(CATALOG.map((row) => row.service)).size, CATALOG.length)
  assert.equal(new Set(CATALOG.map((row) => row.port)).size, CATALOG.length)
  for (const row of CATALOG) assert.equal(catalogRow(row.service), row)
})

test('plain logins can be allowed on the plain port of a mailbox pair only (D10), nowhere without TLS at all', () => {
  const plain = CATALOG.filter((row) => row.plainLoginAllowed).map((row) => row.port)
  assert.deepEqual(plain, [143, 110])
  assert.deepEqual(
    CATALOG.filter((row) => row.tls === 'none').map((row) => row.service),
    ['http'],
  )
})
