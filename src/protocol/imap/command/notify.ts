import { IMAP_NOTIFY_NAMES_MAX } from '../../../model/limits.ts'
import { Fault, type Cursor } from '../cursor.ts'
import { parseFetchItems, type FetchItem } from '../fetch.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'

/** RFC 5465 §6.2 to §6.6: mailboxes other than the selected one. */
export type NotifyFilter =
  | { readonly of: 'personal' | 'inboxes' | 'subscribed' }
  | { readonly of: 'subtree' | 'mailboxes'; readonly names: readonly string[] }

/** What of a mailbox is told. `messages` is MessageNew with MessageExpunge: one never comes without the other. */
export type NotifyEvents = {
  readonly messages: boolean
  readonly flags: boolean
  readonly names: boolean
  readonly subscriptions: boolean
  /** Annotations of the mailboxes, and of the server (RFC 5464). */
  readonly metadata: boolean
  readonly serverMetadata: boolean
}

export type NotifyGroup = NotifyEvents & { readonly filter: NotifyFilter }

/** RFC 5465 §6.1. */
export type NotifySelected = {
  /** Expunges wait for a command that may tell them. */
  readonly delayed: boolean
  readonly messages: boolean
  readonly flags: boolean
  /** Told of each new message. */
  readonly items: readonly FetchItem[]
}

export type NotifyArgs =
  | { readonly set: false }
  | {
      readonly set: true
      /** STATUS of the mailboxes whose messages are told. */
      readonly status: boolean
      readonly selected: NotifySelected | null
      readonly groups: readonly NotifyGroup[]
    }

/** By their names in upper case. Choice: no AnnotationChange; messages have no annotations here (RFC 5257). */
const EVENTS = new Map([
  ['MESSAGENEW', 'MessageNew'],
  ['MESSAGEEXPUNGE', 'MessageExpunge'],
  ['FLAGCHANGE', 'FlagChange'],
  ['MAILBOXNAME', 'MailboxName'],
  ['SUBSCRIPTIONCHANGE', 'SubscriptionChange'],
  ['MAILBOXMETADATACHANGE', 'MailboxMetadataChange'],
  ['SERVERMETADATACHANGE', 'ServerMetadataChange'],
])

const FILTERS = ['SELECTED-DELAYED', 'SELECTED', 'PERSONAL', 'INBOXES', 'SUBSCRIBED', 'SUBTREE', 'MAILBOXES'] as const

/** RFC 5465 §8. */
export function parseNotify(cursor: Cursor, form: NameForm): NotifyArgs {
  cursor.space()
  const form1 = cursor.word()
  if (form1 === 'NONE') return { set: false }
  if (form1 !== 'SET') throw new Fault('Expected SET or NONE')
  const status = cursor.skip(' STATUS')
  let selected: NotifySelected | null = null
  const groups: NotifyGroup[] = []
  let names = 0
  do {
    cursor.space()
    const group = parseGroup(cursor, form)
    if (!('filter' in group)) {
      if (selected !== null) throw new Fault('The selected mailbox is named twice') // RFC 5465 §6.1
      selected = group
      continue
    }
    groups.push(group)
    names += 'names' in group.filter ? group.filter.names.length : 1
    // RFC 5465 §3.1: too much to watch for.
    if (names > IMAP_NOTIFY_NAMES_MAX)
      throw new Fault('Too many mailboxes', { status: 'NO', code: 'NOTIFICATIONOVERFLOW' })
  } while (!cursor.done)
  return { set: true, status, selected, groups }
}

function parseGroup(cursor: Cursor, form: NameForm): NotifySelected | NotifyGroup {
  cursor.open()
  const filter = FILTERS.find((name) => cursor.skip(name))
  if (filter === undefined) throw new Fault('Unknown mailbox filter')
  cursor.space()
  if (filter === 'SELECTED' || filter === 'SELECTED-DELAYED') {
    const { names, items } = parseEvents(cursor)
    const { messages, flags, ...others } = eventsOf(names)
    // RFC 5465 §6.1: message events only.
    if (Object.values(others).includes(true)) throw new Fault('The selected mailbox has message events only')
    return { delayed: filter === 'SELECTED-DELAYED', messages, flags, items: items ?? [] }
  }
  const of = filter.toLowerCase() as NotifyFilter['of']
  let which: NotifyFilter
  if (of === 'subtree' || of === 'mailboxes') {
    const mailbox = (): string => parseMailbox(cursor, form)
    which = { of, names: cursor.peek() === 0x28 ? cursor.list(mailbox) : [mailbox()] }
    cursor.space()
  } else which = { of }
  const { names, items } = parseEvents(cursor)
  if (items !== null) throw new Fault('Fetch items are for the selected mailbox') // RFC 5465 §8
  return { filter: which, ...eventsOf(names) }
}

/** Up to and with the group's closing parenthesis. */
function parseEvents(cursor: Cursor): { names: Set<string>; items: FetchItem[] | null } {
  const names = new Set<string>()
  let items: FetchItem[] | null = null
  const event = (): void => {
    const name = EVENTS.get(cursor.word())
    if (name === undefined) {
      const known = [...EVENTS.values()].join(' ')
      throw new Fault('Event is not known here', { status: 'NO', code: `BADEVENT (${known})` }) // RFC 5465 §3.1
    }
    names.add(name)
    if (name !== 'MessageNew' || !cursor.looksAt(' (')) return
    cursor.space()
    items = parseFetchItems(cursor)
  }
  if (cursor.peek() === 0x28) cursor.list(event)
  else if (!cursor.skip('NONE')) {
    // Interop: the examples of RFC 5465 §3.1 leave out the parentheses that its grammar has around events.
    event()
    while (cursor.skip(' ')) event()
  }
  cursor.close()
  return { names, items }
}

/** RFC 5465 §5: which events need which others. */
function eventsOf(names: ReadonlySet<string>): NotifyEvents {
  const messages = names.has('MessageNew')
  if (messages !== names.has('MessageExpunge')) throw new Fault('MessageNew and MessageExpunge go together')
  const flags = names.has('FlagChange')
  if (flags && !messages) throw new Fault('FlagChange needs MessageNew and MessageExpunge')
  return {
    messages,
    flags,
    names: names.has('MailboxName'),
    subscriptions: names.has('SubscriptionChange'),
    metadata: names.has('MailboxMetadataChange'),
    serverMetadata: names.has('ServerMetadataChange'),
  }
}
