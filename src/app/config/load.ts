import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import * as v from 'valibot'
import { err, ok } from '../../std/result.ts'
import type { Result } from '../../std/result.ts'
import { buildConfig } from './build.ts'
import type { Values } from './build.ts'
import type { Config, ConfigProblem } from './config.ts'
import { KEYS, PORT_KEYS } from './keys.ts'
import type { Key } from './keys.ts'
import { PORT_TABLE_KEYS, ROUTE_TABLE_KEYS } from './kinds.ts'
import type { PortSetting } from './kinds.ts'
import { gather } from './sources.ts'
import type { Raw } from './sources.ts'
import { nearest } from './suggest.ts'
import type { ServiceName } from '../../model/service.ts'

export type LoadOptions = {
  /** gavan.toml; null: none, all from environment and flags. */
  readonly path: string | null
  readonly env: Readonly<Record<string, string | undefined>>
  /** By key name (`data_dir`), as text; they win over all else. */
  readonly flags?: Readonly<Record<string, string | undefined>>
  /** What the file is to hold, before it does. */
  readonly text?: string
  /** For tests; by default those of the machine. */
  readonly cores?: number
}

/**
 * Reads, checks and completes the configuration: flags over environment over file over defaults. Also reads the files that
 * hold passwords and CAs. Never throws for what an administrator did.
 * @returns the configuration, or everything that is wrong with it
 */
export async function loadConfig(options: LoadOptions): Promise<Result<Config, readonly ConfigProblem[]>> {
  const file = options.path === null ? null : resolve(options.path)
  const table = file === null ? ok(null) : await readTable(file, options.text)
  if (!table.ok) return err([table.error])
  const { raw, problems } = gather({ table: table.value, file, env: options.env, flags: options.flags ?? {} })
  const all = [...problems]
  const values = parseValues(raw, all)
  const config = await buildConfig({
    values,
    raw,
    file,
    directory: file === null ? process.cwd() : dirname(file),
    env: options.env,
    cores: options.cores ?? availableParallelism(),
    problems: all,
  })
  return config === null || all.length > 0 ? err(all) : ok(config)
}

const FIXES: Readonly<Record<string, string>> = {
  EACCES: 'run as the user gavan, or make the file readable',
  ENOENT: 'name one with --config FILE, or write it; the least is: hostname = "mail.example.org"',
}

async function readTable(file: string, given?: string): Promise<Result<object, ConfigProblem>> {
  const problem = { key: '', from: 'file', where: file } as const
  let text: string
  try {
    text = given ?? (await readFile(file, 'utf8'))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const cause = code === 'ENOENT' ? 'there is no such file' : `the file cannot be read: ${code}`
    return err({
      ...problem,
      cause,
      fix: FIXES[code] ?? null,
    })
  }
  try {
    return ok(parse(text))
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [first = '', ...shown] = error.message.trimEnd().split('\n')
    return err({
      ...problem,
      where: `${file}, line ${error.line}`,
      cause: `not TOML: ${first.replace(/^Invalid TOML document: /, '')}`,
      fix: shown.filter((line) => line.trim() !== '').join('\n') || null,
    })
  }
}

/** Each key by its kind; what does not fit becomes a problem and counts as not given. */
function parseValues(raw: ReadonlyMap<string, Raw>, problems: ConfigProblem[]): Values {
  const valueOf = <T>(key: Key<T>): T | undefined => {
    const given = raw.get(key.name)
    if (given === undefined) return undefined
    const parsed = v.safeParse(key.kind.schema, given.value, { abortPipeEarly: true })
    if (parsed.success) return parsed.output
    for (const issue of parsed.issues) problems.push(problemOf(key, given, issue))
    return undefined
  }
  const ports = new Map<ServiceName, PortSetting>()
  for (const [service, key] of PORT_KEYS) {
    const setting = valueOf(key)
    if (setting !== undefined) ports.set(service, setting)
  }
  const plain = Object.fromEntries(Object.entries(KEYS).map(([id, key]) => [id, valueOf<unknown>(key)]))
  return { ...(plain as Omit<Values, 'ports'>), ports }
}

function problemOf(key: Key<unknown>, given: Raw, issue: v.BaseIssue<unknown>): ConfigProblem {
  const path = (issue.path ?? []).map((item) => String(item.key))
  const full = [key.name, ...path].join('.')
  const problem = { key: full, from: given.source, where: given.where }
  if (issue.type === 'strict_object') {
    const last = path.at(-1) ?? ''
    if (issue.expected !== 'never') return { ...problem, cause: `"${full}" is missing`, fix: `it is ${key.kind.words}` }
    const meant = nearest(last, key.name.startsWith('ports.') ? PORT_TABLE_KEYS : ROUTE_TABLE_KEYS)
    return {
      ...problem,
      cause: `there is no key "${full}"`,
      fix: meant === null ? `known: ${key.kind.words}` : `did you mean "${meant}"?`,
    }
  }
  const fix = key.example === '' ? null : `for example: ${key.example}`
  return { ...problem, cause: issue.message, fix }
}
