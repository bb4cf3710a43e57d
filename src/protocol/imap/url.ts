import { attempt, Cursor } from './cursor.ts'
import { parseSection, type Section } from './fetch.ts'

/** A message or a part of one, as an IMAP URL (RFC 5092) names it within an account. */
export type MessageUrl = {
  /** Decoded; null: the selected mailbox (RFC 4469 §3). */
  readonly mailbox: string | null
  readonly uidValidity: number | null
  readonly uid: number
  /** Null: the whole message. */
  readonly section: Section | null
  /** RFC 5092 §11 partial-range; `count` null: to the end. */
  readonly partial: { readonly start: number; readonly count: number | null } | null
}

/** RFC 5092 §11: imessagepart behind the server's name. Whatever stands in a place is percent-encoded there. */
const MESSAGE =
  /^(?:\/([^;?]*?))?(?:;UIDVALIDITY=([1-9]\d{0,9}))?\/?;UID=([1-9]\d{0,9})(?:\/;SECTION=([^;?]+))?(?:\/;PARTIAL=(\d{1,15})(?:\.([1-9]\d{0,14}))?)?$/i

/**
 * Reads the path of a message's URL, e.g. `/Drafts;UIDVALIDITY=1/;UID=20/;SECTION=1.MIME`.
 * @returns null when it is none
 */
export function parseMessagePath(path: string): MessageUrl | null {
  const match = MESSAGE.exec(path)
  if (match === null) return null
  const [, mailboxText, validityText, uidText, sectionText, startText, countText] = match
  const mailbox = mailboxText === undefined || mailboxText === '' ? null : decodePercent(mailboxText)
  const section = sectionText === undefined ? null : sectionOf(decodePercent(sectionText))
  if (section === undefined || mailbox === undefined) return null
  return {
    mailbox: mailbox?.toUpperCase() === 'INBOX' ? 'INBOX' : mailbox,
    uidValidity: validityText === undefined ? null : Number(validityText),
    uid: Number(uidText),
    section,
    partial:
      startText === undefined
        ? null
        : { start: Number(startText), count: countText === undefined ? null : Number(countText) },
  }
}

/** @returns undefined when it is not UTF-8 in percent-encoding */
export function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function sectionOf(text: string | undefined): Section | undefined {
  if (text === undefined) return undefined
  const parsed = attempt(() => {
    const cursor = new Cursor(Buffer.from(text), { nestingMax: 1 })
    const section = parseSection(cursor)
    cursor.end()
    return section
  })
  return parsed.ok ? parsed.value : undefined
}

/** A URL as a response code may carry it (RFC 4469 §5 url-resp-text): no line ends, no `]`. */
export const printBadUrl = (url: string): string =>
  url.replaceAll(/[^\x20-\x5c\x5e-\x7e]/gu, (c) => encodeURIComponent(c.toWellFormed()))
