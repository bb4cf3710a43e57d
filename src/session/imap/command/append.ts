import type { AppendDraft } from '../../../core/contract.ts'
import type { MailboxId, Uid } from '../../../model/ids.ts'
import type { MailboxEntry } from '../../../model/mailbox.ts'
import { assert } from '../../../std/assert.ts'
import { IMAP_CATENATE_PARTS_MAX, IMAP_MESSAGES_PER_APPEND_MAX, IMAP_URL_MAX_OCTETS } from '../../../model/limits.ts'
import {
  parseAppendNext,
  parseAppendStart,
  type AppendSegment,
  type AppendStart,
  type AppendStep,
  type Replaced,
} from '../../../protocol/imap/command/append.ts'
import type { Literal } from '../../../protocol/imap/reader.ts'
import { printNumbers } from '../../../protocol/imap/sequence-set.ts'
import { printBadUrl } from '../../../protocol/imap/url.ts'
import { onlyStoreError, openAssembly, type Assembly } from '../append/assembly.ts'
import { partOfUrl } from '../append/url-part.ts'
import { bad, no, ok, streamed, untagged, type Conversation, type Session, type Tagged } from '../command.ts'
import { nestingMax } from '../nesting.ts'
import { noteOwn } from '../notify/watch.ts'
import { lacks, problem, tryCreate, unavailable } from '../problems.ts'
import { sequenceMap } from '../selected.ts'

type In = Conversation<'logged-in' | 'selected'>

export const append = streamed({
  name: 'APPEND',
  rfc: 'RFC 9051 §6.3.12',
  capability: 'MULTIAPPEND', // RFC 3502
  states: ['logged-in', 'selected'],
  start: parseAppendStart,
  run: takeMessages,
})

export const replace = streamed({
  name: 'REPLACE',
  rfc: 'RFC 8508 §3.2',
  capability: 'REPLACE',
  states: ['selected'],
  start: parseAppendStart,
  run: takeMessages,
})

export const uidReplace = streamed({
  name: 'UID REPLACE',
  rfc: 'RFC 8508 §3.3',
  capability: 'REPLACE',
  states: ['selected'],
  start: parseAppendStart,
  run: takeMessages,
})

/** Where the messages go, and what goes for them. */
type Found = {
  readonly mailboxId: MailboxId
  readonly old: MailboxEntry | null
  /** Octets and messages until the quota; the store has the last word when the messages are kept. */
  readonly room: number
  readonly messages: number
}

type Work = {
  readonly drafts: AppendDraft[]
  /** The message that comes in now, with what stood before it. */
  message: { readonly assembly: Assembly; readonly draft: Omit<AppendDraft, 'message'>; parts: number } | null
  /** Nothing is kept; what comes unasked is read all the same. */
  refused: Tagged | null
  room: number
  messages: number
}

/** Messages stream to the store and are never held whole. All or none are kept (RFC 3502 §6). */
async function takeMessages(conversation: In, start: AppendStart): Promise<Tagged> {
  // What fails before the octets are read must not leave them to be taken for commands.
  const found = await look(conversation, start)
  const refused = 'refused' in found ? found.refused : null
  const { room, messages } = 'refused' in found ? { room: 0, messages: 0 } : found
  const work: Work = { drafts: [], message: null, refused, room, messages }
  try {
    for (let { segment } = start; ;) {
      const over = await takeSegment(conversation, segment, work)
      if (over === 'end') break
      if (over !== 'go-on') return over
      const next = await nextSegment(conversation, segment)
      if ('status' in next) return work.refused ?? next
      segment = next
    }
    if ('refused' in found) return found.refused
    return work.refused ?? (await keep(conversation, found, work.drafts))
  } finally {
    await work.message?.assembly.abort()
    for (const { message } of work.drafts) await conversation.state.handle.discard(message).catch(onlyStoreError)
  }
}

async function look(conversation: In, { mailbox, replaces }: AppendStart): Promise<Found | { refused: Tagged }> {
  const { handle } = conversation.state
  try {
    const target = await handle.find(mailbox)
    if (target === null) return { refused: tryCreate() }
    const refused = lacks(target, 'i') // RFC 4314 §4, before the octets are asked for.
    if (refused !== null) return { refused }
    const old = replaces === null ? null : await oldOne(conversation, replaces)
    if (old !== null && 'status' in old) return { refused: old }
    const quota = await handle.quotaOf(target.mailboxId)
    if ('at' in quota) return { refused: tryCreate() }
    const room = quota.limitOctets === null ? Infinity : quota.limitOctets - quota.usedOctets
    const messages = quota.limitMessages === null ? Infinity : quota.limitMessages - quota.messages
    // RFC 8508 §3.4: what goes makes room.
    const more = old === null ? 0 : 1
    return { mailboxId: target.mailboxId, old, room: room + (old?.sizeOctets ?? 0), messages: messages + more }
  } catch (error) {
    return { refused: unavailable(onlyStoreError(error)) }
  }
}

