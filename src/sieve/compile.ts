import { SIEVE_SCRIPT_MAX_OCTETS } from '../model/limits.ts'
import { check } from './check.ts'
import type { Compile, Compiled } from './contract.ts'
import { CATALOG, SIEVE_EXTENSIONS } from './extensions.ts'
import { parse } from './parser.ts'
import { mintProgram } from './program.ts'

const ALL: ReadonlySet<string> = new Set(SIEVE_EXTENSIONS)

/** Checks a script and makes it a program, or says what is wrong with it. */
export const compile: Compile = (script, { allowed = ALL } = {}): Compiled => {
  const wrong = (message: string): Compiled => ({ ok: false, errors: [{ line: 1, column: 1, message }] })
  if (script.length > SIEVE_SCRIPT_MAX_OCTETS || Buffer.byteLength(script) > SIEVE_SCRIPT_MAX_OCTETS)
    return wrong(`the script is larger than ${SIEVE_SCRIPT_MAX_OCTETS} octets`)
  const parsed = parse(script.startsWith('\ufeff') ? script.slice(1) : script)
  if (!parsed.ok) return { ok: false, errors: [parsed.error] }
  const checked = check(parsed.value, CATALOG, allowed)
  if (checked.errors.length > 0) return { ok: false, errors: checked.errors }
  const { commands, requires, includes, readsBody, warnings } = checked
  // RFC 5463 §4: what may be switched on while it runs.
  const available = new Set(
    SIEVE_EXTENSIONS.filter((name) => allowed.has(name) && !CATALOG.capabilities.get(name)!.changesLanguage),
  )
  for (const name of requires) available.add(name)
  return { ok: true, program: mintProgram({ commands, available, requires, includes, readsBody }), warnings }
}
