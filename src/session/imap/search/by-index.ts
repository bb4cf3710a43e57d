/** What the search index saves: only messages that may fit are read. What fits is decided by the message itself, as without it. */
import type { Mailboxes, MessageChoice } from '../../../core/contract.ts'
import type { MailboxId, MessageKey } from '../../../model/ids.ts'
import { SEARCH_NEEDLES_MAX, SEARCH_PICKED_MAX } from '../../../model/limits.ts'
import type { SearchKey } from '../../../protocol/imap/search.ts'
import { rangesOf, type NumberRange } from '../../../protocol/imap/sequence-set.ts'

/** Of texts that stand in a key: which messages may hold them, anywhere. */
export type KnownTexts = ReadonlyMap<string, MessageChoice>

type Searched = { readonly handle: Mailboxes; readonly mailboxId: MailboxId }

/** Asks for each text once; those that the index cannot tell of are left out. */
export async function askIndex({ handle, mailboxId }: Searched, key: SearchKey): Promise<KnownTexts> {
  const known = new Map<string, MessageChoice>()
  const asked = [...new Set(textsOf(key))].slice(0, SEARCH_NEEDLES_MAX)
  for (const text of asked) {
    const choice = await handle.mayHold(mailboxId, text)
    if (choice !== null) known.set(text, choice)
  }
  return known
}

function textsOf(key: SearchKey): readonly string[] {
  switch (key.key) {
    case 'and':
    case 'or':
      return key.of.flatMap(textsOf)
    case 'not':
      return textsOf(key.of)
    case 'envelope':
    case 'header':
    case 'body':
    case 'text':
      return key.text === '' ? [] : [key.text] // RFC 9051 §6.4.4: the empty text asks for the field.
    default:
      return []
  }
}

/** Whether the index lets a message hold a text. */
export function mayHold(known: KnownTexts | undefined, text: string, messageKey: MessageKey): boolean {
  const choice = known?.get(text)
  return choice === undefined || messageKey > choice.above || isAmong(choice.keys, messageKey)
}

/** Where messages that fit can lie; null: anywhere. */
export async function pickByIndex(
  { handle, mailboxId }: Searched,
  key: SearchKey,
  known: KnownTexts,
): Promise<NumberRange[] | null> {
  const choice = choiceOf(key, known)
  if (choice === null || choice.keys.length > SEARCH_PICKED_MAX) return null
  return rangesOf(await handle.uidsOfMessages(mailboxId, choice))
}

/** Messages that may fit a key; null: all. */
export function choiceOf(key: SearchKey, known: KnownTexts): MessageChoice | null {
  switch (key.key) {
    case 'and':
      return key.of
        .map((each) => choiceOf(each, known))
        .reduce((one, other) => (one === null || other === null ? (one ?? other) : both(one, other)))
    case 'or':
      return key.of
        .map((each) => choiceOf(each, known))
        .reduce((one, other) => (one === null || other === null ? null : either(one, other)))
    case 'envelope':
    case 'header':
    case 'body':
    case 'text':
      return known.get(key.text) ?? null
    default:
      return null // NOT too: a candidate may fail.
  }
}

/** Asked one after the other, they may know of different messages: what one does not know is left open. */
function aligned(one: MessageChoice, other: MessageChoice): { above: MessageKey; keys: [Float64Array, Float64Array] } {
  const above = one.above < other.above ? one.above : other.above
  const upTo = (keys: Float64Array): Float64Array => keys.filter((key) => key <= above)
  return { above, keys: [upTo(one.keys), upTo(other.keys)] }
}

function both(one: MessageChoice, other: MessageChoice): MessageChoice {
  const { above, keys } = aligned(one, other)
  return { above, keys: keys[0].filter((key) => isAmong(keys[1], key)) }
}

function either(one: MessageChoice, other: MessageChoice): MessageChoice {
  const { above, keys } = aligned(one, other)
  return { above, keys: Float64Array.from(new Set([...keys[0], ...keys[1]])).toSorted() }
}

/** @param keys ascending */
function isAmong(keys: Float64Array, key: number): boolean {
  let from = 0
  let to = keys.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (keys[middle]! < key) from = middle + 1
    else to = middle
  }
  return keys[from] === key
}
