/** Actions, and what they mean for one another. */
import { KEYWORD_MAX_OCTETS, KEYWORDS_PER_MAILBOX_MAX, MAILBOX_NAME_MAX_OCTETS } from '../model/limits.ts'
import type { FileInto, Flags, Keep } from './contract.ts'
import { act, hasTag, ScriptError, tagString, tagStrings, tell, type Machine } from './machine.ts'
import type { Node } from './spec.ts'

/** RFC 5228 §2.10.2: a keep, fileinto, redirect or discard cancels the implicit keep; with `:copy` (RFC 3894) it does not. */
export function cancelKeep(machine: Machine, node: Node): void {
  if (!hasTag(node, 'copy')) machine.keeps = false
}

/** `keep`, and `fileinto` with the name INBOX, which is the same. */
export function keepLetter(machine: Machine, node: Node): void {
  cancelKeep(machine, node)
  const flags = flagsOf(machine, node)
  const keep: Keep = { do: 'keep', line: node.line, header: machine.header.version(), flags }
  store(machine, node, keep, 'kept in INBOX')
}

export function fileLetter(machine: Machine, node: Node, mailbox: string, specialUse: string | null): void {
  const wrong = mailboxProblem(mailbox)
  if (wrong !== null) throw new ScriptError(wrong)
  if (mailbox.toUpperCase() === 'INBOX' && specialUse === null) {
    keepLetter(machine, node)
    return
  }
  cancelKeep(machine, node)
  const create = hasTag(node, 'create')
  const flags = flagsOf(machine, node)
  const header = machine.header.version()
  const action: FileInto = { do: 'fileinto', line: node.line, header, mailbox, flags, create, specialUse }
  store(
    machine,
    node,
    action,
    `filed into “${mailbox}”${specialUse === null ? '' : ` or the mailbox for ${specialUse}`}`,
  )
}

/** @returns what is wrong with a name, or null */
export function mailboxProblem(mailbox: string): string | null {
  if (mailbox === '') return 'the name of a mailbox is empty'
  if (Buffer.byteLength(mailbox) > MAILBOX_NAME_MAX_OCTETS)
    return `the name of a mailbox is longer than ${MAILBOX_NAME_MAX_OCTETS} octets`
  return /[\0-\x1f\x7f]/.test(mailbox) ? 'the name of a mailbox holds a control character' : null
}

function store(machine: Machine, node: Node, action: Keep | FileInto, text: string): void {
  forbidWith(machine, node, ['reject'])
  const same = machine.actions.findIndex((other) => targetOf(other) === targetOf(action))
  const marks = action.flags.length === 0 ? '' : `, with ${action.flags.join(' ')}`
  if (same === -1) {
    act(machine, node, action, text + marks)
    return
  }
  // RFC 5228 §2.10.3: not twice into one mailbox; RFC 5232 §3: the last flags win.
  tell(machine, node, 'note', `${text} before already${marks}`)
  const first = machine.actions[same]
  const create = action.do === 'fileinto' && action.create
  machine.actions[same] = { ...first, flags: action.flags, ...(create ? { create } : {}) } as Keep | FileInto
}

function targetOf(action: { readonly do: string }): string | null {
  if (action.do === 'keep') return 'INBOX'
  if (action.do !== 'fileinto') return null
  const { mailbox, specialUse } = action as FileInto
  return `${specialUse?.toLowerCase() ?? ''} ${mailbox}`
}

/** RFC 5429 §2.4, RFC 5230 §4.7: what may not stand beside what. */
export function forbidWith(machine: Machine, node: Node, kinds: readonly string[]): void {
  const rival = machine.actions.find((action) => kinds.includes(action.do))
  if (rival !== undefined) throw new ScriptError(`“${node.name}” cannot go with “${rival.do}” of line ${rival.line}`)
}

// Flags (RFC 5232) -------------------------------------------------------------------------------------------------------

/** `:flags`, or else the internal variable (RFC 5232 §5). */
export function flagsOf(machine: Machine, node: Node): Flags {
  const given = tagStrings(machine, node, 'flags')
  return given === null ? machine.flags : readFlags(given)
}

/** RFC 9051 §9: flag-keyword is an atom; of system flags those that a client may set. */
const KEYWORD = /^[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|}~]+$/
const SYSTEM: readonly string[] = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft']

/** Strings of flags with blanks between (RFC 5232 §2): each once, as first written; what is no flag is left out. */
export function readFlags(lists: readonly string[]): string[] {
  const found = new Map<string, string>()
  for (const word of lists.join(' ').split(/[ \t\r\n]+/)) {
    const flag = word.startsWith('\\') ? SYSTEM.find((name) => name.toLowerCase() === word.toLowerCase()) : word
    if (flag === undefined || flag === '') continue
    if (!flag.startsWith('\\') && (!KEYWORD.test(flag) || flag.length > KEYWORD_MAX_OCTETS)) continue
    const key = flag.toLowerCase()
    if (!found.has(key) && found.size < KEYWORDS_PER_MAILBOX_MAX) found.set(key, flag)
  }
  return [...found.values()]
}

// Copies of what is sent (RFC 8580) ----------------------------------------------------------------------------------------

export function fileCopyOf(machine: Machine, node: Node): Omit<FileInto, 'do' | 'line' | 'header'> | null {
  const mailbox = tagString(machine, node, 'fcc')
  if (mailbox === null) return null
  const wrong = mailboxProblem(mailbox)
  if (wrong !== null) throw new ScriptError(wrong)
  // RFC 8580 §3: flags are those of the tag; the internal variable is the letter's.
  const flags = readFlags(tagStrings(machine, node, 'flags') ?? [])
  return { mailbox, flags, create: hasTag(node, 'create'), specialUse: tagString(machine, node, 'specialuse') }
}
