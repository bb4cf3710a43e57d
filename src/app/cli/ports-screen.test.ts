/** The table and one port in words, at three widths and in both languages: golden files. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { ExposurePlan, HostFacts } from '../../exposure/contract.ts'
import { planOf } from '../../exposure/plan.ts'
import type { Language } from '../../exposure/words/contract.ts'
import { loadConfig } from '../config/load.ts'
import { planSettings } from '../plan-settings.ts'
import { onePort, portsTable, warningsOf, type Now } from './ports-screen.ts'

const HOST: HostFacts = {
  addresses: [{ address: '192.168.88.25', family: 4, interface: 'eth0', network: '192.168.88.0/24', scope: 'private' }],
  gateways: ['192.168.88.1'],
  container: 'none',
}

const loaded = await loadConfig({
  path: null,
  env: { GAVAN_TLS_ACME: 'letsencrypt', GAVAN_PORTS_SUBMISSIONS: 'on', GAVAN_PORTS_HTTP: 'off' },
  flags: { hostname: 'mail.example.org' },
})
assert.ok(loaded.ok)
const plan: ExposurePlan = planOf(planSettings(loaded.value), HOST)

const running = (more: Partial<Extract<Now, { at: 'running' }>> = {}): Now => ({
  at: 'running',
  connections: 0,
  today: 0,
  refusedToday: 0,
  stranger: null,
  ...more,
})
const NOW = new Map<string, Now>([
  ['mx', running({ connections: 2, today: 412, stranger: { secondsAgo: 14, address: '198.51.100.7' } })],
  [
    'submission',
    running({ connections: 7, today: 60, refusedToday: 31, stranger: { secondsAgo: 7200, address: '2001:db8::7' } }),
  ],
  ['submissions', running()],
  ['imap', { at: 'free' }],
  ['imaps', { at: 'listens' }],
  ['pop3', { at: 'held', by: 'dovecot' }],
  ['pop3s', { at: 'held', by: null }],
  ['http', { at: 'held', by: 'nginx' }],
  ['https', { at: 'unknown' }],
])

function golden(name: string, text: string): void {
  const file = new URL(`golden/ports/${name}.txt`, import.meta.url)
  if (process.env['GAVAN_UPDATE_GOLDEN'] === '1') {
    mkdirSync(new URL('.', file), { recursive: true })
    writeFileSync(file, text)
  }
  assert.equal(text, readFileSync(file, 'utf8'))
}

const one = (service: string, language: Language, width: number): string => {
  const row = plan.rows.find((each) => each.service === service)
  assert.ok(row)
  return onePort(row, NOW.get(service), { language, width, warnings: warningsOf(plan, row.service) })
}

describe('golden files', () => {
  for (const language of ['en', 'ru'] as const) {
    for (const width of [80, 120, 200])
      test(`the table at ${width} columns, ${language}`, () => {
        const text = portsTable(plan, NOW, { language, width, colours: false })
        golden(`table-${width}.${language}`, `${text}\n`)
        for (const line of text.split('\n')) assert.ok([...line].length <= width, line)
      })
    for (const service of ['mx', 'submission', 'submissions', 'http', 'pop3s'])
      test(`${service} in words, ${language}`, () => {
        const text = one(service, language, 100)
        golden(`${service}.${language}`, `${text}\n`)
        for (const line of text.split('\n')) assert.ok([...line].length <= 100, line)
      })
  }
})

test('colours change nothing but colours', () => {
  const options = { language: 'en', width: 120 } as const
  const coloured = portsTable(plan, NOW, { ...options, colours: true })
  assert.notEqual(coloured, stripVTControlCharacters(coloured))
  assert.equal(stripVTControlCharacters(coloured), portsTable(plan, NOW, { ...options, colours: false }))
})

test('one port tells what is wrong with it and nothing of the others', () => {
  assert.match(one('http', 'en', 200), /✗ Port 80 is not open, and certificates are asked for by ACME/)
  assert.doesNotMatch(one('mx', 'en', 200), /✗/)
})

test('an address that is missing is told at each port that was to have it', () => {
  const missing = {
    ...plan,
    warnings: [
      {
        id: 'address-missing' as const,
        severity: 'problem' as const,
        service: null,
        facts: { address: '10.9.9.9', service: 'mx, imaps' },
      },
    ],
  }
  assert.equal(warningsOf(missing, 'imaps').length, 1)
  assert.equal(warningsOf(missing, 'imap').length, 0)
})
