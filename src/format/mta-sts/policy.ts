/** The policy file of MTA-STS (RFC 8461 §3.2). */
import { createHash } from 'node:crypto'

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
