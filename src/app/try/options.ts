import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '../../std/secret.ts'
import { CliError, EXIT } from '../cli/output.ts'

export type TryUser = { readonly address: string; readonly password: Secret }

/** A domain whose mail leaves the sandbox for a given host. */
export type TryRoute = { readonly domain: string; readonly host: string; readonly port: number }

const HIGHEST_PORT = 65_535
/** 995 is the highest port of the catalog that `try` opens. */
const OFFSET_MAX = HIGHEST_PORT - 995

export function parseOffset(text: string): number {
  const offset = Number(text)
  if (Number.isInteger(offset) && offset >= 1 && offset <= OFFSET_MAX) return offset
  throw new CliError(EXIT.usage, `--offset ${text} is not a whole number from 1 to ${OFFSET_MAX}`, '--offset 2000')
}

/** `DOMAIN=HOST:PORT`; an IPv6 host in brackets. */
export function parseRoute(text: string): TryRoute {
  const equals = text.indexOf('=')
  const colon = text.lastIndexOf(':')
  const domain = text.slice(0, Math.max(equals, 0)).toLowerCase()
  const host = text.slice(equals + 1, Math.max(colon, 0)).replace(/^\[|\]$/g, '')
  const port = Number(text.slice(colon + 1))
  if (equals > 0 && colon > equals && host !== '' && Number.isInteger(port) && port >= 1 && port <= HIGHEST_PORT)
    return { domain, host, port }
  throw new CliError(
    EXIT.usage,
    `--route ${text} does not read as DOMAIN=HOST:PORT`,
    '--route example.org=127.0.0.1:25',
  )
}

/** Lines `address password`; empty lines and those that start with `#` say nothing. The password may hold spaces. */
export function parseUsers(text: string, file: string): TryUser[] {
  const users: TryUser[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const space = line.trim().search(/\s/)
    const address = line.trim().slice(0, Math.max(space, 0))
    const password = line.trim().slice(space).trim()
    if (space < 0 || !address.includes('@'))
      throw new CliError(
        EXIT.usage,
        `${file}, line ${index + 1}: not "address password"`,
        'anna@example.org secret-words',
      )
    users.push({ address, password: new Secret(password) })
  }
  if (users.length === 0) throw new CliError(EXIT.usage, `${file} names no user`, 'one "address password" per line')
  return users
}

export async function readUsers(file: string): Promise<TryUser[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError(
      EXIT.usage,
      `cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`,
      null,
    )
  })
  return parseUsers(text, file)
}

/** Where `try` keeps its data when nobody says (XDG base directories). */
export function defaultDataDir(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'gavan-try')
}
