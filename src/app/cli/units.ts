import { CliError, EXIT } from './output.ts'

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function printOctets(octets: number): string {
  let value = octets
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

/** `500M`, `5G`, `1073741824`; powers of 1024. */
export function parseQuota(text: string): number {
  const parsed = /^(\d{1,12})([KMGT]?)(?:i?B)?$/i.exec(text)
  const power = ' KMGT'.indexOf((parsed?.[2] ?? '').toUpperCase() || ' ')
  const octets = Number(parsed?.[1]) * 1024 ** power
  if (Number.isSafeInteger(octets) && octets > 0) return octets
  throw new CliError(EXIT.usage, `"${text}" is not a size`, 'e.g. --quota 5G')
}

/** A whole number above zero. */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,11}$/.test(text)) return Number(text)
  throw new CliError(EXIT.usage, `"${text}" is not a number of messages`, 'e.g. --messages 10000, or none')
}