/** What REPLACE takes out of the selected mailbox. */
async function oldOne({ state }: In, { by, number }: Replaced): Promise<MailboxEntry | Tagged> {
  assert(state.at === 'selected', 'REPLACE is for a selected mailbox')
  const { handle, selected } = state
  if (selected.readOnly) return no('Mailbox is read-only', 'READ-ONLY')
  const uids = await sequenceMap(handle, selected)
  const uid = by === 'uid' ? number : uids.at(number - 1)
  if (uid === undefined) return bad('No message has this number')
  for await (const batch of handle.entries(selected.mailboxId, [{ from: uid as Uid, to: uid as Uid }])) {
    for (const entry of batch) return entry
  }
  return gone()
}

/** RFC 5530 §3. */
const gone = (): Tagged => no('There is no such message any more', 'EXPUNGEISSUED')

async function keep(conversation: In, { mailboxId, old }: Found, drafts: AppendDraft[]): Promise<Tagged> {
  const { output, state } = conversation
  const { handle } = state
  const outcome =
    old === null || state.at !== 'selected'
      ? await handle.append(mailboxId, drafts)
      : await handle.replace({ mailboxId: state.selected.mailboxId, uid: old.uid }, mailboxId, drafts[0]!)
  if (outcome.at === 'not-found') return tryCreate()
  if (outcome.at === 'gone') return gone()
  if (outcome.at !== 'done') return problem(outcome)
  drafts.length = 0 // The store's now.
  if (state.at === 'selected') state.selected.dirty = true
  noteOwn(conversation, mailboxId, outcome.uids)
  const code = `APPENDUID ${outcome.uidValidity} ${printNumbers(outcome.uids)}`
  if (old === null) return ok('Append completed', code)
  await output.write(untagged(`OK [${code}] Replacement message ready`)) // RFC 8508 §4.3: before EXPUNGE.
  return ok('Replace completed')
}

/** @returns how the command goes on behind a literal's octets, or how it ends */
async function takeSegment(conversation: In, { steps }: AppendSegment, work: Work): Promise<'go-on' | 'end' | Tagged> {
  for (const step of steps) {
    switch (step.do) {
      case 'message':
        await finishMessage(work)
        beginMessage(conversation, step, work)
        break
      case 'url':
        await takeUrl(conversation, step.url, work)
        break
      case 'octets':
      case 'url-octets': {
        const over = await takeLiteral(conversation, step, work)
        if (over !== null) return over
        break
      }
      case 'end':
        await finishMessage(work)
        return 'end'
    }
  }
  return 'go-on'
}

function beginMessage(
  { state }: In,
  { flags, internalDate }: Extract<AppendStep, { do: 'message' }>,
  work: Work,
): void {
  if (--work.messages < 0) work.refused ??= problem({ at: 'over-quota' })
  if (work.drafts.length >= IMAP_MESSAGES_PER_APPEND_MAX) work.refused ??= no('Too many messages at once', 'LIMIT')
  if (work.refused !== null) return
  work.message = { assembly: openAssembly(state.handle), draft: { flags, internalDate }, parts: 0 }
}

async function finishMessage(work: Work): Promise<void> {
  const { message } = work
  if (message === null || work.refused !== null) return
  const finished = await message.assembly.finish()
  if ('refused' in finished) {
    work.refused = finished.refused
    return
  }
  work.message = null
  work.drafts.push({ ...message.draft, message: finished.staged })
}

/** Whether so many octets more may come; told before they are asked for (RFC 9051 §6.3.12, RFC 7889, RFC 4469 §4.2). */
function reserve(octets: number, { messageMaxOctets }: In, work: Work): void {
  const { message } = work
  if (message === null) return
  work.room -= octets
  if (message.assembly.octets() + octets > messageMaxOctets) work.refused ??= no('Message is too big', 'TOOBIG')
  if (++message.parts > IMAP_CATENATE_PARTS_MAX) work.refused ??= no('Too many parts', 'LIMIT')
  if (work.room < 0) work.refused ??= problem({ at: 'over-quota' })
}

