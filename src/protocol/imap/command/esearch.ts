import { IMAP_SEARCH_SOURCES_MAX } from '../../../model/limits.ts'
import { Fault, type Cursor } from '../cursor.ts'
import { parseMailbox, type NameForm } from '../mailbox-name.ts'
import { parseSearch, type SearchArgs } from '../search.ts'

/** Mailboxes to search (RFC 7377 §2.2, RFC 5465 §6). */
export type SearchSource =
  | { readonly of: 'selected' | 'personal' | 'inboxes' | 'subscribed' }
  | { readonly of: 'subtree' | 'subtree-one' | 'mailboxes'; readonly names: readonly string[] }

export type EsearchArgs = SearchArgs & {
  /** Without IN: `selected` alone. */
  readonly sources: readonly SearchSource[]
}

const ALONE = ['SELECTED', 'PERSONAL', 'INBOXES', 'SUBSCRIBED'] as const
const WITH_NAMES = ['SUBTREE-ONE', 'SUBTREE', 'MAILBOXES'] as const

/** RFC 7377 §4. */
export function parseEsearch(cursor: Cursor, form: NameForm): EsearchArgs {
  cursor.space()
  let sources: readonly SearchSource[] = [{ of: 'selected' }]
  if (cursor.skip('IN ')) {
    let names = 0
    sources = cursor.list(() => {
      const source = parseSource(cursor, form)
      names += 'names' in source ? source.names.length : 1
      if (names > IMAP_SEARCH_SOURCES_MAX) throw new Fault('Too many mailboxes', { status: 'NO', code: 'LIMIT' })
      return source
    })
    cursor.space()
  }
  return { sources, ...parseSearch(cursor) }
}

function parseSource(cursor: Cursor, form: NameForm): SearchSource {
  const named = WITH_NAMES.find((name) => cursor.skip(`${name} `))
  if (named !== undefined) {
    const mailbox = (): string => parseMailbox(cursor, form)
    const names = cursor.peek() === 0x28 ? cursor.list(mailbox) : [mailbox()]
    return { of: named.toLowerCase() as Lowercase<typeof named>, names }
  }
  const word = cursor.word()
  const alone = ALONE.find((name) => name === word)
  // RFC 7377 §2.2: not selected-delayed; RFC 7377 §4 defines no scope options.
  if (alone === undefined) throw new Fault('Unknown source of a search')
  return { of: alone.toLowerCase() as Lowercase<typeof alone> }
}
