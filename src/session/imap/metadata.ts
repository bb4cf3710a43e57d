import type { Annotation, ChangeNotice, Mailboxes, MailboxView } from '../../core/contract.ts'
import type { MailboxId } from '../../model/ids.ts'
import { IMAP_NOTIFY_PENDING_MAX } from '../../model/limits.ts'
import type { GetMetadataArgs } from '../../protocol/imap/command/metadata.ts'
import { toWire } from '../../protocol/imap/mailbox-name.ts'
import { literalMark, printAstring, printString } from '../../protocol/imap/print.ts'
import type { ImapState, Session } from './command.ts'

type Piece = string | Uint8Array

/** Which of the entries that there are a client asks for; those that it names and that are not there have no value. */
export function select(
  entries: readonly Annotation[],
  { entries: names, depth, maxSizeOctets }: Pick<GetMetadataArgs, 'entries' | 'depth' | 'maxSizeOctets'>,
): { readonly chosen: readonly { entry: string; value: Uint8Array | null }[]; readonly tooLongOctets: number } {
  const chosen = new Map<string, Uint8Array | null>()
  let tooLongOctets = 0
  for (const name of names) {
    const found = entries.filter(({ entry }) => isNamed(entry, name, depth))
    // Choice: a name that finds nothing comes back with NIL, so that each is answered (RFC 5464 §4.2).
    if (found.length === 0) chosen.set(name, null)
    for (const { entry, value } of found) {
      // RFC 5464 §4.2.1.
      if (maxSizeOctets !== null && value.length > maxSizeOctets) tooLongOctets = Math.max(tooLongOctets, value.length)
      else chosen.set(entry, value)
    }
  }
  return { chosen: [...chosen].map(([entry, value]) => ({ entry, value })), tooLongOctets }
}

/** RFC 5464 §4.2.2. */
function isNamed(entry: string, name: string, depth: GetMetadataArgs['depth']): boolean {
  if (entry === name) return true
  if (depth === 0 || !entry.startsWith(`${name}/`)) return false
  return depth === 'infinity' || !entry.includes('/', name.length + 1)
}

/** RFC 5464 §4.4.1. @param mailbox empty: the server */
export function* printMetadata(
  session: Pick<Session, 'form' | 'utf8'>,
  mailbox: string,
  chosen: readonly { entry: string; value: Uint8Array | null }[],
): Generator<Piece, void, void> {
  if (chosen.length === 0) return
  let text = `* METADATA ${nameOf(session, mailbox)} (`
  let first = true
  for (const { entry, value } of chosen) {
    text += `${first ? '' : ' '}${printAstring(entry)} `
    first = false
    if (value === null) text += 'NIL'
    else if (isPlain(value)) text += printString(Buffer.from(value).toString('latin1'))
    else {
      yield text + literalMark(value.length, value.includes(0)) // RFC 5464 §5: literal8 where it must be.
      yield value
      text = ''
    }
  }
  yield `${text})\r\n`
}

/** RFC 9590 §3: of what cannot be told, nothing is. */
export async function* listMetadata(
  session: Pick<Session, 'form' | 'utf8'> & { readonly state: { readonly handle: Mailboxes } },
  mailbox: MailboxView,
  entries: readonly string[],
): AsyncGenerator<Piece, void, void> {
  const outcome = await session.state.handle.annotations(mailbox.mailboxId)
  if (outcome.at !== 'done') return
  const { chosen } = select(outcome.entries, { entries, depth: 0, maxSizeOctets: null })
  yield* printMetadata(session, mailbox.name, chosen)
}

/** Printable ASCII on one line. */
const isPlain = (value: Uint8Array): boolean =>
  value.length <= 1024 && value.every((octet) => octet >= 0x20 && octet < 0x7f)

const nameOf = ({ form, utf8 }: Pick<Session, 'form' | 'utf8'>, mailbox: string): string =>
  mailbox === '' ? '""' : printAstring(toWire(mailbox, form()), utf8())

/** Entries that others have changed and that the client has not been told of (RFC 5464 §4.4.2). */
export type ToldEntries = {
  /** By mailbox, null: the server. */
  readonly pending: Map<MailboxId | null, Set<string>>
  /** The session's own changes, which are no news to it. */
  readonly own: Set<string>
  stop(): void
}

export function watchEntries(handle: Mailboxes, noticed: () => void): ToldEntries {
  const told: ToldEntries = { pending: new Map(), own: new Set(), stop: () => {} }
  const hear = (notice: ChangeNotice): void => {
    if (notice.kind !== 'annotations') return
    const fresh = notice.entries.filter((entry) => !told.own.delete(ownKey(notice.mailboxId, entry)))
    // What does not fit is not told: the client finds it when it asks.
    if (fresh.length === 0 || told.pending.size >= IMAP_NOTIFY_PENDING_MAX) return
    const known = told.pending.get(notice.mailboxId) ?? new Set()
    for (const entry of fresh) known.add(entry)
    told.pending.set(notice.mailboxId, known)
    noticed()
  }
  return Object.assign(told, { stop: handle.watch(hear) })
}

export const ownKey = (mailboxId: MailboxId | null, entry: string): string => `${mailboxId ?? ''} ${entry}`

/** RFC 5464 §4.4.2: names only. @param wants of a mailbox, null: the server */
export async function* tellEntries(
  session: Pick<Session, 'form' | 'utf8' | 'entries'> & { readonly state: ImapState },
  wants: (mailbox: MailboxView | null) => boolean = () => true,
): AsyncGenerator<string, void, void> {
  const { entries, state } = session
  if (entries === null || state.at === 'connected') return
  for (const [mailboxId, names] of [...entries.pending]) {
    entries.pending.delete(mailboxId)
    const info = mailboxId === null ? null : await state.handle.info(mailboxId)
    if ((mailboxId !== null && info === null) || !wants(info)) continue
    const list = [...names].map((name) => printAstring(name)).join(' ')
    yield `* METADATA ${nameOf(session, info?.name ?? '')} ${list}\r\n`
  }
}
