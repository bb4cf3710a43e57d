import type { HeaderSummary } from '../../model/message.ts'

export type EnvelopeTextField = 'bcc' | 'cc' | 'from' | 'subject' | 'to'

/** A field of ENVELOPE as it would be written, without quotes, encoded words kept; null when there is none. */
export function envelopeText(header: HeaderSummary, field: EnvelopeTextField): string | null {
  if (field === 'subject') return header.subject
  const addresses = header[field]
  if (addresses.length === 0) return null
  let text = ''
  for (const { name, mailbox, host } of addresses) {
    if (text !== '') text += ', '
    if (host === null) text += mailbox ?? '' // A group's name, or its end.
    else text += name === null ? `<${mailbox}@${host}>` : `${name} <${mailbox}@${host}>`
  }
  return text
}
