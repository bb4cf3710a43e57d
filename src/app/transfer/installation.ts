/** What of the host goes along in a backup besides the data directory: gavan.toml and the files beside it that it names. */
import { chown, lstat, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { parse } from 'smol-toml'
import type { Beside } from '../../store/sqlite/backup/take.ts'

const CONFIG_FILE = 'gavan.toml'
const CONFIG_FOLDER = 'config/'

/**
 * Choice: files that lie elsewhere are left out. What certbot keeps in /etc/letsencrypt is certbot's; and a restore
 * writes nowhere but into the data directory and the configuration's own.
 * @param file gavan.toml; null: there is none
 */
export async function besidesOf(file: string | null): Promise<readonly Beside[]> {
  if (file === null) return []
  const directory = dirname(resolve(file))
  const named = filesNamed(parse(await readFile(file, 'utf8')))
  const beside = [...new Set(named)].flatMap((text) => {
    const from = resolve(directory, text)
    const path = relative(directory, from)
    return path === '' || path.startsWith('..') || from === resolve(file)
      ? []
      : [{ path: `${CONFIG_FOLDER}${path.split(sep).join('/')}`, from }]
  })
  return [{ path: CONFIG_FILE, from: resolve(file) }, ...beside]
}

/** Values of keys that hold the names of files: `tls.cert`, `tls.key`, and whatever ends with `_file`. */
function filesNamed(table: unknown, key = ''): string[] {
  if (typeof table === 'string') return key === 'cert' || key === 'key' || key.endsWith('_file') ? [table] : []
  if (Array.isArray(table)) return table.flatMap((each) => filesNamed(each, key))
  if (typeof table !== 'object' || table === null) return []
  return Object.entries(table).flatMap(([name, value]) => filesNamed(value, name.slice(name.lastIndexOf('.') + 1)))
}

export type PutBack = {
  /** Where they stand now. */
  readonly written: readonly string[]
  /** They were there, and are other than those of the backup. */
  readonly differ: readonly string[]
}

/**
 * Puts back what is missing; what is there stays. For its owner and that one's group only.
 * @param file where gavan.toml belongs
 * @param group of the server, which reads them; null: that of whoever restores
 */
export async function putBack(besides: readonly Beside[], file: string, group: number | null): Promise<PutBack> {
  const directory = dirname(resolve(file))
  const made = await mkdir(directory, { recursive: true, mode: 0o750 })
  if (made !== undefined && group !== null) await chown(directory, 0, group)
  const [written, differ]: [string[], string[]] = [[], []]
  for (const { path, from } of besides) {
    const to = placeOf(path, file)
    if (to === null) continue
    const content = await readFile(from)
    const there = await lstat(to).catch(() => null)
    if (there !== null) {
      if (!content.equals(await readFile(to).catch(() => Buffer.alloc(0)))) differ.push(to)
      continue
    }
    await mkdir(dirname(to), { recursive: true, mode: 0o750 })
    await writeFile(to, content, { mode: group === null ? 0o600 : 0o640, flag: 'wx', flush: true })
    if (group !== null) {
      if (dirname(to) !== directory) await chown(dirname(to), 0, group)
      await chown(to, 0, group)
    }
    written.push(to)
  }
  return { written, differ }
}

/** Within the configuration's directory, or null. */
function placeOf(path: string, file: string): string | null {
  if (path === CONFIG_FILE) return resolve(file)
  return path.startsWith(CONFIG_FOLDER) ? join(dirname(resolve(file)), path.slice(CONFIG_FOLDER.length)) : null
}

export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
