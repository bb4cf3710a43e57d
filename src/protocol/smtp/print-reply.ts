import type { SmtpReply } from '../../model/reply.ts'

/** RFC 5321 §4.2: `250-…`, last line `250 …`; RFC 2034 §4: the status on every line. Text keeps to one line each. */
export function printReply({ code, status, lines }: SmtpReply): string {
  const prefix = status === null ? '' : `${status} `
  let out = ''
  const last = Math.max(0, lines.length - 1)
  for (let i = 0; i <= last; i++) {
    // What a peer sent may be quoted in a text; it must not make lines of its own (S23).
    const text = (lines[i] ?? '').replace(/[\0-\x1f\x7f]/g, '?')
    out += `${code}${i === last ? ' ' : '-'}${prefix}${text}\r\n`
  }
  return out
}
