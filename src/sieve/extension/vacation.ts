import { printAddress, sameAddress } from '../../format/address/address.ts'
import { SIEVE_REFERENCES_MAX, SIEVE_VACATION_DEFAULT_MS } from '../../model/limits.ts'
import type { Address } from '../../model/address.ts'
import { DAY, SECOND } from '../../std/clock.ts'
import type { Remembered } from '../contract.ts'
import { fileCopyOf, forbidWith } from '../deliver.ts'
import {
  act, ask, hasTag, keyOf, ScriptError, string, tagNumber, tagString, tagStrings, tell, texts, type Flow, type Machine,
} from '../machine.ts' // prettier-ignore
import { parseSieveAddress } from '../message/address.ts'
import { oneLine } from '../message/print.ts'
import type { Extension, Node, Steps, TagSpec } from '../spec.ts'
import { rawText, type Text } from '../text.ts'
import { whyNotAnswered } from '../vacation-rules.ts'

/** RFC 5322 §3.6.4, one look at each character. */
const MESSAGE_ID = /<[^<>\s]{1,996}>/g

function* runVacation(machine: Machine, node: Node): Steps<Flow> {
  // RFC 5230 §4.7, RFC 5429 §2.4.
  forbidWith(machine, node, ['reject'])
  if (machine.answered) throw new ScriptError('“vacation” may be done only once')
  machine.answered = true
  const { from: sender } = machine.letter.envelope
  const why = whyNotAnswered(machine.header, sender, [...ownAddresses(machine), ...readOwn(machine, node)])
  if (why !== null || sender === null) {
    tell(machine, node, 'note', `not answered: ${why}`)
    return null
  }
  const forMs = periodOf(machine, node)
  const what: Remembered = { what: 'vacation', key: responseKey(node, sender) }
  if (forMs > 0) {
    if (yield* ask<boolean>({ ask: 'seen', what })) {
      tell(machine, node, 'note', `not answered: ${printAddress(sender)} was answered before`)
      return null
    }
    machine.remember.set(what.key, { ...what, forMs })
  }
  answer(machine, node, sender)
  return null
}

function answer(machine: Machine, node: Node, to: Address): void {
  const body = string(machine, node, 0)
  const mime = hasTag(node, 'mime')
  const wrong = mime ? mimeProblem(body) : null
  if (wrong !== null) throw new ScriptError(wrong)
  const subject = machine.header.named('subject')[0]?.text() ?? ''
  const id = machine.header.named('message-id')[0]?.raw().match(MESSAGE_ID)?.[0] ?? null
  act(
    machine,
    node,
    {
      do: 'vacation',
      line: node.line,
      header: machine.header.version(),
      to,
      from: fromOf(machine, node),
      // RFC 5230 §5.3.
      subject: oneLine(
        tagString(machine, node, 'subject') ?? (subject === '' ? 'Automated reply' : `Auto: ${subject}`),
      ),
      body,
      mime,
      inReplyTo: id,
      references: referencesOf(machine, id),
      fcc: fileCopyOf(machine, node),
    },
    `answered ${printAddress(to)}`,
  )
}

/** RFC 5322 §3.6.4: what the letter refers to, or answers, and itself. */
export function referencesOf(machine: Machine, id: string | null): string[] {
  const idsOf = (name: string): string[] =>
    machine.header.named(name).flatMap((field) => field.raw().match(MESSAGE_ID) ?? [])
  const references = idsOf('references')
  const answered = idsOf('in-reply-to')
  const before = references.length > 0 ? references : answered.length === 1 ? answered : []
  const all = id === null ? before : [...before, id]
  return all.length <= SIEVE_REFERENCES_MAX ? all : [all[0]!, ...all.slice(1 - SIEVE_REFERENCES_MAX)]
}

export function ownAddresses(machine: Machine): Address[] {
  const { owner } = machine.environment
  return [owner.address, ...owner.aliases, machine.letter.envelope.to]
}

/** `:addresses` (RFC 5230 §4.5); what is no address is none of his. */
function readOwn(machine: Machine, node: Node): Address[] {
  const parsed = (tagStrings(machine, node, 'addresses') ?? []).map(parseSieveAddress)
  return parsed.flatMap((found) => (found === null ? [] : [found.address]))
}

