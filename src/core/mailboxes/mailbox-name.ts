import { err, ok, type Result } from '../../std/result.ts'
import { MAILBOX_DEPTH_MAX, MAILBOX_NAME_MAX_OCTETS } from '../../model/limits.ts'

export const DELIMITER = '/'

/** The inbox in any case is `INBOX`, also as the first part of a longer name (RFC 9051 §5.1). */
export function canonicalMailboxName(name: string): string {
  const normal = name.normalize('NFC') // RFC 9051 §5.1: accepted denormalized in every command, kept as Net-Unicode.
  return normal.replace(/^inbox(?=\/|$)/i, 'INBOX')
}

/** Controls (RFC 9051 §5.1, item 2) and the line breaks that Net-Unicode forbids (RFC 5198 §2). */
const CONTROL = /[\0-\x1f\x7f-\x9f\u2028\u2029]/

/**
 * What a new mailbox may be called.
 * @returns the canonical name, or what is wrong with it as a phrase that ends a sentence
 */
export function newMailboxName(text: string): Result<string, string> {
  if (text.length > MAILBOX_NAME_MAX_OCTETS) return err('name too long')
  if (!text.isWellFormed()) return err('name is not valid Unicode')
  const name = canonicalMailboxName(text)
  if (Buffer.byteLength(name) > MAILBOX_NAME_MAX_OCTETS) return err('name too long')
  if (CONTROL.test(name)) return err('control character in name')
  if (/[*%]/.test(name)) return err('wildcard in name') // RFC 9051 §5.1, item 3.
  if (name.startsWith('#')) return err('names with # in front are reserved for namespaces') // RFC 9051 §5.1.2.1.
  const parts = name.split(DELIMITER)
  if (parts.includes('')) return err('empty part in name')
  if (parts.length > MAILBOX_DEPTH_MAX) return err('too many levels in name')
  return ok(name)
}

/** `a/b/c` → `a`, `a/b`: what must be there first, outermost first. */
export function parentsOf(name: string): readonly string[] {
  const parents: string[] = []
  for (let cut = name.indexOf(DELIMITER); cut !== -1; cut = name.indexOf(DELIMITER, cut + 1)) {
    parents.push(name.slice(0, cut))
  }
  return parents
}

export const isBelow = (name: string, parent: string): boolean => name.startsWith(parent + DELIMITER)
