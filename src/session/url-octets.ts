/** What a URL with a token names (RFC 4467), for IMAP's URLFETCH and submission's BURL. */
import type { UrlAccess, UrlReader } from '../core/contract.ts'
import type { Uid } from '../model/ids.ts'
import { parseAuthUrl } from '../protocol/imap/url.ts'
import { openSection, type SectionOctets } from './imap/fetch/body.ts'

export type UrlOptions = {
  readonly access: UrlAccess
  readonly reader: UrlReader
  /** URLs of other servers are not followed. */
  readonly hostname: string
  /** Epoch milliseconds. */
  readonly now: number
}

/** @returns null, whatever is wrong: it is not said which mailboxes and messages there are (S27). @throws StoreError */
export async function openUrl(text: string, options: UrlOptions): Promise<SectionOctets | null> {
  const { access, reader, hostname, now } = options
  const url = parseAuthUrl(text)
  if (url === null || url.seal === null || url.seal.mechanism !== 'INTERNAL') return null
  if (url.host.toLowerCase() !== hostname.toLowerCase()) return null
  // RFC 4467 §6: the token is looked at first, whatever the rest says.
  const { mailbox, uidValidity, uid } = url.message
  const opened = await access.open({ owner: url.owner, mailbox, rump: url.rump, token: url.seal.token })
  if (opened === null || !access.mayUse(url.access, reader)) return null
  if (url.expiresAt !== null && url.expiresAt < now) return null
  if (uidValidity !== null && uidValidity !== opened.uidValidity) return null
  const message = await opened.message(uid as Uid)
  return message === null ? null : openSection(opened, message, url.message)
}
