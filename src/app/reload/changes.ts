/** What differs between two configurations, by key. Pure. */
import type { Config } from '../config/config.ts'
import { effectiveConfig } from '../config/show.ts'
import { Secret } from '../../std/secret.ts'

/** As TOML would have it; null: not set. */
export type KeyChange = { readonly key: string; readonly from: string | null; readonly to: string | null }

/** What the program is built around: the store, the number of threads, the socket of this very API, the shape of log lines. */
export const NEEDS_RESTART: ReadonlySet<string> = new Set([
  'data_dir',
  'workers',
  'admin.socket',
  'log.format',
  'trace.days',
])

export function changesBetween(
  old: Config,
  next: Config,
): { readonly changed: readonly KeyChange[]; readonly needRestart: readonly KeyChange[] } {
  const before = new Map(effectiveConfig(old).map(({ key, value }) => [key, value]))
  const changed = effectiveConfig(next).flatMap(({ key, value }) => {
    const from = before.get(key) ?? null
    return from === value ? [] : [{ key, from, to: value }]
  })
  return { changed, needRestart: changed.filter(({ key }) => NEEDS_RESTART.has(key)) }
}

/** Compares plain data, maps, octets and secrets by what is in them. */
export const isSame = (a: unknown, b: unknown): boolean => written(a) === written(b)

function written(value: unknown): string {
  return (
    JSON.stringify(value, function reveal(this: Record<string, unknown>, key, shown: unknown) {
      const raw = this[key]
      if (raw instanceof Secret) return ['secret', raw.reveal()]
      if (raw instanceof Map) return ['map', ...raw]
      if (raw instanceof Uint8Array) return ['octets', Buffer.from(raw).toString('base64')]
      return shown
    }) ?? ''
  )
}
