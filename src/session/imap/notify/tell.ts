import { StoreError, type Mailboxes, type MailboxView } from '../../../core/contract.ts'
import type { MailboxId, Uid } from '../../../model/ids.ts'
import type { MailboxInfo } from '../../../model/mailbox.ts'
import type { NotifyEvents } from '../../../protocol/imap/command/notify.ts'
import type { StatusItem } from '../../../protocol/imap/command/status.ts'
import type { FetchItem } from '../../../protocol/imap/fetch.ts'
import { rangesOf } from '../../../protocol/imap/sequence-set.ts'
import { untagged, type ImapState, type Session } from '../command.ts'
import { printStatus } from '../command/status.ts'
import { isBodyItem, needsTree } from '../fetch/body.ts'
import { needsSummary, plainPrinter } from '../fetch/print-items.ts'
import { printMessages } from '../fetch/print-messages.ts'
import { knownIds } from '../object-id.ts'
import { listedNow, listMailboxes, printListed, type Tree } from '../list.ts'
import { tellEntries } from '../metadata.ts'
import { asUidRanges, sequenceMap, tellChanges, type Selected } from '../selected.ts'
import { eventsFor, knownOf, silence, type Known, type Notify } from './watch.ts'

type In = Pick<Session, 'entries' | 'enabled' | 'log' | 'notify' | 'utf8' | 'form' | 'messageMaxOctets'> & {
  readonly state: ImapState
}
type Pieces = AsyncGenerator<string | Uint8Array, void, void>

/** Changes of the selected mailbox, as far as the client wants them (RFC 5465 §3.1); without NOTIFY, all. */
export async function* tellSelected(session: In, { expunge }: { expunge: boolean }): Pieces {
  const { enabled, log, notify, state } = session
  if (state.at !== 'selected') return
  const { handle, selected } = state
  if (notify === null) {
    yield* tellChanges(handle, selected, { expunge, enabled, log })
    return
  }
  if (notify.selected?.messages !== true) return
  const { flags, items } = notify.selected
  let fresh: readonly number[] = []
  const announced = (uids: readonly number[]): void => void (fresh = uids)
  yield* tellChanges(handle, selected, { expunge, flags, enabled, log, announced })
  if (fresh.length > 0 && items.length > 0) yield* orLog(session, fetchNew(session, handle, selected, { fresh, items }))
}

/** RFC 5465 §5.2. Nothing is marked as seen by it. */
async function* fetchNew(
  session: In,
  handle: Mailboxes,
  selected: Selected,
  { fresh, items }: { fresh: readonly number[]; items: readonly FetchItem[] },
): Pieces {
  const bodies = items.filter(isBodyItem)
  const plain = items.filter((item) => !isBodyItem(item))
  const uids = asUidRanges(rangesOf(fresh))
  const batches =
    plain.some(needsSummary) || bodies.some(needsTree)
      ? handle.messages(selected.mailboxId, uids)
      : handle.entries(selected.mailboxId, uids)
  const ids = knownIds(handle)
  const print = plainPrinter(plain, session.utf8(), ids)
  const plan = { plain: print, plainIfSeen: print, seen: new Set<Uid>(), bodies, enabled: session.enabled }
  yield* printMessages(handle, await sequenceMap(handle, selected), ids.along(batches, plain), plan)
}

/** News of other mailboxes and of names, whenever the client has said nothing (RFC 5465 §3). */
export async function* tellOthers(session: In): Pieces {
  const { notify, state } = session
  if (notify === null || state.at === 'connected') return
  if (notify.overflowed) {
    notify.stop()
    session.notify = silence()
    yield untagged('OK [NOTIFICATIONOVERFLOW] Too much has changed; ask for notifications again') // RFC 5465 §5.8
    return
  }
  yield* orLog(session, tellNames(session, notify, state.handle))
  yield* orLog(session, tellMailboxes(session, notify, state))
  yield* orLog(session, tellMetadata(session, notify, state))
}

/** A store that does not answer is asked again at the next news. */
async function* orLog({ log }: In, pieces: Pieces): Pieces {
  try {
    yield* pieces
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    log.error({ event: 'imap.store.failed', kind: error.kind, error: error.message })
  }
}

async function* tellMailboxes(session: In, notify: Notify, state: Exclude<ImapState, { at: 'connected' }>): Pieces {
  const selectedId = state.at === 'selected' ? state.selected.mailboxId : null
  while (notify.pending.size > 0) {
    const mailboxId: MailboxId = notify.pending.values().next().value!
    const info = mailboxId === selectedId ? null : await state.handle.info(mailboxId)
    notify.pending.delete(mailboxId)
    const events = info === null ? null : eventsFor(notify.groups, info.name, info.subscribed)
    if (info === null || events?.messages !== true) {
      // What is told of it while it is selected is not counted here; it is gone, or nobody wants to hear of it.
      notify.known.delete(mailboxId)
      continue
    }
    const items = itemsOf(info, notify.known.get(mailboxId) ?? null, {
      events,
      condstore: session.enabled.has('CONDSTORE'),
    })
    notify.known.set(mailboxId, knownOf(info))
    if (items.length > 0) yield printStatus(info, items, session)
  }
}

