import { MINUTE } from '../../std/clock.ts'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** RFC 5322 §4.3. Military letters say nothing certain and count as -0000. */
const ZONE_HOURS: Record<string, number> = {
  ut: 0, gmt: 0, utc: 0, z: 0, edt: -4, est: -5, cdt: -5, cst: -6, mdt: -6, mst: -7, pdt: -7, pst: -8,
} // prettier-ignore

const TEXT_MAX = 200
// Blanks are single when these are tried, so each has one way to match.
const RFC5322 =
  /^(?:[a-z]+\.?,? ?)?(\d{1,2})[ -]([a-z]{3,9})[ -](\d{2,4}) (\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?(?: ?([+-]\d{3,4}|[a-z]{1,5}))?/
const ASCTIME = /^[a-z]{3},? ([a-z]{3}) (\d{1,2}) (\d{1,2}):(\d{2})(?::(\d{2}))? (?:([+-]\d{4}|[a-z]{1,5}) )?(\d{4})/

/** A moment, and how far the writer's clock was ahead of UTC. */
export type HeaderDate = { readonly epochMs: number; readonly offsetMinutes: number }

/**
 * Parses a date-time (RFC 5322 §3.3, with the obsolete forms of §4.3; asctime's order is tolerated).
 * @returns null when it is no date, or no such day or time exists
 */
export function parseHeaderDate(text: string): HeaderDate | null {
  const plain = withoutComments(text.slice(0, TEXT_MAX))
    .replace(/\s+/g, ' ')
    .replaceAll(' :', ':')
    .replaceAll(': ', ':')
    .trim()
    .toLowerCase()
  const usual = RFC5322.exec(plain)
  if (usual !== null) return make(usual[3]!, usual[2]!, usual[1]!, usual.slice(4, 7), usual[7])
  const asctime = ASCTIME.exec(plain)
  return asctime === null ? null : make(asctime[7]!, asctime[1]!, asctime[2]!, asctime.slice(3, 6), asctime[6])
}

/** @returns epoch milliseconds, or null when unreadable */
export function parseDate(text: string): number | null {
  return parseHeaderDate(text)?.epochMs ?? null
}

function make(
  yearText: string,
  monthText: string,
  dayText: string,
  time: readonly (string | undefined)[],
  zone: string | undefined,
): HeaderDate | null {
  const month = MONTHS.indexOf(monthText.slice(0, 3))
  const year = fullYear(yearText)
  const day = Number(dayText)
  const [hour, minute, second] = time.map((part) => Number(part ?? 0)) as [number, number, number]
  if (month === -1 || day < 1 || hour > 23 || minute > 59 || second > 60) return null // RFC 5322 §3.3
  const local = Date.UTC(year, month, day, hour, minute, second)
  if (new Date(Date.UTC(year, month, day)).getUTCDate() !== day) return null
  const offsetMinutes = zoneMinutes(zone)
  return { epochMs: local - offsetMinutes * MINUTE, offsetMinutes }
}

/** RFC 5322 §4.3: two digits are 1950 to 2049, three count from 1900. */
function fullYear(text: string): number {
  const year = Number(text)
  if (text.length === 2) return year + (year < 50 ? 2000 : 1900)
  return text.length === 3 ? year + 1900 : year
}

function zoneMinutes(zone: string | undefined): number {
  if (zone === undefined) return 0
  const sign = zone[0] === '-' ? -1 : 1
  if (zone[0] !== '-' && zone[0] !== '+') return (ZONE_HOURS[zone] ?? 0) * 60
  const digits = Number(zone.slice(1))
  const minutes = Math.floor(digits / 100) * 60 + (digits % 100)
  return digits > 2359 ? 0 : sign * minutes
}

function withoutComments(text: string): string {
  let result = ''
  let depth = 0
  for (const letter of text) {
    if (letter === '(') depth++
    else if (letter === ')') depth = Math.max(0, depth - 1)
    else if (depth === 0) result += letter
  }
  return result
}
