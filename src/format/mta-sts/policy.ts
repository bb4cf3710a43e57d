/** The policy file of MTA-STS (RFC 8461 §3.2). */
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