/** RFC 5230 §4.1, RFC 6131 §2. */
function periodOf(machine: Machine, node: Node): number {
  const days = tagNumber(node, 'days')
  const seconds = tagNumber(node, 'seconds')
  const wanted = seconds !== null ? seconds * SECOND : days !== null ? days * DAY : SIEVE_VACATION_DEFAULT_MS
  const { vacationMinMs, vacationMaxMs } = machine.limits
  return Math.min(Math.max(wanted, vacationMinMs), vacationMaxMs)
}

/** RFC 5230 §4.2: the handle, or else what is said, before variables are put in; and to whom. */
function responseKey(node: Node, sender: Address): string {
  const rawTag = (name: string): string => {
    const value = node.tags.get(name)
    return Array.isArray(value) ? rawText((value as readonly Text[])[0]!) : ''
  }
  const to = printAddress(sender).toLowerCase()
  const handle = rawTag('handle')
  if (handle !== '') return keyOf(['handle', to, handle])
  const reason = texts(node, 0).map(rawText).join('')
  return keyOf(['answer', to, rawTag('subject'), rawTag('from'), String(hasTag(node, 'mime')), reason])
}

/**
 * RFC 5230 §4.3: `:from`. Choice: only an address of the owner's; another is passed over with a warning, so that nobody writes
 * in others' names. Without it: the address that the letter was sent to, when it is one that he is known by, with his name.
 */
export function fromOf(machine: Machine, node: Node): string {
  const { owner } = machine.environment
  const own = ownAddresses(machine)
  const written = tagString(machine, node, 'from')
  if (written !== null) {
    const parsed = parseSieveAddress(written)
    if (parsed === null) throw new ScriptError(`“${written.slice(0, 100)}” is no address for :from`)
    const address = own.find((other) => sameAddress(other, parsed.address))
    if (address !== undefined) return showMailbox(parsed.name, address)
    tell(
      machine,
      node,
      'warning',
      `:from ${printAddress(parsed.address)} is passed over: it is no address of the owner`,
    )
  }
  const { to } = machine.letter.envelope
  const known = [owner.address, ...owner.aliases].some((address) => sameAddress(address, to))
  return showMailbox(owner.name ?? null, known ? to : owner.address)
}

/** Unicode: it is encoded when it is printed. */
function showMailbox(name: string | null, address: Address): string {
  const clean = name === null ? '' : oneLine(name)
  return clean === '' ? printAddress(address) : `"${clean.replace(/[\\"]/g, '\\$&')}" <${printAddress(address)}>`
}

/** RFC 5230 §4.3: an error when the syntax is wrong. */
export const FROM_TAG: TagSpec = {
  name: 'from',
  takes: 'string',
  check: (text) =>
    parseSieveAddress(String(text)) === null ? `“${String(text).slice(0, 100)}” is no address for :from` : null,
}

/** RFC 5230. */
export const vacation: Extension = {
  capability: 'vacation',
  commands: [
    {
      name: 'vacation',
      tags: [
        { name: 'days', group: 'period', takes: 'number' },
        { name: 'subject', takes: 'string' },
        FROM_TAG,
        { name: 'addresses', takes: 'strings' },
        { name: 'mime' },
        { name: 'handle', takes: 'string' },
      ],
      args: [{ what: 'the reason', kind: 'string' }],
      check(node, checker) {
        const [reason] = texts(node, 0)
        const wrong = hasTag(node, 'mime') && typeof reason === 'string' ? mimeProblem(reason) : null
        if (wrong !== null) checker.problem(node, wrong)
      },
      run: runVacation,
    },
  ],
}

/** RFC 5230 §5: a MIME entity has a header, and that is ASCII. */
function mimeProblem(entity: string): string | null {
  const header = entity.split('\r\n\r\n', 1)[0]!
  if (!/^[\t\r\n\x20-\x7e]*$/.test(header)) return 'the header of what “:mime” sends must be ASCII'
  const lines = header.split('\r\n').filter((line) => line !== '' && !/^[ \t]/.test(line))
  return lines.every((line) => /^[!-9;-~]+[ \t]*:/.test(line))
    ? null
    : 'what “:mime” sends must begin with a MIME header and an empty line'
}

/** RFC 6131: `:seconds`, and all of vacation with it. */
export const vacationSeconds: Extension = {
  capability: 'vacation-seconds',
  implies: ['vacation'],
  adds: [{ to: ['vacation'], tags: [{ name: 'seconds', group: 'period', takes: 'number' }] }],
}
