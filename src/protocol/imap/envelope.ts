import type { HeaderAddress, HeaderSummary } from '../../model/message.ts'
import { printNstring } from './print.ts'

/** RFC 9051 §9 address; addr-adl is always NIL (obsolete routes are not kept). */
const printAddress = (address: HeaderAddress, utf8: boolean): string =>
  `(${printNstring(address.name, utf8)} NIL ${printNstring(address.mailbox, utf8)} ${printNstring(address.host, utf8)})`

function printAddresses(addresses: readonly HeaderAddress[], utf8: boolean): string {
  if (addresses.length === 0) return 'NIL'
  let text = '('
  for (const address of addresses) text += printAddress(address, utf8)
  return `${text})`
}

/** RFC 9051 §7.5.2 ENVELOPE. Sender and Reply-To default to From there; so they do here, if the scan left them empty. */
export function printEnvelope(header: HeaderSummary, utf8: boolean): string {
  const orFrom = (list: readonly HeaderAddress[]): readonly HeaderAddress[] => (list.length === 0 ? header.from : list)
  return `(${printNstring(header.date, utf8)} ${printNstring(header.subject, utf8)} ${printAddresses(header.from, utf8)} ${printAddresses(
    orFrom(header.sender),
    utf8,
  )} ${printAddresses(orFrom(header.replyTo), utf8)} ${printAddresses(header.to, utf8)} ${printAddresses(
    header.cc,
    utf8,
  )} ${printAddresses(header.bcc, utf8)} ${printNstring(header.inReplyTo, utf8)} ${printNstring(header.messageId, utf8)})`
}
