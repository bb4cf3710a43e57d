/** The policy file of MTA-STS (RFC 8461 §3.2). */
import { createHash } from 'node:crypto'
import { MTA_STS_MAX_AGE_SECONDS, MTA_STS_MX_MAX } from '../../model/limits.ts'

export type StsMode = 'none' | 'testing' | 'enforce'

export type StsPolicy = {
  readonly mode: StsMode
  /** Host names, or `*.` and a domain. */
  readonly mx: readonly string[]
  readonly maxAgeSeconds: number
}

export function printStsPolicy({ mode, mx, maxAgeSeconds }: StsPolicy): string {
  const lines = ['version: STSv1', `mode: ${mode}`, ...mx.map((host) => `mx: ${host}`), `max_age: ${maxAgeSeconds}`]
  return lines.map((line) => `${line}\r\n`).join('')
}

/** RFC 8461 §3.1: 32 letters or digits at most, another for each policy, so made from what it says. */
export function stsPolicyId(policy: StsPolicy): string {
  return createHash('sha256').update(printStsPolicy(policy)).digest('hex').slice(0, 32)
}

/**
 * Reads a policy file (RFC 8461 §3.2). Of a field that comes twice, save mx, the first counts.
 * @returns the policy, or what is wrong with it; never throws
 */
export function parseStsPolicy(text: string): StsPolicy | { readonly wrong: string } {
  const first = new Map<string, string>()
  const mx: string[] = []
  const lines = text.split(/\r?\n/)
  for (const [at, line] of lines.entries()) {
    if (line === '' && at === lines.length - 1) continue
    const match = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*$/.exec(line)
    if (match === null) return { wrong: `line ${at + 1} is no field` }
    const [, name = '', value = ''] = match
    if (name === 'mx') mx.push(value.toLowerCase())
    else if (!first.has(name)) first.set(name, value)
    if (at === 0 && name !== 'version') return { wrong: 'it does not begin with its version' }
  }
  if (first.get('version') !== 'STSv1') return { wrong: 'its version is not STSv1' }
  const mode = first.get('mode')
  if (mode !== 'none' && mode !== 'testing' && mode !== 'enforce') return { wrong: 'its mode is none that is known' }
  const age = first.get('max_age') ?? ''
  if (!/^\d{1,10}$/.test(age)) return { wrong: 'its max_age is no number' }
  if (mx.length > MTA_STS_MX_MAX) return { wrong: `it has more than ${MTA_STS_MX_MAX} mx lines` }
  const bad = mx.find(
    (pattern) => !/^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)*[a-z0-9](?:[a-z0-9-]{0,62})\.?$/.test(pattern),
  )
  if (bad !== undefined) return { wrong: 'an mx line holds no host name' }
  if (mx.length === 0 && mode !== 'none') return { wrong: 'it names no mx' }
  return { mode, mx, maxAgeSeconds: Math.min(Number(age), MTA_STS_MAX_AGE_SECONDS) }
}

/** RFC 8461 §4.1: `*.` stands for one label, no more and no less. */
export function stsAllows({ mx }: StsPolicy, host: string): boolean {
  const name = plain(host)
  return mx.some((pattern) => {
    if (!pattern.startsWith('*.')) return plain(pattern) === name
    const dot = name.indexOf('.')
    return dot > 0 && name.slice(dot + 1) === plain(pattern.slice(2))
  })
}

const plain = (name: string): string => (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