/** RFC 5465 §5.6, §5.7. After ENABLE METADATA all are told, and each once. */
async function* tellMetadata(
  session: In,
  { entries, groups }: Notify,
  state: Exclude<ImapState, { at: 'connected' }>,
): Pieces {
  if (entries === null) return
  if (session.entries !== null) {
    entries.pending.clear()
    yield* tellEntries(session)
    return
  }
  const { form, utf8 } = session
  yield* tellEntries({ form, utf8, state, entries }, (info) =>
    info === null
      ? groups.some(({ serverMetadata }) => serverMetadata)
      : eventsFor(groups, info.name, info.subscribed).metadata,
  )
}

/** RFC 5465 §5.1 to §5.3: what STATUS tells of a change. */
function itemsOf(
  info: MailboxInfo,
  known: Known | null,
  { events, condstore }: { events: NotifyEvents; condstore: boolean },
): StatusItem[] {
  const renewed = known?.uidValidity !== info.uidValidity
  const items: StatusItem[] = []
  if (renewed || known.uidNext !== info.uidNext || known.messages !== info.messages) items.push('UIDNEXT', 'MESSAGES')
  else if (!events.flags || known.highestModSeq === info.highestModSeq) return []
  const unseen = events.flags && known?.unseen !== info.unseen
  if (!condstore && !unseen && items.length === 0) return []
  if (renewed || items.length === 0) items.push('UIDVALIDITY')
  if (condstore) items.push('HIGHESTMODSEQ')
  if (unseen) items.push('UNSEEN')
  return items
}

/** STATUS of every mailbox whose messages are told (RFC 5465 §3.1). */
export function* printStatuses(
  session: In,
  notify: Notify,
  mailboxes: readonly MailboxView[],
  except: MailboxId | null,
): Generator<string, void, void> {
  for (const info of mailboxes) {
    const events = eventsFor(notify.groups, info.name, info.subscribed)
    if (!events.messages || info.mailboxId === except || !info.rights.has('r')) continue
    const items: StatusItem[] = ['MESSAGES', 'UIDNEXT', 'UIDVALIDITY']
    yield printStatus(info, events.flags ? [...items, 'UNSEEN', 'HIGHESTMODSEQ'] : items, session)
  }
}

/** RFC 5465 §5.4, §5.5. */
async function* tellNames(session: In, notify: Notify, handle: Mailboxes): Pieces {
  if (!notify.listChanged || notify.names === null) return
  notify.listChanged = false
  let tree: Tree
  try {
    tree = await listMailboxes(handle)
  } catch (error) {
    notify.listChanged = true
    throw error
  }
  const names = new Map<MailboxId, string>()
  const subscriptions = new Set<string>()
  for (const { name, info, subscribed } of tree) {
    if (info !== null) names.set(info.mailboxId, name)
    if (subscribed) subscriptions.add(name)
  }
  const before = { names: notify.names, subscriptions: notify.subscriptions }
  notify.names = names
  notify.subscriptions = subscriptions
  for (const { name, oldName } of changedNames(notify, before, { names, subscriptions })) {
    yield printListed(
      'LIST',
      { ...listedNow(tree, name), ...(oldName === undefined ? {} : { oldName }) },
      session.form(),
    )
  }
}

type Names = { readonly names: ReadonlyMap<MailboxId, string>; readonly subscriptions: ReadonlySet<string> }

/** Each name at most once. */
function* changedNames(
  notify: Notify,
  before: Names,
  now: Names,
): Generator<{ name: string; oldName?: string }, void, void> {
  const told = new Set<string>()
  const wants = (name: string, of: 'names' | 'subscriptions'): boolean =>
    eventsFor(notify.groups, name, before.subscriptions.has(name) || now.subscriptions.has(name))[of]
  const isOwn = (name: string): boolean => notify.caused.delete(name)

  const renamed = [...now.names].filter(([id, name]) => before.names.has(id) && before.names.get(id) !== name)
  const tops = renamed.map(([id, name]) => ({ name, oldName: before.names.get(id)! }))
  for (const one of tops) {
    told.add(one.name)
    if (isOwn(one.name)) continue
    // Children go along and are not told (RFC 5465 §5.4).
    const isChild = tops.some((top) => {
      const below = one.oldName.startsWith(`${top.oldName}/`)
      return below && one.name === top.name + one.oldName.slice(top.oldName.length)
    })
    if (!isChild && (wants(one.name, 'names') || wants(one.oldName, 'names'))) yield one
  }

  const made = [...now.names].filter(([id]) => !before.names.has(id)).map(([, name]) => name)
  const gone = [...before.names].filter(([id]) => !now.names.has(id)).map(([, name]) => name)
  for (const name of [...made, ...gone]) {
    if (told.has(name)) continue
    told.add(name)
    if (isOwn(name)) continue
    if (wants(name, 'names')) yield { name }
    // RFC 5465 §5.4: the direct parent is affected too.
    const parent = name.slice(0, Math.max(name.lastIndexOf('/'), 0))
    if (parent === '' || told.has(parent) || made.includes(parent) || gone.includes(parent)) continue
    told.add(parent)
    if (wants(parent, 'names')) yield { name: parent }
  }

  for (const name of now.subscriptions.symmetricDifference(before.subscriptions)) {
    if (told.has(name)) continue
    if (isOwn(name)) continue
    if (wants(name, 'subscriptions')) yield { name }
  }
}
