import { Fault, type Cursor } from './cursor.ts'

export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

const DAY_MS = 86_400_000

/** RFC 9051 §9 date: whole days since 1970, which is all that SEARCH compares. */
export function parseDate(cursor: Cursor): number {
  const quoted = cursor.skip('"')
  const day = cursor.number32()
  const { month, year } = monthAndYear(cursor)
  if (quoted) cursor.expect('"')
  return utc(year, month, day, 0, 0, 0) / DAY_MS
}

/** RFC 9051 §9 date-time, in its quotes, as epoch milliseconds. */
export function parseDateTime(cursor: Cursor): number {
  cursor.expect('"')
  cursor.skip(' ') // date-day-fixed
  const day = cursor.number32()
  const { month, year } = monthAndYear(cursor)
  cursor.space()
  const hour = twoDigits(cursor)
  cursor.expect(':')
  const minute = twoDigits(cursor)
  cursor.expect(':')
  const second = twoDigits(cursor)
  cursor.space()
  const sign = cursor.skip('-') ? -1 : 1
  if (sign === 1) cursor.expect('+')
  const zone = twoDigits(cursor) * 60 + twoDigits(cursor)
  cursor.expect('"')
  return utc(year, month, day, hour, minute, second) - sign * zone * 60_000
}

function monthAndYear(cursor: Cursor): { month: number; year: number } {
  cursor.expect('-')
  const month = MONTHS.findIndex((name) => cursor.skip(name.toUpperCase()))
  if (month < 0) throw new Fault('Expected a month')
  cursor.expect('-')
  return { month, year: twoDigits(cursor) * 100 + twoDigits(cursor) }
}

function twoDigits(cursor: Cursor): number {
  const tens = cursor.peek() - 0x30
  cursor.at++
  const ones = cursor.peek() - 0x30
  cursor.at++
  if (!(tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9)) throw new Fault('Expected two digits')
  return tens * 10 + ones
}

function utc(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  const sound = date.getUTCMonth() === month && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 61
  if (!sound) throw new Fault('No such date')
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000
}

const two = (value: number): string => (value < 10 ? `0${value}` : String(value))

/** INTERNALDATE with its quotes (RFC 9051 §7.5.2). Choice: always in UTC; the zone it was given in is not kept. */
export function printDateTime(epochMs: number): string {
  const d = new Date(epochMs)
  const day = String(d.getUTCDate()).padStart(2, ' ')
  const year = String(d.getUTCFullYear()).padStart(4, '0')
  const time = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`
  return `"${day}-${MONTHS[d.getUTCMonth()]!}-${year} ${time} +0000"`
}
