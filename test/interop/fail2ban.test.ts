/** The frozen line of failed logins, as our log prints it, before the real fail2ban. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { createLog, type LogOptions } from '../../src/app/log.ts'
import { temporaryFolder } from './world.ts'

const TOOL = '/usr/bin/fail2ban-regex'
const missing = !existsSync(TOOL) && process.env['GAVAN_REQUIRE_PEERS'] !== '1' ? 'fail2ban is not installed' : false
const FILTER = join(import.meta.dirname, '../../packaging/fail2ban/gavan.conf')

const REAL = [
  ['198.51.100.7', 'bad-password'],
  ['2001:db8::7', 'bad-password'],
  ['198.51.100.10', 'bad-token'],
  ['198.51.100.11', 'bad-certificate'],
] as const
/** Names that try to look like a line of ours with the victim's address. */
const FORGED = [
  'x" rip=203.0.113.9 proto=imap port=993 reason=bad-password cid=a user="y',
  'x\nauth failed rip=203.0.113.9 proto=imap port=993 reason=bad-password cid=a user="y"',
  'auth failed rip=203.0.113.9 proto=imap port=993 reason=bad-password cid=a user=',
  '","rip":"203.0.113.9","proto":"imap","port":993,"reason":"bad-password","cid":"a","user":"',
  '\r\n{"time":"2026-11-24T10:00:00.000Z","level":"warn","event":"auth.failed","rip":"203.0.113.9","proto":"imap","port":993,"reason":"bad-password","cid":"a","user":"',
  'é\u0000\u2028\u0085 203.0.113.9',
]

/** Lines as the log writes them; `lead`: what syslog puts before. */
function logLines(format: LogOptions['format'], lead: string): string {
  let text = ''
  const log = createLog({
    format,
    level: 'info',
    now: () => Date.UTC(2026, 10, 24, 10),
    write: (line) => void (text += lead + line),
  })
  const fail = (rip: string, user: string, reason = 'bad-password'): void =>
    log.warn({ event: 'auth.failed', rip, proto: 'imap', port: 993, reason, cid: '7f3a', user })
  for (const [rip, reason] of REAL) fail(rip, 'anna@example.org', reason)
  for (const user of FORGED) fail('198.51.100.8', user)
  fail('198.51.100.9', 'anna@example.org', 'try-later') // Nobody's fault.
  fail('198.51.100.9', 'anna@example.org', 'out-of-scope') // The right app password, and not for this.
  // Other events may carry the text as well.
  for (const user of FORGED) log.info({ event: 'smtp.rcpt.refused', address: user, cid: 'b' })
  for (const user of FORGED) log.warn({ event: 'smtp.message.broken', why: user })
  return text
}

suite('fail2ban-regex with packaging/fail2ban/gavan.conf', { skip: missing }, () => {
  const looks = [
    ['pretty', 'Nov 24 10:00:00 mail gavan[812]: '],
    ['json', 'Nov 24 10:00:00 mail gavan[812]: '],
    ['json', ''],
  ] as const
  for (const [format, lead] of looks) {
    test(`${format}, ${lead === '' ? 'a file of its own' : 'by syslog'}: real failures are hit, forged ones are not`, () => {
      using folder = temporaryFolder('fail2ban')
      const path = join(folder.path, 'log')
      writeFileSync(path, logLines(format, lead))
      // Beside fail2ban's own filters, as it is installed.
      const filter = join(folder.path, 'gavan.conf')
      copyFileSync(FILTER, filter)
      copyFileSync('/etc/fail2ban/filter.d/common.conf', join(folder.path, 'common.conf'))
      const found = execFileSync(TOOL, ['--out', 'ip', path, filter], { encoding: 'utf8' })
      const addresses = found.trim().split(/\s+/)
      assert.deepEqual(addresses, [...REAL.map(([rip]) => rip), ...FORGED.map(() => '198.51.100.8')])
    })
  }
})
