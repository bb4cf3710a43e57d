import { StoreError, type FlagRow, type Mailboxes, type StoredMessage } from '../../../core/contract.ts'
import type { Uid } from '../../../model/ids.ts'
import type { MailboxEntry } from '../../../model/mailbox.ts'
import type { Feature } from '../command.ts'
import { placeFrom } from '../selected.ts'
import { fetchHead } from '../uid-only.ts'
import { CHUNK_OCTETS, printBody, sourceOf, UnknownEncoding, weigh, type BodyItem } from './body.ts'

type Candidate = MailboxEntry | StoredMessage
type Piece = string | Uint8Array

export type Plan = {
  plain(message: Candidate): string
  plainIfSeen(message: Candidate): string
  /** Messages whose \Seen this command set. */
  readonly seen: ReadonlySet<Uid>
  readonly bodies: readonly BodyItem[]
  readonly enabled: ReadonlySet<Feature>
}

export type Printed = { readonly printed: number; readonly unreadable: number; readonly unknownEncoding: boolean }

/** Half an answer is out and the rest cannot be had: the connection is of no more use. */
export class BrokenAnswer extends Error {
  override name = 'BrokenAnswer'
}

/** Small bodies read side by side: at most so many, and so many octets together. */
const GROUP_MESSAGES = 16
const GROUP_OCTETS = 8 * CHUNK_OCTETS

/** FETCH responses, in the order of the numbers. */
export async function* printMessages(
  handle: Mailboxes,
  uids: Uint32Array,
  batches: AsyncIterable<readonly Candidate[]>,
  plan: Plan,
): AsyncGenerator<Piece, Printed, void> {
  const { bodies } = plan
  const tally = { printed: 0, unreadable: 0, unknownEncoding: false }
  const plain = (message: Candidate): string =>
    plan.seen.has(message.uid) ? plan.plainIfSeen(message) : plan.plain(message)
  let place = 0
  for await (const batch of batches) {
    if (batch.length > 0) place = Math.max(place, placeFrom(uids, batch[0]!.uid))
    let text = ''
    let group: Promise<Piece[] | null>[] = []
    let groupOctets = 0
    for (const message of batch) {
      while (place < uids.length && uids[place]! < message.uid) place++
      if (uids[place] !== message.uid) continue // not announced yet
      tally.printed++
      const head = fetchHead(plan.enabled, place + 1, message.uid) + plain(message)
      if (bodies.length === 0) {
        text += `${head})\r\n`
        continue
      }
      let octets = 0
      for (const item of bodies) octets += weigh(message, item)
      if (octets > CHUNK_OCTETS || group.length >= GROUP_MESSAGES || groupOctets + octets > GROUP_OCTETS) {
        yield* flush(group)
        group = []
        groupOctets = 0
      }
      const pieces = printOne(handle, message, { head, bodies })
      if (octets <= CHUNK_OCTETS) {
        group.push(gather(pieces, tally))
        groupOctets += octets
      } else yield* stream(pieces, tally)
    }
    yield* flush(group)
    if (text !== '') yield text
  }
  return tally
}

/** As `printMessages`, of flags and uids alone. @returns how many it printed */
export async function* printFlagRows(
  uids: Uint32Array,
  batches: AsyncIterable<readonly FlagRow[]>,
  { plain, enabled }: { plain(row: FlagRow): string; enabled: ReadonlySet<Feature> },
): AsyncGenerator<string, number, void> {
  let printed = 0
  let place = 0
  for await (const batch of batches) {
    if (batch.length > 0) place = Math.max(place, placeFrom(uids, batch[0]!.uid))
    let text = ''
    for (const row of batch) {
      while (place < uids.length && uids[place]! < row.uid) place++
      if (uids[place] !== row.uid) continue // not announced yet
      printed++
      text += `${fetchHead(enabled, place + 1, row.uid)}${plain(row)})\r\n`
    }
    if (text !== '') yield text
  }
  return printed
}

async function* printOne(
  handle: Mailboxes,
  message: Candidate,
  { head, bodies }: { head: string; bodies: readonly BodyItem[] },
): AsyncGenerator<Piece, void, void> {
  const source = sourceOf(handle, message, bodies)
  let lead = head.endsWith('(') ? head : `${head} `
  for (const item of bodies) {
    for await (const piece of printBody(source, message, item)) {
      if (lead !== '') yield typeof piece === 'string' ? lead + piece : lead
      if (lead === '' || typeof piece !== 'string') yield piece
      lead = ''
    }
    lead = ' '
  }
  yield ')\r\n'
}

type Tally = { unreadable: number; unknownEncoding: boolean }

/** One message that cannot be read does not keep the others back (R11). Anything but that is thrown on. */
function excuse(error: unknown, tally: Tally): void {
  if (error instanceof UnknownEncoding) tally.unknownEncoding = true
  else if (error instanceof StoreError) tally.unreadable++
  else throw error
}

async function gather(pieces: AsyncIterable<Piece>, tally: Tally): Promise<Piece[] | null> {
  const all: Piece[] = []
  try {
    for await (const piece of pieces) all.push(piece)
    return all
  } catch (error) {
    excuse(error, tally)
    return null
  }
}

async function* flush(group: readonly Promise<Piece[] | null>[]): AsyncGenerator<Piece, void, void> {
  const settled = await Promise.all(group)
  for (const pieces of settled) if (pieces !== null) yield* pieces
}

async function* stream(pieces: AsyncIterable<Piece>, tally: Tally): AsyncGenerator<Piece, void, void> {
  let started = false
  try {
    for await (const piece of pieces) {
      started = true
      yield piece
    }
  } catch (error) {
    if (started) throw new BrokenAnswer('a message could not be read to its end', { cause: error })
    excuse(error, tally)
  }
}
