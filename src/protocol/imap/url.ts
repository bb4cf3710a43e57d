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

/** A URL that says who may use it (RFC 4467 §9), whole or without its token. */
export type AuthUrl = {
  readonly host: string
  /** Whose mailbox it is; decoded. */
  readonly owner: string
  readonly message: MessageUrl & { readonly mailbox: string }
  /** Epoch milliseconds; null: it does not expire. */
  readonly expiresAt: number | null
  readonly access: { readonly to: 'submit' | 'user'; readonly user: string } | { readonly to: 'authuser' | 'anonymous' }
  /** What the token is made of: the URL as it stands, up to it. */
  readonly rump: string
  readonly seal: { readonly mechanism: string; readonly token: string } | null
}

const MARK = ';URLAUTH='
const HEAD = /^imap:\/\/([^@/;?#]+)(?:;AUTH=[^@/;?#]*)?@([^@/;?#]+?)(?::\d{1,5})?(\/[^?#]*)$/i
const SEAL = /^([\w.-]+):([0-9a-f]{32,512})$/i
const EXPIRE = /;EXPIRE=([^;]*)$/i
/** RFC 3339, as RFC 4467 §9 has it. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i

/** @returns null when it is none: RFC 4467 §3 allows URLs of messages and their parts only */
export function parseAuthUrl(url: string): AuthUrl | null {
  const at = url.toUpperCase().lastIndexOf(MARK)
  if (at < 0) return null
  const tail = url.slice(at + MARK.length)
  const cut = tail.indexOf(':')
  const accessText = cut < 0 ? tail : tail.slice(0, cut)
  const sealed = cut < 0 ? null : SEAL.exec(tail.slice(cut + 1))
  if (cut >= 0 && sealed === null) return null
  const expire = EXPIRE.exec(url.slice(0, at))
  const expiresAt = expire === null ? null : DATE_TIME.test(expire[1]!) ? Date.parse(expire[1]!) : Number.NaN
  const head = HEAD.exec(url.slice(0, expire === null ? at : expire.index))
  const access = accessOf(accessText)
  if (head === null || access === null || Number.isNaN(expiresAt)) return null
  const [, ownerText = '', host = '', path = ''] = head
  const owner = decodePercent(ownerText)
  const message = parseMessagePath(path)
  if (owner === undefined || message === null || message.mailbox === null) return null
  const rump = url.slice(0, at + MARK.length + accessText.length)
  const seal = sealed === null ? null : { mechanism: sealed[1]!.toUpperCase(), token: sealed[2]! }
  return { host, owner, message: { ...message, mailbox: message.mailbox }, expiresAt, access, rump, seal }
}

function accessOf(text: string): AuthUrl['access'] | null {
  const lower = text.toLowerCase()
  if (lower === 'authuser' || lower === 'anonymous') return { to: lower }
  const to = lower.startsWith('submit+') ? 'submit' : lower.startsWith('user+') ? 'user' : null
  const user = to === null ? undefined : decodePercent(text.slice(to.length + 1))
  return to === null || user === undefined || user === '' ? null : { to, user }
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
