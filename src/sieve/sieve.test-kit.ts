/** Letters and a place to run scripts in, for tests. */
import assert from 'node:assert/strict'
import { parseAddress } from '../format/address/address.ts'
import { scan } from '../format/message/testing.ts'
import type { Address } from '../model/address.ts'
import { compile } from './compile.ts'
import type { Environment, Letter, Outcome, Program } from './contract.ts'
import { run } from './run.ts'

export function addressOf(text: string): Address {
  const parsed = parseAddress(text)
  assert.ok(parsed.ok, text)
  return parsed.value
}

export const LETTER =
  'From: sender@example.org\r\nTo: owner@example.com\r\nSubject: hello\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n'

export function letterOf(text: string, from: string | null = 'sender@example.org'): Letter {
  const octets = Buffer.from(text)
  const { summary } = scan(octets)
  return {
    header: octets.subarray(0, summary.root.bodyStart),
    sizeOctets: octets.length,
    root: summary.root,
    envelope: { from: from === null ? null : addressOf(from), to: addressOf('owner@example.com') },
    read: (start, end) => Promise.resolve(octets.subarray(start, end)),
  }
}

export const environmentOf = (more: Partial<Environment> = {}): Environment => ({
  now: () => Date.UTC(2026, 10, 24, 10, 20, 30),
  owner: { address: addressOf('owner@example.com'), aliases: [] },
  host: { name: 'mail.example.com', domain: 'example.com', version: '1' },
  ...more,
})

export function programOf(script: string): Program {
  const compiled = compile(script)
  assert.ok(compiled.ok, JSON.stringify(compiled))
  return compiled.program
}

export const runScript = (script: string, more: Partial<Environment> = {}, letter = LETTER): Promise<Outcome> =>
  run(programOf(script), letterOf(letter), environmentOf(more))

/** What is wrong with a script, one line each. */
export function problemsOf(script: string): string[] {
  const compiled = compile(script)
  return compiled.ok ? [] : compiled.errors.map(({ line, column, message }) => `${line}:${column}: ${message}`)
}