/** @returns null when the octets have come, else the answer */
async function takeLiteral(
  conversation: In,
  { do: what, literal }: Extract<AppendStep, { do: 'octets' | 'url-octets' }>,
  work: Work,
): Promise<Tagged | null> {
  const { input, messageMaxOctets, output } = conversation
  input.reader.pass()
  const isUrl = what === 'url-octets'
  if (!isUrl) reserve(literal.sizeOctets, conversation, work)
  else if (literal.sizeOctets > IMAP_URL_MAX_OCTETS) work.refused ??= no('URL is too long', 'LIMIT')
  // What the client waits to be asked for does not come after a refusal.
  if (work.refused !== null && literal.synchronising) return work.refused
  if (literal.sizeOctets > messageMaxOctets) return await hangUp(conversation)
  const { message } = work
  if (work.refused !== null || message === null) {
    await eachChunk(conversation, literal.sizeOctets, async () => {})
    return null
  }
  if (literal.synchronising) await output.write('+ Ready for the octets\r\n')
  const { binary } = literal
  const pieces: Buffer[] = []
  await eachChunk(conversation, literal.sizeOctets, async (chunk) => {
    if (isUrl) pieces.push(chunk)
    else await message.assembly.add(chunk, { binary })
  })
  if (isUrl) await takeUrl(conversation, Buffer.concat(pieces).toString('utf8'), work)
  return null
}

/** RFC 4469 §3: octets as FETCH BODY.PEEK would tell them. */
async function takeUrl(conversation: In, url: string, work: Work): Promise<void> {
  const { message } = work
  if (work.refused !== null || message === null) return
  try {
    const part = url.length > IMAP_URL_MAX_OCTETS ? null : await partOfUrl(url, conversation.state)
    if (part === null) {
      work.refused = no('There is nothing at this URL', `BADURL ${printBadUrl(url.slice(0, BAD_URL_SHOWN))}`)
      return
    }
    reserve(part.octets, conversation, work)
    if (work.refused !== null) return
    for await (const piece of part.pieces()) await message.assembly.add(piece, { binary: true })
  } catch (error) {
    work.refused = unavailable(onlyStoreError(error))
  }
}

/** Characters of a wrong URL that the answer repeats. */
const BAD_URL_SHOWN = 1000

/** RFC 7888 §4: octets that nobody wants and that cannot be stopped otherwise. */
export async function hangUp({ output }: Session): Promise<Tagged> {
  await output.write(untagged('BYE Literal is too big'))
  return { ...no('Literal is too big', 'TOOBIG'), then: 'close' }
}

export async function eachChunk(
  conversation: Session,
  sizeOctets: number,
  take: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  const { reader } = conversation.input
  for (let left = sizeOctets; left > 0;) {
    const chunk = reader.take(left)
    if (chunk === null) {
      await conversation.more()
      continue
    }
    left -= chunk.length
    await take(chunk)
  }
}

/** Reads on behind a literal's octets. */
async function nextSegment(conversation: In, after: AppendSegment): Promise<AppendSegment | Tagged> {
  const { reader } = conversation.input
  for (;;) {
    const received = reader.next()
    if (received.kind === 'need-more') {
      await conversation.more()
      continue
    }
    if (received.kind === 'bad') return bad('APPEND goes on wrongly')
    const text = received.kind === 'literal' ? received.text() : received.bytes
    const parsed = parseAppendNext(text, { after, nestingMax: nestingMax(true) })
    if (parsed.ok) return parsed.value
    if (received.kind === 'literal') {
      const hung = await passOver(conversation, received.literal)
      if (hung !== null) return hung
    }
    return bad(parsed.error.message)
  }
}

/** The rest of a command that is wrong already, as far as it comes unasked. @returns null, or the end of the connection */
async function passOver(conversation: In, first: Literal): Promise<Tagged | null> {
  const { input, messageMaxOctets } = conversation
  for (let literal = first; ;) {
    input.reader.pass()
    if (literal.synchronising) return null
    if (literal.sizeOctets > messageMaxOctets) return hangUp(conversation)
    await eachChunk(conversation, literal.sizeOctets, async () => {})
    let received = input.reader.next()
    for (; received.kind === 'need-more'; received = input.reader.next()) await conversation.more()
    if (received.kind !== 'literal') return null
    literal = received.literal
  }
}
