import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { parseAddress } from '../../format/address/address.ts'
import { parseAddressList } from '../../format/header/address.ts'
import { createScanner } from '../../format/message/scan.ts'
import { SIEVE_SCRIPT_MAX_OCTETS } from '../../model/limits.ts'
import type { Address } from '../../model/address.ts'
import type { MessageSummary } from '../../model/message.ts'
import { compile } from '../../sieve/compile.ts'
import type { Environment, Letter, Outcome, Program, ScriptProblem } from '../../sieve/contract.ts'
import { describeOutcome, scriptOf } from '../../sieve/describe.ts'
import { run } from '../../sieve/run.ts'
import { VERSION } from '../version.ts'
import { CliError, EXIT, print, printJson, say } from './output.ts'

export type SieveTestFlags = {
  readonly from?: string
  readonly to?: string
  readonly alias: readonly string[]
  readonly mailbox: readonly string[]
  readonly include?: string
  readonly seen?: true
}

const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true
const printProblem = (file: string, { line, column, message }: ScriptProblem): string =>
  `${file}:${line}:${column}: ${message}`

export async function runSieveCheck(files: readonly string[], command: Command): Promise<void> {
  const checked = await Promise.all(files.map(async (file) => ({ file, compiled: compile(await readScript(file)) })))
  if (checked.some(({ compiled }) => !compiled.ok)) process.exitCode = EXIT.failed
  if (isJson(command)) {
    printJson({
      scripts: checked.map(({ file, compiled }) =>
        compiled.ok
          ? {
              file,
              ok: true,
              requires: compiled.program.requires,
              includes: compiled.program.includes,
              warnings: compiled.warnings,
            }
          : { file, ok: false, errors: compiled.errors },
      ),
    })
    return
  }
  for (const { file, compiled } of checked) {
    const problems = compiled.ok ? compiled.warnings : compiled.errors
    for (const problem of problems) print(printProblem(file, problem))
    if (compiled.ok) print(`${file}: right${neededBy(compiled.program)}`)
  }
}

function neededBy({ requires, includes }: Program): string {
  const names = [...requires, ...includes.map(({ name }) => `the script “${name}”`)]
  return names.length === 0 ? '' : `; it needs ${names.join(', ')}`
}

/** A script or letter may be named `-`: standard input. */
export async function runSieveTest(
  files: { readonly script: string; readonly message: string },
  flags: SieveTestFlags,
  command: Command,
): Promise<void> {
  const compiled = compile(await readScript(files.script))
  if (!compiled.ok) {
    for (const problem of compiled.errors) say(printProblem(files.script, problem))
    throw new CliError(EXIT.failed, `${files.script} is no right script`, 'gavan sieve check FILE')
  }
  const octets = await readInput(files.message)
  const scanner = createScanner()
  scanner.push(octets)
  const { summary } = scanner.finish()
  const to = flags.to === undefined ? guess(summary, 'to', 'owner@example.org') : readAddress(flags.to)
  const from =
    flags.from === ''
      ? null
      : flags.from === undefined
        ? guess(summary, 'from', 'sender@example.net')
        : readAddress(flags.from)
  const letter: Letter = {
    header: octets.subarray(0, summary.root.bodyStart),
    sizeOctets: octets.length,
    root: summary.root,
    envelope: { from, to },
    read: (start, end) => Promise.resolve(octets.subarray(start, end)),
  }
  const outcome = await run(compiled.program, letter, environmentOf(to, flags))
  if (isJson(command)) printJson({ outcome })
  else printOutcome(outcome)
  if (outcome.error !== null) process.exitCode = EXIT.failed
}

function printOutcome(outcome: Outcome): void {
  print('What would be done:')
  for (const line of describeOutcome(outcome)) print(`  ${line}`)
  if (outcome.trace.length === 0) return
  print('Why:')
  for (const { script, line, kind, text } of outcome.trace)
    print(`  line ${line}${scriptOf(script)}: ${kind === 'warning' ? 'warning: ' : ''}${text}`)
}

function environmentOf(to: Address, flags: SieveTestFlags): Environment {
  const { include: folder } = flags
  return {
    now: () => Date.now(),
    zoneMinutes: (epochMs) => -new Date(epochMs).getTimezoneOffset(),
    owner: { address: to, aliases: flags.alias.map(readAddress) },
    host: { name: 'localhost', domain: to.domain, version: VERSION },
    include: ({ name }) => (folder === undefined ? Promise.resolve(null) : readIncluded(join(folder, `${name}.sieve`))),
    mailboxExists: (mailbox) => Promise.resolve(mailbox.toUpperCase() === 'INBOX' || flags.mailbox.includes(mailbox)),
    seen: () => Promise.resolve(flags.seen === true),
  }
}

async function readIncluded(path: string): Promise<Program | { why: string } | null> {
  try {
    const compiled = compile(await readFile(path, 'utf8'))
    return compiled.ok ? compiled.program : { why: printProblem(path, compiled.errors[0]!) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Without `--from` or `--to` the letter's own first address will do. */
function guess({ header }: MessageSummary, field: 'from' | 'to', otherwise: string): Address {
  const first = header[field].find(({ mailbox, host }) => mailbox !== null && host !== null && host !== '')
  const parsed = first === undefined ? null : parseAddress(`${first.mailbox}@${first.host}`)
  return parsed?.ok === true ? parsed.value : readAddress(otherwise)
}

function readAddress(text: string): Address {
  const [only] = parseAddressList(text, 1)
  const parsed = parseAddress(only?.host ? `${only.mailbox}@${only.host}` : text)
  if (!parsed.ok) throw new CliError(EXIT.usage, `${text} is no address: ${parsed.error.why}`, null)
  return parsed.value
}

async function readScript(file: string): Promise<string> {
  const octets = await readInput(file)
  if (octets.length > SIEVE_SCRIPT_MAX_OCTETS)
    throw new CliError(EXIT.failed, `${file} is larger than a script may be (${SIEVE_SCRIPT_MAX_OCTETS} octets)`, null)
  return octets.toString('utf8')
}

async function readInput(file: string): Promise<Buffer> {
  try {
    if (file !== '-') return await readFile(file)
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk)
    return Buffer.concat(chunks)
  } catch (error) {
    throw new CliError(EXIT.usage, `${file} cannot be read: ${(error as Error).message}`, null)
  }
}
