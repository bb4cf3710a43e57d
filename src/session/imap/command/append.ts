import {
  StoreError,
  type AppendDraft,
  type Mailboxes,
  type MessageSink,
  type StagedMessage,
} from '../../../core/contract.ts'
import type { MailboxId } from '../../../model/ids.ts'
import { IMAP_MESSAGES_PER_APPEND_MAX } from '../../../model/limits.ts'
import {
  parseAppendNext,
  parseAppendStart,
  type AppendMessage,
  type AppendStart,
} from '../../../protocol/imap/command/append.ts'
import type { Literal } from '../../../protocol/imap/reader.ts'
import { bad, no, ok, streamed, untagged, type Conversation, type Session, type Tagged } from '../command.ts'
import { printNumbers } from '../../../protocol/imap/sequence-set.ts'
import { nestingMax } from '../nesting.ts'
import { noteOwn } from '../notify/watch.ts'
import { problem, tryCreate, unavailable } from '../problems.ts'

type In = Conversation<'logged-in' | 'selected'>

/** What became of reading one message. */
type Read = { readonly staged: StagedMessage } | { readonly refused: Tagged }

export const append = streamed({
  name: 'APPEND',
  rfc: 'RFC 9051 §6.3.12',
  capability: 'MULTIAPPEND', // RFC 3502
  start: parseAppendStart,
  run: appendMessages,
})

/** Messages stream to the store and are never held whole. All or none are kept (RFC 3502 §6). */
async function appendMessages(conversation: In, start: AppendStart): Promise<Tagged> {
  const { handle } = conversation.state
  const { messageMaxOctets } = conversation
  const { reader } = conversation.input
  const drafts: AppendDraft[] = []
  let taken = false
  try {
    // What fails before the octets are read must not leave them to be taken for commands.
    const target = await handle.find(start.mailbox).catch(onlyStoreError)
    let refused: Tagged | null =
      target === null ? tryCreate() : target instanceof StoreError ? unavailable(target) : null
    let room = target === null || target instanceof StoreError ? NO_ROOM : await roomLeft(handle, target.mailboxId)
    for (let message = start.message; ;) {
      reader.pass()
      room = { octets: room.octets - message.literal.sizeOctets, messages: room.messages - 1 }
      refused ??=
        tooBig(message.literal, messageMaxOctets) ??
        tooMany(drafts) ??
        (room.octets < 0 || room.messages < 0 ? overQuota() : null)
      if (refused !== null && !comesAnyway(message.literal)) return refused
      if (message.literal.sizeOctets > messageMaxOctets) return await hangUp(conversation)
      if (refused !== null) await eachChunk(conversation, message.literal.sizeOctets, async () => {})
      else {
        const read = await readMessage(conversation, message)
        if ('refused' in read) refused = read.refused
        else drafts.push({ message: read.staged, flags: message.flags, internalDate: message.internalDate })
      }
      const next = await nextMessage(conversation, message)
      if (next === 'end') break
      if ('status' in next) return refused ?? next
      message = next
    }
    if (refused !== null || target === null || target instanceof StoreError) return refused ?? tryCreate()
    const outcome = await handle.append(target.mailboxId, drafts)
    if (outcome.at === 'not-found') return tryCreate()
    if (outcome.at !== 'done') return problem(outcome)
    taken = true
    if (conversation.state.at === 'selected') conversation.state.selected.dirty = true
    noteOwn(conversation, target.mailboxId, outcome.uids)
    return ok('Append completed', `APPENDUID ${outcome.uidValidity} ${printNumbers(outcome.uids)}`)
  } finally {
    if (!taken) for (const { message } of drafts) await handle.discard(message).catch(onlyStoreError)
  }
}

/** RFC 9051 §6.3.12, RFC 7889: told before the octets are asked for. */
const tooBig = (literal: Literal, messageMaxOctets: number): Tagged | null =>
  literal.sizeOctets > messageMaxOctets ? no('Message is too big', 'TOOBIG') : null

const tooMany = (drafts: readonly AppendDraft[]): Tagged | null =>
  drafts.length >= IMAP_MESSAGES_PER_APPEND_MAX ? no('Too many messages at once', 'LIMIT') : null

const overQuota = (): Tagged => problem({ at: 'over-quota' })

type Room = { readonly octets: number; readonly messages: number }
const NO_ROOM: Room = { octets: 0, messages: 0 }

/** Until the quota; the store has the last word when the messages are kept. */
async function roomLeft(handle: Mailboxes, mailboxId: MailboxId): Promise<Room> {
  const quota = await handle.quotaOf(mailboxId).catch(onlyStoreError)
  if (quota instanceof StoreError || 'at' in quota) return { octets: Infinity, messages: Infinity }
  const { limitOctets, limitMessages, usedOctets, messages } = quota
  return { octets: (limitOctets ?? Infinity) - usedOctets, messages: (limitMessages ?? Infinity) - messages }
}

/** What the client waits to be asked for does not come after a refusal. */
const comesAnyway = (literal: Literal): boolean => !literal.synchronising

/** RFC 7888 §4: octets that nobody wants and that cannot be stopped otherwise. */
export async function hangUp({ output }: Session): Promise<Tagged> {
  await output.write(untagged('BYE Literal is too big'))
  return { ...no('Literal is too big', 'TOOBIG'), then: 'close' }
}

async function readMessage(conversation: In, { literal }: AppendMessage): Promise<Read> {
  const sink: MessageSink = conversation.state.handle.open()
  let failure: StoreError | null = null
  let hasNul = false
  let finished = false
  try {
    if (literal.synchronising) await conversation.output.write('+ Ready for the message\r\n')
    await eachChunk(conversation, literal.sizeOctets, async (chunk) => {
      hasNul ||= !literal.binary && chunk.includes(0)
      // What has been asked for comes, also when there is no room for it (R6).
      if (failure === null) failure = await failureOf(sink.write(chunk))
    })
    if (failure !== null) return { refused: unavailable(failure) }
    if (hasNul) return { refused: bad('NUL in a literal; send a literal8') } // RFC 9051 §4.3, RFC 3516 §4.4
    finished = true
    const staged = await sink.finish().catch(onlyStoreError)
    if (staged instanceof StoreError) return { refused: unavailable(staged) }
    if ('at' in staged) return { refused: no(`Message refused: ${staged.why}`, 'CANNOT') }
    return { staged }
  } finally {
    if (!finished) await sink.abort()
  }
}

const failureOf = (work: Promise<void>): Promise<StoreError | null> => work.then(() => null, onlyStoreError)

function onlyStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  throw error
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

/** Reads on behind a message's octets. */
async function nextMessage(conversation: In, { utf8 }: AppendMessage): Promise<AppendMessage | 'end' | Tagged> {
  const { reader } = conversation.input
  for (;;) {
    const received = reader.next()
    if (received.kind === 'need-more') {
      await conversation.more()
      continue
    }
    if (received.kind === 'bad') return bad('APPEND goes on wrongly')
    const text = received.kind === 'literal' ? received.text() : received.bytes
    const parsed = parseAppendNext(text, { utf8, nestingMax: nestingMax(true) })
    if (parsed.ok) return parsed.value
    if (received.kind === 'literal') {
      reader.pass()
      if (comesAnyway(received.literal)) {
        if (received.literal.sizeOctets > conversation.messageMaxOctets) return hangUp(conversation)
        await eachChunk(conversation, received.literal.sizeOctets, async () => {})
      }
    }
    return bad(parsed.error.message)
  }
}
