import type { FlagRow, StoredMessage } from '../../../core/contract.ts'
import { IMAP_PREVIEW_MAX_CHARACTERS } from '../../../model/limits.ts'
import type { MailboxEntry } from '../../../model/mailbox.ts'
import { printBodyStructure } from '../../../protocol/imap/body-structure.ts'
import { printDateTime } from '../../../protocol/imap/date.ts'
import { printEnvelope } from '../../../protocol/imap/envelope.ts'
import type { FetchItem } from '../../../protocol/imap/fetch.ts'
import { printString } from '../../../protocol/imap/print.ts'
import { emailIdText, threadIdText, type KnownIds } from '../object-id.ts'
import { isBodyItem, type BodyItem } from './body.ts'

type PlainItem = Exclude<FetchItem, BodyItem>
type Candidate = MailboxEntry | StoredMessage

/** Items that need what the scan at ingest kept. */
export const needsSummary = (item: PlainItem): boolean =>
  item.item === 'ENVELOPE' || item.item === 'BODY' || item.item === 'BODYSTRUCTURE' || item.item === 'PREVIEW'

/** One function that prints all items but bodies, parted by spaces; made once per command. */
export function plainPrinter(
  items: readonly FetchItem[],
  utf8: boolean,
  ids: KnownIds,
): (message: Candidate) => string {
  const printers = items.filter((item): item is PlainItem => !isBodyItem(item)).map((item) => printer(item, utf8, ids))
  if (printers.length === 1) return printers[0]!
  return (message) => {
    let text = ''
    for (const print of printers) text += text === '' ? print(message) : ` ${print(message)}`
    return text
  }
}

/** What prints rows of uids and flags; null where an item needs more. */
export function flagPrinter(items: readonly FetchItem[]): ((row: FlagRow) => string) | null {
  const printers: ((row: FlagRow) => string)[] = []
  for (const { item } of items) {
    if (item === 'UID') printers.push(printUid)
    else if (item === 'FLAGS') printers.push(printFlagList)
    else return null
  }
  if (printers.length === 0) return null
  const [first = printUid, second] = printers
  return second === undefined || printers.length > 2
    ? (row) => printers.map((print) => print(row)).join(' ')
    : (row) => `${first(row)} ${second(row)}`
}

const printUid = ({ uid }: FlagRow): string => `UID ${uid}`
const printFlagList = ({ flags }: FlagRow): string => `FLAGS (${flags.length === 1 ? flags[0]! : flags.join(' ')})`

function printer({ item }: PlainItem, utf8: boolean, ids: KnownIds): (message: Candidate) => string {
  switch (item) {
    case 'UID':
      return printUid
    case 'FLAGS':
      return printFlagList
    case 'INTERNALDATE':
      return ({ internalDate }) => `INTERNALDATE ${printDateTime(internalDate)}`
    case 'RFC822.SIZE':
      return ({ sizeOctets }) => `RFC822.SIZE ${sizeOctets}`
    case 'MODSEQ':
      return ({ modSeq }) => `MODSEQ (${modSeq})`
    case 'EMAILID':
      return ({ messageKey }) => `EMAILID (${emailIdText(ids.of(messageKey))})`
    case 'THREADID':
      return ({ messageKey }) => `THREADID (${threadIdText(ids.of(messageKey))})`
    case 'SAVEDATE':
      return ({ savedAt }) => `SAVEDATE ${printDateTime(savedAt)}` // RFC 8514 §4.2
    case 'PREVIEW': // Made when the message came in: at hand, LAZY or not (RFC 8970 §4.1).
      return (message) => `PREVIEW ${printString(shortened(summary(message).preview), utf8)}`
    case 'ENVELOPE':
      return (message) => `ENVELOPE ${printEnvelope(summary(message).header, utf8)}`
    case 'BODY':
      return (message) => `BODY ${printBodyStructure(summary(message).root, { extended: false, utf8 })}`
    case 'BODYSTRUCTURE':
      return (message) => `BODYSTRUCTURE ${printBodyStructure(summary(message).root, { extended: true, utf8 })}`
  }
}

/** RFC 8970 §3.3: so many characters, not UTF-16 units. */
function shortened(preview: string): string {
  if (preview.length <= IMAP_PREVIEW_MAX_CHARACTERS) return preview
  let end = 0
  for (let count = 0; count < IMAP_PREVIEW_MAX_CHARACTERS && end < preview.length; count++) {
    end += preview.codePointAt(end)! > 0xffff ? 2 : 1
  }
  return preview.slice(0, end).trimEnd()
}

const summary = (message: Candidate): StoredMessage['summary'] => (message as StoredMessage).summary
