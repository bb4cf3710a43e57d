import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { editToml, type Edit, type PlainValue } from './edit.ts'

const edited = (text: string, edit: Edit): string => {
  const result = editToml(text, edit)
  assert.ok(result.ok, result.ok ? '' : result.error)
  return result.value
}

const POP3_OFF: Edit = { key: 'ports.pop3', value: 'off' }

const CASES: readonly [name: string, before: string, edit: Edit, after: string][] = [
  [
    'a value, and the comment behind it stays',
    'clients  =  "office"   # for now\n',
    { key: 'clients', value: 'anywhere' },
    'clients  =  "anywhere"   # for now\n',
  ],
  [
    'a new key, before the first table',
    'hostname = "a.example" # ours\n\n# the log\n[log]\nlevel = "warn"\n',
    { key: 'clients', value: 'browser' },
    'hostname = "a.example" # ours\nclients = "browser"\n\n# the log\n[log]\nlevel = "warn"\n',
  ],
  ['a file without an end of line', 'hostname = "a.example"', POP3_OFF, 'hostname = "a.example"\nports.pop3 = "off"'],
  ['lines that end with CRLF', 'x = 1\r\nports.pop3 = "on"\r\n', POP3_OFF, 'x = 1\r\nports.pop3 = "off"\r\n'],
  ['in the table of ports', '[ports]\nimap = "on"\npop3 = "on"\n', POP3_OFF, '[ports]\nimap = "on"\npop3 = "off"\n'],
  [
    'new in the table of ports',
    '[ports] # all\nimap = "on"\n\n[log]\nlevel = "warn"\n',
    POP3_OFF,
    '[ports] # all\nimap = "on"\npop3 = "off"\n\n[log]\nlevel = "warn"\n',
  ],
  [
    'in a table in a line',
    'ports.pop3 = { port = 1110, enabled = true } # old\n',
    POP3_OFF,
    'ports.pop3 = { port = 1110, enabled = false } # old\n',
  ],
  [
    'new in a table in a line',
    'ports.pop3 = { port = 1110 }\n',
    POP3_OFF,
    'ports.pop3 = { enabled = false, port = 1110 }\n',
  ],
  ['in a table of its own', '[ports.pop3]\nport = 1110\n', POP3_OFF, '[ports.pop3]\nenabled = false\nport = 1110\n'],
  [
    'of two switches, the right one',
    '[ports.imap]\nenabled = true\n[ports.pop3]\nenabled = true\n',
    POP3_OFF,
    '[ports.imap]\nenabled = true\n[ports.pop3]\nenabled = false\n',
  ],
  [
    'beside the table of another port',
    'x = 1\n[ports.imap]\nport = 1143\n',
    POP3_OFF,
    'x = 1\nports.pop3 = "off"\n[ports.imap]\nport = 1143\n',
  ],
  [
    'not what only looks like the key, in text of several lines',
    'note = """\nclients = "office"\n"""\nclients = "office"\n',
    { key: 'clients', value: 'anywhere' },
    'note = """\nclients = "office"\n"""\nclients = "anywhere"\n',
  ],
]

for (const [name, before, edit, after] of CASES)
  test(`edits ${name}`, () => {
    assert.equal(edited(before, edit), after)
    assert.equal(edited(after, edit), after, 'and then there is nothing to do')
  })

test('what cannot be changed with certainty is refused', () => {
  const result = editToml('ports = { pop3 = "on", imap = "on" }\n', POP3_OFF)
  assert.deepEqual(result, { ok: false, error: 'ports.pop3 is written in a way that only a person can change' })
})

describe('any key, as a whole', () => {
  const changed = (text: string, key: string, set: PlainValue): string => {
    const result = editToml(text, { key, set })
    assert.ok(result.ok, result.ok ? '' : result.error)
    return result.value
  }
  test('where it stands, with what follows it', () => {
    assert.equal(
      changed('hostname = "a.test" # ours\n# b\ndomains = ["a.test"]\n', 'hostname', 'mail.a.test'),
      'hostname = "mail.a.test" # ours\n# b\ndomains = ["a.test"]\n',
    )
    assert.equal(
      changed('domains = ["a.test"] # one\n', 'domains', ['b.test', 'a.test']),
      'domains = ["b.test", "a.test"] # one\n',
    )
    assert.equal(
      changed('[ports]\nhttp = "off"\n', 'ports.http', { port: 2080, addresses: ['127.0.0.1'] }),
      '[ports]\nhttp = { port = 2080, addresses = ["127.0.0.1"] }\n',
    )
  })
  test('in its table, or at the end of the top, when it is new', () => {
    assert.equal(
      changed('a = 1\n\n[nat]\n# n\n', 'nat.public', ['192.0.2.1']),
      'a = 1\n\n[nat]\npublic = ["192.0.2.1"]\n# n\n',
    )
    assert.equal(
      changed('a = 1\n\n[log]\nlevel = "info"\n', 'nat.public', []),
      'a = 1\nnat.public = []\n\n[log]\nlevel = "info"\n',
    )
  })
  test('what already says so stays as it is, however it is written', () => {
    const text = "hostname   = 'mail.a.test'\n"
    assert.equal(changed(text, 'hostname', 'mail.a.test'), text)
  })
  test('several lines, or a value in the way: told, not spoilt', () => {
    assert.equal(editToml('domains = [\n  "a.test",\n]\n', { key: 'domains', set: ['b.test'] }).ok, false)
    assert.equal(editToml('nat = 1\n', { key: 'nat.public', set: [] }).ok, false)
  })
})
