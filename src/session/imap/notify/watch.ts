import { isShared } from '../../../format/mailbox/shared-name.ts'
import type { Mailboxes, MailboxView } from '../../../core/contract.ts'
import type { MailboxId, Uid } from '../../../model/ids.ts'
import { IMAP_NOTIFY_PENDING_MAX } from '../../../model/limits.ts'
import type { MailboxInfo } from '../../../model/mailbox.ts'
import type { NotifyEvents, NotifyFilter, NotifyGroup, NotifySelected } from '../../../protocol/imap/command/notify.ts'
import type { ImapState, Session } from '../command.ts'
import { watchEntries, type ToldEntries } from '../metadata.ts'

/** What a client was last told of a mailbox that it has not selected. */
export type Known = Pick<MailboxInfo, 'uidValidity' | 'uidNext' | 'messages' | 'unseen' | 'highestModSeq'>

/** What a client hears of without asking (RFC 5465), and what it has still to be told. */
export type Notify = {
  /** Null: nothing of the selected mailbox is told. */
  readonly selected: NotifySelected | null
  readonly groups: readonly NotifyGroup[]
  readonly known: Map<MailboxId, Known>
  /** Changed since they were told. */
  readonly pending: Set<MailboxId>
  /** The names as they were told; null when no group asks for them. */
  names: Map<MailboxId, string> | null
  subscriptions: ReadonlySet<string>
  listChanged: boolean
  /** More news than there is room for: the client hears of no more (RFC 5465 §5.8). */
  overflowed: boolean
  /** News of annotations; null when no group asks for them. */
  entries: ToldEntries | null
  /** Names that this session made, renamed, removed or subscribed to: not told again (RFC 5465 §5). */
  readonly caused: Set<string>
  stop(): void
}

const CAUSED_MAX = 100
const NOTHING: NotifyEvents = {
  messages: false,
  flags: false,
  names: false,
  subscriptions: false,
  metadata: false,
  serverMetadata: false,
}

/** After NOTIFY NONE. */
export const silence = (): Notify => ({
  selected: null,
  groups: [],
  known: new Map(),
  pending: new Set(),
  names: null,
  subscriptions: new Set(),
  listChanged: false,
  overflowed: false,
  entries: null,
  caused: new Set(),
  stop() {},
})

/**
 * Watches from here on. Only that something changed is kept, never what, so a client that does not listen costs no
 * more than the names of what it has missed. @throws StoreError
 */
export async function openNotify(
  handle: Mailboxes,
  wants: { selected: NotifySelected | null; groups: readonly NotifyGroup[] },
  noticed: () => void,
): Promise<{ notify: Notify; mailboxes: readonly MailboxView[] }> {
  const { selected, groups } = wants
  const some = (of: keyof NotifyEvents): boolean => groups.some((group) => group[of])
  const wantsMessages = some('messages')
  const wantsNames = some('names') || some('subscriptions')
  const notify: Notify = { ...silence(), selected, groups }
  const entries = some('metadata') || some('serverMetadata') ? watchEntries(handle, noticed) : null
  notify.entries = entries
  const stopWatching = handle.watch((notice) => {
    if (notice.kind === 'mailbox' && wantsMessages) {
      notify.pending.add(notice.mailboxId)
      if (notify.pending.size > IMAP_NOTIFY_PENDING_MAX) notify.overflowed = true
    } else if (notice.kind === 'mailbox-list' && wantsNames) notify.listChanged = true
    else return
    if (notify.overflowed) notify.pending.clear()
    noticed()
  })
  notify.stop = () => {
    stopWatching()
    entries?.stop()
  }
  try {
    const mailboxes = await handle.list()
    for (const info of mailboxes) {
      if (eventsFor(groups, info.name, info.subscribed).messages) notify.known.set(info.mailboxId, knownOf(info))
    }
    if (wantsNames) {
      notify.names = new Map(mailboxes.map(({ mailboxId, name }) => [mailboxId, name]))
      notify.subscriptions = new Set(await handle.subscriptions())
    }
    return { notify, mailboxes }
  } catch (error) {
    notify.stop()
    throw error
  }
}

export const knownOf = ({ uidValidity, uidNext, messages, unseen, highestModSeq }: MailboxInfo): Known => ({
  uidValidity,
  uidNext,
  messages,
  unseen,
  highestModSeq,
})

/** RFC 5465 §6: all groups that a mailbox is in, together. */
export function eventsFor(groups: readonly NotifyGroup[], name: string, subscribed: boolean): NotifyEvents {
  let all = NOTHING
  for (const group of groups) {
    if (!isIn(group.filter, name, subscribed)) continue
    all = {
      messages: all.messages || group.messages,
      flags: all.flags || group.flags,
      names: all.names || group.names,
      subscriptions: all.subscriptions || group.subscriptions,
      metadata: all.metadata || group.metadata,
      serverMetadata: all.serverMetadata || group.serverMetadata,
    }
  }
  return all
}

function isIn(filter: NotifyFilter, name: string, subscribed: boolean): boolean {
  switch (filter.of) {
    case 'personal':
    case 'inboxes': // Choice: filters may deliver anywhere, so all of one’s own are inboxes (RFC 5465 §6.3).
      return !isShared(name)
    case 'subscribed':
      return subscribed
    case 'subtree':
      return filter.names.some((top) => name === top || name.startsWith(`${top}/`))
    case 'mailboxes':
      return filter.names.includes(name)
  }
}

/** New messages of the session's own: EXISTS tells them, and no FETCH (RFC 5465 §5.2). */
export function noteOwn(
  { notify, state }: Pick<Session, 'notify'> & { state: ImapState },
  to: MailboxId,
  uids: readonly Uid[],
): void {
  if (state.at !== 'selected' || state.selected.mailboxId !== to) return
  if (notify?.selected?.items.length) for (const uid of uids) state.selected.own.add(uid)
}

/** Own doing: what the client asked for is not told to it as news. */
export function noteCaused(notify: Notify | null, name: string): void {
  if (notify === null || notify.names === null) return
  if (notify.caused.size >= CAUSED_MAX) notify.caused.clear()
  notify.caused.add(name)
}
