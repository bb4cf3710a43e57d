/**
 * Scripts with letters and what comes of them. A file in `cases/` holds:
 *
 *     # a comment
 *     == letter NAME          the letter that follows, for all cases up to the next one; its last empty line is left out
 *     == case TITLE           then lines `name: value` (all optional):
 *     letter: NAME            another letter
 *     from: a@b               reverse-path; `<>` for none
 *     to: a@b                 recipient
 *     mailboxes: A, B         that exist; `\Junk=Spam` gives one its special use
 *     seen: yes               everything was done before
 *     peer: no                is not compared with Pigeonhole; why stands behind
 *     -- script
 *     -- include personal NAME
 *     -- outcome              lines of `describeOutcome`; `compile error…` with its problems
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scan } from '../../src/format/message/testing.ts'
import { parseAddress } from '../../src/format/address/address.ts'
import type { Address } from '../../src/model/address.ts'
import type { Environment, Letter, Outcome } from '../../src/sieve/contract.ts'
import { compile } from '../../src/sieve/compile.ts'
import { describeOutcome } from '../../src/sieve/describe.ts'
import { run } from '../../src/sieve/run.ts'

export type Case = {
  readonly file: string
  readonly title: string
  readonly letter: string
  readonly options: ReadonlyMap<string, string>
  readonly script: string
  readonly includes: readonly {
    readonly location: 'personal' | 'global'
    readonly name: string
    readonly text: string
  }[]
  readonly outcome: string
}

const FOLDER = join(import.meta.dirname, 'cases')
/** 2026-11-24, a Tuesday, 10:20:30 UTC. */
export const NOW = Date.UTC(2026, 10, 24, 10, 20, 30)

export const caseFiles = (): string[] => readdirSync(FOLDER).toSorted()

/** Which lines of the file the outcome stands in, so that it can be written anew. */
type Placed = Case & { readonly outcomeLine: number; readonly outcomeLines: number }

export function readCases(file: string): Placed[] {
  const lines = readFileSync(join(FOLDER, file), 'utf8').split('\n')
  const letters = new Map<string, string>()
  const cases: Placed[] = []
  let current = ''
  for (let at = 0; at < lines.length;) {
    const head = lines[at]!
    let end = at + 1
    while (end < lines.length && !lines[end]!.startsWith('== ')) end++
    if (head.startsWith('== letter ')) {
      current = head.slice('== letter '.length)
      letters.set(current, trimEnd(lines.slice(at + 1, end)).join('\r\n') + '\r\n')
    } else if (head.startsWith('== case ')) {
      cases.push(readCase(file, head.slice('== case '.length), lines, at + 1, end, letters, current))
    }
    at = end
  }
  return cases
}

function readCase(
  file: string,
  title: string,
  lines: readonly string[],
  start: number,
  end: number,
  letters: ReadonlyMap<string, string>,
  current: string,
): Placed {
  const options = new Map<string, string>()
  const sections: { name: string; at: number; lines: string[] }[] = []
  for (let i = start; i < end; i++) {
    const line = lines[i]!
    if (line.startsWith('-- ') || line === '--') sections.push({ name: line.slice(3), at: i + 1, lines: [] })
    else if (sections.length > 0) sections.at(-1)!.lines.push(line)
    else if (line.includes(': ')) options.set(line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2))
  }
  const section = (name: string): { at: number; lines: string[] } =>
    sections.find((one) => one.name === name) ?? { at: end, lines: [] }
  const outcome = section('outcome')
  const outcomeLines = trimEnd(outcome.lines)
  return {
    file,
    title,
    letter: letters.get(options.get('letter') ?? current) ?? '',
    options,
    script: trimEnd(section('script').lines).join('\n') + '\n',
    includes: sections
      .filter(({ name }) => name.startsWith('include '))
      .map((one) => {
        const [, location, name] = /^include (personal|global) (.*)$/.exec(one.name)!
        return { location: location as 'personal' | 'global', name: name!, text: trimEnd(one.lines).join('\n') + '\n' }
      }),
    outcome: outcomeLines.join('\n'),
    outcomeLine: outcome.at,
    outcomeLines: outcomeLines.length,
  }
}

function trimEnd(lines: readonly string[]): string[] {
  const result = [...lines]
  while (result.length > 0 && (result.at(-1) === '' || result.at(-1)!.startsWith('# '))) result.pop()
  return result
}

/** Writes the outcomes of a file anew. */
export function writeOutcomes(file: string, outcomes: ReadonlyMap<string, string>): void {
  const path = join(FOLDER, file)
  const lines = readFileSync(path, 'utf8').split('\n')
  for (const one of readCases(file).toReversed())
    lines.splice(one.outcomeLine, one.outcomeLines, ...outcomes.get(one.title)!.split('\n'))
  writeFileSync(path, lines.join('\n'))
}

export const addressOf = (text: string): Address => {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(`${text}: ${parsed.error.why}`)
  return parsed.value
}

export function letterOf(octets: Buffer, from: Address | null, to: Address): Letter {
  const { summary } = scan(octets)
  return {
    header: octets.subarray(0, summary.root.bodyStart),
    sizeOctets: octets.length,
    root: summary.root,
    envelope: { from, to },
    read: (start, end) => Promise.resolve(octets.subarray(start, end)),
  }
}

export const senderOf = (one: Case): Address | null => {
  const from = one.options.get('from') ?? 'sender@example.org'
  return from === '<>' ? null : addressOf(from)
}
export const recipientOf = (one: Case): Address => addressOf(one.options.get('to') ?? 'owner@example.com')

/** @returns the outcome, or what is wrong with the script */
export async function runCase(one: Case): Promise<Outcome | string> {
  const compiled = compile(one.script)
  if (!compiled.ok)
    return compiled.errors.map(({ line, column, message }) => `compile error ${line}:${column}: ${message}`).join('\n')
  const letter = letterOf(Buffer.from(one.letter), senderOf(one), recipientOf(one))
  return await run(compiled.program, letter, environmentOf(one))
}

export async function outcomeOf(one: Case): Promise<string> {
  const outcome = await runCase(one)
  return typeof outcome === 'string' ? outcome : describeOutcome(outcome).join('\n')
}

function environmentOf(one: Case): Environment {
  const names = (one.options.get('mailboxes') ?? '').split(', ')
  const mailboxes = names.map((name) => name.split('=').at(-1)!)
  return {
    now: () => NOW,
    owner: { address: addressOf('owner@example.com'), aliases: [addressOf('me@example.com')] },
    host: { name: 'mail.example.com', domain: 'example.com', version: '1.0', remoteIp: '192.0.2.1' },
    include: ({ name, location }) => {
      const found = one.includes.find((other) => other.name === name && other.location === location)
      if (found === undefined) return Promise.resolve(null)
      const made = compile(found.text)
      return Promise.resolve(made.ok ? made.program : { why: made.errors[0]!.message })
    },
    mailboxExists: (mailbox) => Promise.resolve(mailboxes.includes(mailbox)),
    specialUseExists: (use, mailbox) =>
      Promise.resolve(
        names.some((name) => name.startsWith(`${use}=`) && (mailbox === null || name.endsWith(`=${mailbox}`))),
      ),
    seen: () => Promise.resolve(one.options.get('seen') === 'yes'),
  }
}
