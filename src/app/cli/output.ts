import { styleText } from 'node:util'

/** sysexits(3) where one fits, so that scripts and service managers can tell causes apart. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 64,
  serverDown: 69,
  tryLater: 75,
  notAllowed: 77,
  badConfig: 78,
  /** By Ctrl-C, as shells count it. */
  cancelled: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** What went wrong, told to a person: the cause, and what to do about it. Nothing was changed half-way. */
export class CliError extends Error {
  override name = 'CliError'
  readonly exitCode: ExitCode
  readonly fix: string | null
  constructor(exitCode: ExitCode, cause: string, fix: string | null) {
    super(cause)
    this.exitCode = exitCode
    this.fix = fix
  }
}

/** Standard output carries data only; talk goes to standard error. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`)
export const print = (text: string): void => void process.stdout.write(`${text}\n`)

/** `schema` counts incompatible changes of any JSON that commands print. */
export const printJson = (value: Record<string, unknown>): void => print(JSON.stringify({ schema: 1, ...value }))

export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  print(styleText('dim', line(head), { stream: process.stdout }))
  for (const row of rows) print(line(row))
}

export function reportFailure(error: unknown, json: boolean): ExitCode {
  const known = error instanceof CliError ? error : null
  const cause = error instanceof Error ? error.message : String(error)
  if (json) printJson({ error: { cause, fix: known?.fix ?? null } })
  else {
    say(`${styleText('red', 'gavan:', { stream: process.stderr })} ${cause}`)
    if (known?.fix !== null && known !== null) say(`  fix  ${known.fix}`)
    if (known === null && error instanceof Error && process.env['GAVAN_DEBUG'] !== undefined) say(error.stack ?? '')
  }
  return known?.exitCode ?? EXIT.failed
}
