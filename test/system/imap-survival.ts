/** R3, R24: what each mailbox must be after an accident, by what its one client was told. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { PEOPLE, type Gavan, type User } from '../interop/gavan.ts'
import { talkTo, type Talk } from './talk.ts'

type Message = { readonly id: string; readonly flags: Set<string> }

/** What was asked and not answered: it may have happened. */
export type Unknown =
  | { readonly do: 'append'; readonly id: string }
  | { readonly do: 'store'; readonly uid: number; readonly flag: string }
  | { readonly do: 'expunge'; readonly uid: number }

/** One mailbox with one client, which asks one thing at a time. */
export type MailboxBooks = {
  readonly user: User
  readonly name: string
  uidValidity: number | null
  /** The highest that was told. */
  uidNext: number
  modSeq: number
  /** Acknowledged, by UID. */
  readonly messages: Map<number, Message>
  /** Acknowledged as gone: these UIDs never come again. */
  readonly gone: Set<number>
  unknown: Unknown | null
}

export const openMailboxBooks = (count: number): MailboxBooks[] =>
  Array.from({ length: count }, (_, index) => ({
    user: PEOPLE[index % PEOPLE.length]!,
    name: `Load-${index}`,
    uidValidity: null,
    uidNext: 1,
    modSeq: 0,
    messages: new Map(),
    gone: new Set(),
    unknown: null,
  }))

const numberIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN)

/** Signs in and selects the mailbox, made when it is missing. What is told of UIDs and MODSEQ is held to what was told before. */
export async function openMailbox(gavan: Gavan, books: MailboxBooks): Promise<Talk> {
  const { user, name } = books
  const talk = talkTo({ port: gavan.ports.imaps, ca: readFileSync(gavan.caFile, 'utf8') })
  try {
    await talk.hear(/^\* OK.*\r\n/m)
    const password = Buffer.from(`\0${user.address}\0${user.password}`).toString('base64')
    await talk.ask(`l AUTHENTICATE PLAIN ${password}`, /^l OK.*\r\n/m)
    if (books.uidValidity === null) await talk.ask(`c CREATE ${name}`, /^c (?:OK|NO \[ALREADYEXISTS\]).*\r\n/m)
    const told = await talk.ask(`s SELECT ${name} (CONDSTORE)`, /^s OK.*\r\n/m)
    const uidValidity = numberIn(told, /\[UIDVALIDITY (\d+)\]/)
    const uidNext = numberIn(told, /\[UIDNEXT (\d+)\]/)
    const modSeq = numberIn(told, /\[HIGHESTMODSEQ (\d+)\]/)
    if (books.uidValidity !== null) assert.equal(uidValidity, books.uidValidity, `${name}: UIDVALIDITY stays`)
    assert.ok(uidNext >= books.uidNext, `${name}: UIDNEXT falls from ${books.uidNext} to ${uidNext}`)
    assert.ok(modSeq >= books.modSeq, `${name}: HIGHESTMODSEQ falls from ${books.modSeq} to ${modSeq}`)
    Object.assign(books, { uidValidity, uidNext, modSeq })
    return talk
  } catch (error) {
    talk[Symbol.dispose]()
    throw error
  }
}

async function fetchAll(talk: Talk): Promise<Map<number, Message>> {
  const text = await talk.ask('f UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-LOAD)])', /^f OK.*\r\n/m)
  const found = new Map<number, Message>()
  for (const [, before = '', id = ''] of text.matchAll(/^\* \d+ FETCH (.*\r\n)X-Load: (\S+)\r\n/gim)) {
    const uid = numberIn(before, /UID (\d+)/)
    const flags = /FLAGS \(([^)]*)\)/.exec(before)?.[1] ?? ''
    found.set(uid, { id, flags: new Set(flags.split(' ').filter((flag) => flag !== '')) })
  }
  return found
}

const sorted = (flags: ReadonlySet<string>): string[] => [...flags].toSorted()

function assertMailbox(books: MailboxBooks, found: ReadonlyMap<number, Message>, before: number): void {
  const { name, messages, gone, unknown } = books
  for (const [uid, { id, flags }] of messages) {
    const now = found.get(uid)
    if (now === undefined) {
      assert.ok(unknown?.do === 'expunge' && unknown.uid === uid, `${name}: UID ${uid} is lost`)
      continue
    }
    assert.equal(now.id, id, `${name}: UID ${uid} is another letter`)
    const maybe = unknown?.do === 'store' && unknown.uid === uid ? unknown.flag : null
    const [have, want] = [new Set(now.flags), new Set(flags)]
    if (maybe !== null) for (const set of [have, want]) set.delete(maybe)
    assert.deepEqual(sorted(have), sorted(want), `${name}: flags of UID ${uid}`)
  }
  const more = [...found].filter(([uid]) => !messages.has(uid))
  for (const [uid, { id, flags }] of more) {
    assert.ok(!gone.has(uid), `${name}: UID ${uid} was expunged, and is there`)
    assert.ok(unknown?.do === 'append' && unknown.id === id, `${name}: ${id} was never asked for`)
    assert.ok(uid >= before, `${name}: UID ${uid} is given again`)
    assert.deepEqual(sorted(flags), [])
  }
  assert.ok(more.length <= 1, `${name}: an unanswered APPEND came twice`)
}

/** Holds each mailbox to its books, then takes what is there for what is. @throws AssertionError with the first difference */
export async function assertMailboxes(gavan: Gavan, all: readonly MailboxBooks[]): Promise<void> {
  for (const books of all) {
    if (books.uidValidity === null) continue
    const before = books.uidNext
    using talk = await openMailbox(gavan, books)
    const found = await fetchAll(talk)
    assertMailbox(books, found, before)
    for (const uid of books.messages.keys()) if (!found.has(uid)) books.gone.add(uid)
    books.messages.clear()
    for (const [uid, message] of found) books.messages.set(uid, message)
    books.unknown = null
  }
}
