/** STAT, LIST, UIDL: RFC 1939 §5, §7. Deleted messages are not listed. */
import { error, okay, type Pop3Context, type Pop3Done } from '../context.ts'
import { inLanguage } from '../language.ts'
import type { Maildrop } from '../maildrop.ts'

const NO_SUCH = error('No such message')

export function isThere(drop: Maildrop, number: number): boolean {
  return number <= drop.count && !drop.deleted.has(number)
}

export async function stat(drop: Maildrop): Promise<Pop3Done> {
  const sizes = await drop.sizes()
  let octets = 0
  for (const [index, size] of sizes.entries()) if (!drop.deleted.has(index + 1)) octets += size
  return okay(`${drop.count - drop.deleted.size} ${octets}`)
}

export async function list(context: Pop3Context, drop: Maildrop, number: number | null): Promise<Pop3Done> {
  const sizes = await drop.sizes()
  return listing(context, drop, { number, head: 'Sizes follow', value: (each) => String(sizes[each - 1]) })
}

export async function uidl(context: Pop3Context, drop: Maildrop, number: number | null): Promise<Pop3Done> {
  return listing(context, drop, { number, head: 'Unique ids follow', value: (each) => drop.uniqueId(each) })
}

const LINES_PER_WRITE = 2000

async function listing(
  context: Pop3Context,
  drop: Maildrop,
  { number, head, value }: { number: number | null; head: string; value: (number: number) => string },
): Promise<Pop3Done> {
  if (number !== null) return isThere(drop, number) ? okay(`${number} ${value(number)}`) : NO_SUCH
  context.say(`${inLanguage(context.language, `+OK ${head}`)}\r\n`)
  for (let from = 1; from <= drop.count; from += LINES_PER_WRITE) {
    let text = ''
    for (let each = from; each < from + LINES_PER_WRITE && each <= drop.count; each++) {
      if (!drop.deleted.has(each)) text += `${each} ${value(each)}\r\n`
    }
    context.say(text)
    await context.flush()
  }
  return { say: '.' }
}
