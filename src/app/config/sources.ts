/** What was decided where, before anything is checked: the file, the environment, flags. */
import { ALL_KEYS, envName } from './keys.ts'
import type { Key } from './keys.ts'
import type { ConfigProblem, Source } from './config.ts'
import { nearest } from './suggest.ts'

export type Raw = { readonly value: unknown; readonly source: Source; readonly where: string }

export type Gathered = { readonly raw: ReadonlyMap<string, Raw>; readonly problems: readonly ConfigProblem[] }

const BY_NAME = new Map(ALL_KEYS.map((key) => [key.name, key]))
const NAMES = [...BY_NAME.keys()]
/** Variables of ours that are no keys. */
const OTHER_VARIABLES = ['GAVAN_CONFIG', 'GAVAN_DEBUG']

export type Inputs = {
  /** The parsed file. */
  readonly table: object | null
  readonly file: string | null
  readonly env: Readonly<Record<string, string | undefined>>
  /** By key name; values as text. */
  readonly flags: Readonly<Record<string, string | undefined>>
}

/** Later ones go first: flags, environment, file. */
export function gather({ table, file, env, flags }: Inputs): Gathered {
  const raw = new Map<string, Raw>()
  const problems: ConfigProblem[] = []

  const fromTable = (part: object, prefix: string): void => {
    for (const [name, value] of Object.entries(part) as [string, unknown][]) {
      const full = prefix + name
      const known = BY_NAME.get(full)
      const deeper = NAMES.some((each) => each.startsWith(`${full}.`))
      if (known === undefined && deeper && isTable(value)) fromTable(value, `${full}.`)
      else if (known === undefined) problems.push(unknownKey(full, value, deeper, file ?? ''))
      else if (known.secret === true) problems.push(secretInFile(known, file ?? ''))
      else raw.set(full, { value, source: 'file', where: file ?? '' })
    }
  }
  if (table !== null) fromTable(table, '')

  for (const key of ALL_KEYS) {
    const variable = envName(key.name)
    const text = env[variable]
    if (text !== undefined) raw.set(key.name, { value: key.kind.fromText(text), source: 'env', where: variable })
  }
  problems.push(...unknownVariables(env))

  for (const [name, text] of Object.entries(flags)) {
    const known = BY_NAME.get(name)
    if (text !== undefined && known !== undefined) {
      raw.set(name, { value: known.kind.fromText(text), source: 'flag', where: `--${name}` })
    }
  }
  return { raw, problems }
}

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function unknownKey(key: string, value: unknown, isSection: boolean, file: string): ConfigProblem {
  const problem = { key, from: 'file', where: file } as const
  if (isSection) {
    const inner = NAMES.filter((name) => name.startsWith(`${key}.`))
    return { ...problem, cause: `"${key}" is a table, not ${typeof value}`, fix: `its keys: ${inner.join(', ')}` }
  }
  const meant = nearest(key, NAMES) ?? nearestLastPart(key)
  return { ...problem, cause: `there is no key "${key}"`, fix: meant === null ? null : `did you mean "${meant}"?` }
}

/** `pop3 = "off"` for `ports.pop3`. */
function nearestLastPart(key: string): string | null {
  const last = key.slice(key.lastIndexOf('.') + 1)
  return NAMES.find((name) => name.endsWith(`.${last}`)) ?? null
}

function secretInFile(key: Key<unknown>, file: string): ConfigProblem {
  return {
    key: key.name,
    from: 'file',
    where: file,
    cause: `"${key.name}" is a secret and may not stand in this file`,
    fix: `put it into a file of its own and name that in "${key.name}_file", or set ${envName(key.name)}`,
  }
}

/** Other programs may have variables of ours in their names; only what looks like a slip is told. */
function unknownVariables(env: Inputs['env']): ConfigProblem[] {
  const known = ALL_KEYS.map((key) => envName(key.name))
  return Object.keys(env)
    .filter((name) => name.startsWith('GAVAN_') && !known.includes(name) && !OTHER_VARIABLES.includes(name))
    .flatMap((name) => {
      const meant = nearest(
        name.slice('GAVAN_'.length),
        known.map((each) => each.slice('GAVAN_'.length)),
      )
      return meant === null
        ? []
        : [
            {
              key: name,
              from: 'env',
              where: name,
              cause: `there is no variable ${name}`,
              fix: `did you mean GAVAN_${meant}?`,
            } as const,
          ]
    })
}
