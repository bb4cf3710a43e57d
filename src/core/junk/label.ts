import { JUNK_KEPT_MS } from '../../model/limits.ts'
import type { MailboxEntry, MailboxInfo } from '../../model/mailbox.ts'
import type { JunkLabel, JunkLetter } from '../../store/contract.ts'

export type Place = 'junk' | 'good' | 'sent' | 'none'

/** Trash and drafts say nothing: people throw good letters away too. */
export function placeOf({ specialUse }: Pick<MailboxInfo, 'specialUse'>): Place {
  if (specialUse === 'Junk') return 'junk'
  if (specialUse === 'Sent') return 'sent'
  return specialUse === 'Trash' || specialUse === 'Drafts' ? 'none' : 'good'
}

/**
 * What a letter counts as from now on; null: as before. It goes by where it lies, when it came there and its flags, so any
 * protocol and any program teaches.
 * Choice: a letter that our own verdict put into Junk is learnt as junk only when a person says so (moves it out and back, or
 * marks it), and one that we let through is good only when it was answered or flagged, or was read and kept for
 * JUNK_KEPT_MS: else the filter would believe itself.
 * @param fresh it was delivered here: not moved, not uploaded
 */
export function labelOf(
  entry: Pick<MailboxEntry, 'flags' | 'internalDate' | 'savedAt'>,
  place: Place,
  { before, fresh, now }: { before: Pick<JunkLetter, 'label' | 'savedAt'> | null; fresh: boolean; now: number },
): JunkLabel | null {
  const label = wanted(entry, place, { before, fresh, now })
  return label === (before?.label ?? null) ? null : label
}

function wanted(
  { flags, internalDate, savedAt }: Pick<MailboxEntry, 'flags' | 'internalDate' | 'savedAt'>,
  place: Place,
  { before, fresh, now }: { before: Pick<JunkLetter, 'label' | 'savedAt'> | null; fresh: boolean; now: number },
): JunkLabel | null {
  if (place === 'none') return null
  if (place === 'sent') return before === null ? 'sent' : null
  if (before?.label === 'sent') return null
  const has = (names: readonly string[]): boolean => flags.some((flag) => names.includes(flag.toLowerCase()))
  const junk = has(['$junk', 'junk'])
  const good = has(['$notjunk', 'notjunk', 'nonjunk'])
  const came = before === null || savedAt > before.savedAt
  // RFC 9051 §2.3.2: both together say nothing.
  if (good && !junk) return 'good'
  if (place === 'junk') return fresh && !junk ? (before === null ? 'verdict' : null) : 'junk'
  // A program that takes a letter out of Junk may leave the mark on it: the move is newer.
  if (came && (before?.label === 'junk' || before?.label === 'verdict')) return 'good'
  if (junk && !good) return before?.label === 'good' ? null : 'junk'
  if (before !== null && before.label !== 'waiting' && before.label !== 'unread') return null
  if (has(['\\answered', '\\flagged'])) return 'good'
  const kept = now - Math.min(savedAt, internalDate) >= JUNK_KEPT_MS
  return kept ? (has(['\\seen']) ? 'good' : 'unread') : 'waiting'
}
