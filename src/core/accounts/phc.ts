/** What an argon2id hash costs: RFC 9106 §3.1 m, t, p. */
export type Argon2Cost = { readonly memoryKib: number; readonly passes: number; readonly parallelism: number }

export type Phc = { readonly cost: Argon2Cost; readonly salt: Uint8Array; readonly tag: Uint8Array }

/** A stored string that would cost more is not believed. */
const MEMORY_MAX_KIB = 256 * 1024
const PASSES_MAX = 16
const PARALLELISM_MAX = 16

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replaceAll('=', '')

/** `$argon2id$v=19$m=…,t=…,p=…$salt$tag`, base64 without padding: the PHC string format. */
export function printPhc({ cost, salt, tag }: Phc): string {
  const { memoryKib, passes, parallelism } = cost
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`
}

const between = (value: number, low: number, high: number): boolean => value >= low && value <= high

/** @returns null for anything but argon2id version 19 of bearable cost; never throws */
export function parsePhc(text: string): Phc | null {
  const [before, algorithm, version, parameters, saltText, tagText, ...rest] = text.split('$')
  if (before !== '' || algorithm !== 'argon2id' || version !== 'v=19' || rest.length > 0) return null
  const found = /^m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})$/.exec(parameters ?? '')
  if (found === null || saltText === undefined || tagText === undefined) return null
  const [memoryKib, passes, parallelism] = found.slice(1).map(Number) as [number, number, number]
  if (!between(parallelism, 1, PARALLELISM_MAX) || !between(passes, 1, PASSES_MAX)) return null
  if (!between(memoryKib, 8 * parallelism, MEMORY_MAX_KIB)) return null // RFC 9106 §3.1: at least 8·p.
  const salt = Buffer.from(saltText, 'base64')
  const tag = Buffer.from(tagText, 'base64')
  if (!between(salt.length, 8, 64) || !between(tag.length, 16, 64)) return null
  return { cost: { memoryKib, passes, parallelism }, salt, tag }
}
