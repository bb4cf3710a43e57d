/** The line between the letters of an mbox: `From sender Tue Nov 24 05:48:12 2026` (RFC 4155, Appendix A). */
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** Longer lines are text, not a separator. */
export const FROM_LINE_MAX_OCTETS = 1024

/**
 * Reads the date wherever it stands: some write a zone before the year, some after it, some seconds, some none.
 * @param line without its line end
 * @returns epoch milliseconds, or null when this is a line of text that happens to begin with `From `
 */
export function parseFromLine(line: string): number | null {
  if (!line.startsWith('From ') || line.length > FROM_LINE_MAX_OCTETS) return null
  let month = -1
  let day = 0
  let year = 0
  let time: readonly number[] | null = null
  let zoneMinutes = 0
  for (const word of line.slice(5).split(/[ \t]+/)) {
    const asMonth = MONTHS.indexOf(word.toLowerCase())
    if (asMonth !== -1) month = asMonth
    else if (/^\d{1,2}$/.test(word)) day = Number(word)
    else if (/^\d{4}$/.test(word)) year = Number(word)
    else if (/^\d{1,2}:\d\d(?::\d\d)?$/.test(word)) time = word.split(':').map(Number)
    else if (/^[+-]\d{4}$/.test(word)) {
      const minutes = Number(word.slice(1, 3)) * 60 + Number(word.slice(3))
      zoneMinutes = word.startsWith('-') ? -minutes : minutes
    }
  }
  if (month === -1 || day < 1 || day > 31 || year < 1970 || time === null) return null
  const [hours = 0, minutes = 0, seconds = 0] = time
  return Date.UTC(year, month, day, hours, minutes, seconds) - zoneMinutes * 60_000
}

/** @param sender a reverse-path as text; what would end it is left out, and nothing of it becomes `MAILER-DAEMON` */
export function printFromLine(sender: string, epochMs: number): string {
  const date = new Date(epochMs)
  const two = (n: number): string => String(n).padStart(2, '0')
  const month = MONTHS[date.getUTCMonth()]!
  const day = `${DAYS[date.getUTCDay()]} ${month[0]!.toUpperCase()}${month.slice(1)} ${two(date.getUTCDate())}`
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':')
  return `From ${sender.replace(/[\s\0-\x1f]+/g, '') || 'MAILER-DAEMON'} ${day} ${time} ${date.getUTCFullYear()}`
}
