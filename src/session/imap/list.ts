import type { Mailboxes, MailboxView } from '../../core/contract.ts'
import type { ListArgs } from '../../protocol/imap/command/list.ts'
import { compilePattern } from '../../protocol/imap/list-pattern.ts'
import { toWire, type NameForm } from '../../protocol/imap/mailbox-name.ts'
import { printAstring } from '../../protocol/imap/print.ts'
import { untagged } from './command.ts'

/** A name in the tree: a mailbox, a level above one that is none itself, or a subscription to nothing. */
type Node = {
  readonly name: string
  readonly info: MailboxView | null
  readonly subscribed: boolean
  /** A mailbox below. */
  hasChildren: boolean
  subscribedBelow: boolean
  specialUseBelow: boolean
}

export type Tree = readonly Node[]

export type Listed = {
  readonly name: string
  readonly info: MailboxView | null
  readonly attributes: readonly string[]
  /** By itself, not only for what is below it: what else is asked for is told too (RFC 5819 §2, RFC 8440 §4). */
  readonly chosen: boolean
  /** RFC 5258 §3.5 CHILDINFO. */
  readonly childInfo: readonly string[]
  /** RFC 5465 §5.4 OLDNAME. */
  readonly oldName?: string
}

/** All names with what is below them, as the store sorts them: INBOX first. */
export async function listMailboxes(handle: Mailboxes): Promise<Tree> {
  const mailboxes = await handle.list()
  const subscriptions = new Set(await handle.subscriptions())
  const nodes = new Map<string, Node>()
  const add = (name: string, info: MailboxView | null): void => {
    const subscribed = subscriptions.has(name)
    nodes.set(name, { name, info, subscribed, hasChildren: false, subscribedBelow: false, specialUseBelow: false })
  }
  for (const info of mailboxes) add(info.name, info)
  for (const name of subscriptions) if (!nodes.has(name)) add(name, null)
  for (const node of [...nodes.values()]) {
    for (let cut = node.name.lastIndexOf('/'); cut > 0; cut = node.name.lastIndexOf('/', cut - 1)) {
      const parent = node.name.slice(0, cut)
      if (!nodes.has(parent)) add(parent, null)
      const above = nodes.get(parent)!
      if (node.info !== null) above.hasChildren = true
      if (node.subscribed) above.subscribedBelow = true
      if (node.info !== null && node.info.specialUse !== null) above.specialUseBelow = true
    }
  }
  const inboxFirst = (name: string): string => (name === 'INBOX' ? '' : name)
  return [...nodes.values()].toSorted((a, b) => (inboxFirst(a.name) < inboxFirst(b.name) ? -1 : 1))
}

/** RFC 9051 §6.3.9, RFC 5258. */
export function* matching(tree: Tree, args: ListArgs): Generator<Listed, void, void> {
  const patterns = args.patterns.map((pattern) => compilePattern(args.reference + pattern))
  const { subscribed, specialUse, recursive } = args.select
  const selects = subscribed || specialUse
  for (const node of tree) {
    if (!patterns.some((pattern) => pattern.matches(node.name))) continue
    const chosen = (!subscribed || node.subscribed) && (!specialUse || (node.info?.specialUse ?? null) !== null)
    const childInfo: string[] = []
    if (recursive) {
      // RFC 5258 §3.5: told where a child fits the selection and the pattern does not show it itself.
      const hidden = (below: boolean): boolean => below && !patterns.some((pattern) => pattern.mayMatchBelow(node.name))
      if (subscribed && hidden(node.subscribedBelow)) childInfo.push('SUBSCRIBED')
      if (specialUse && hidden(node.specialUseBelow)) childInfo.push('SPECIAL-USE')
    }
    // A name without a mailbox shows where it leads to one, or when subscriptions are asked for.
    const shown = selects ? chosen || childInfo.length > 0 : node.info !== null || node.hasChildren
    if (shown) yield { name: node.name, info: node.info, attributes: attributesOf(node, args), chosen, childInfo }
  }
}

/** One name as it is now, for news of it (RFC 5465 §5.4): all attributes, also of a name that is none any more. */
export function listedNow(tree: Tree, name: string): Listed {
  const node = tree.find((each) => each.name === name)
  if (node === undefined) return { name, info: null, attributes: ['\\NonExistent'], chosen: false, childInfo: [] }
  const everything = { extended: true, select: { subscribed: true }, returns: { subscribed: true } }
  return { name, info: node.info, attributes: attributesOf(node, everything), chosen: true, childInfo: [] }
}

type AttributeOptions = {
  readonly extended: boolean
  readonly select: { readonly subscribed: boolean }
  readonly returns: { readonly subscribed: boolean }
}

function attributesOf(node: Node, args: AttributeOptions): string[] {
  const list: string[] = []
  // RFC 9051 §7.3.1: \NonExistent implies \Noselect, which is all that plain LIST of RFC 3501 knows.
  if (node.info === null) list.push(args.extended ? '\\NonExistent' : '\\Noselect')
  if (node.subscribed && (args.select.subscribed || args.returns.subscribed)) list.push('\\Subscribed')
  list.push(node.hasChildren ? '\\HasChildren' : '\\HasNoChildren') // RFC 3348 §3
  const use = node.info?.specialUse ?? null
  if (use !== null) list.push(`\\${use}`) // RFC 6154 §2: also unasked
  return list
}

/** RFC 3501 §6.3.9: `%` also shows levels above subscribed names, as \Noselect. */
export function* lsubLines(tree: Tree, pattern: string): Generator<Listed, void, void> {
  const compiled = compilePattern(pattern)
  for (const node of tree) {
    if (!compiled.matches(node.name)) continue
    const level = pattern.endsWith('%') && node.subscribedBelow
    if (!node.subscribed && !level) continue
    const attributes = node.subscribed && node.info !== null ? [] : ['\\Noselect']
    yield { name: node.name, info: node.info, attributes, chosen: true, childInfo: [] }
  }
}

export function printListed(
  response: 'LIST' | 'LSUB',
  { name: full, attributes, childInfo, oldName }: Listed,
  form: NameForm,
): string {
  const print = (text: string): string => printAstring(toWire(text, form), form === 'utf8')
  const options = childInfo.map((option) => `"${option}"`).join(' ')
  const extended: string[] = []
  if (options !== '') extended.push(`"CHILDINFO" (${options})`)
  if (oldName !== undefined) extended.push(`"OLDNAME" (${print(oldName)})`)
  const more = extended.length === 0 ? '' : ` (${extended.join(' ')})`
  return untagged(`${response} (${attributes.join(' ')}) "/" ${print(full)}${more}`)
}
