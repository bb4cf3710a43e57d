import { StoreError } from '../../core/contract.ts'
import { IMAP_ERRORS_MAX, IMAP_LITERAL_SKIP_MAX_OCTETS, STRESS_ERRORS_MAX } from '../../model/limits.ts'
import { attempt, Cursor, Fault } from '../../protocol/imap/cursor.ts'
import type { Received } from '../../protocol/imap/reader.ts'
import { bad, no, printTagged, type At, type Command, type Conversation, type Tagged } from './command.ts'
import { eachChunk, hangUp } from './command/append.ts'
import { nestingMax } from './nesting.ts'
import { tellEntries } from './metadata.ts'
import { tellSelected } from './notify/tell.ts'
import { unavailable } from './problems.ts'
import { commandNamed, streamedNamed } from './registry.ts'
import type { OpenConversation } from './session.ts'
import { refusesNumbers } from './uid-only.ts'

/** What the session does next. */
export type Next = 'go-on' | 'more' | NonNullable<Tagged['then']> | 'refused' | 'deleted'

export type Runner = {
  /** Takes what has come in as far as one command goes. @throws Ended, ConnectionLost, and our own errors */
  step(): Promise<Next>
}

export function createRunner(session: OpenConversation): Runner {
  const { reader } = session.input
  let errors = 0
  const loggedIn = (): boolean => session.state.at !== 'connected'

  const finish = async (tag: string, tagged: Tagged): Promise<Next> => {
    await session.output.write(printTagged(tag, tagged))
    // A pipelined command that takes long must not hold this answer back; the connection joins writes of one turn.
    await session.output.flush()
    session.active()
    if (tagged.then !== undefined) return tagged.then
    if (tagged.status === 'BAD') {
      const errorsMax = !loggedIn() && session.load.stressed ? STRESS_ERRORS_MAX : IMAP_ERRORS_MAX
      if (++errors >= errorsMax) return 'refused'
    } else if (tagged.status === 'OK' && loggedIn()) errors = 0
    return session.state.at === 'selected' && session.state.selected.gone ? 'deleted' : 'go-on'
  }

  const onBad = (received: Extract<Received, { kind: 'bad' }>): Promise<Next> =>
    finish(received.tag ?? '*', bad(BAD_LINES[received.why]))

  const onLiteral = async ({ head, text, literal }: Extract<Received, { kind: 'literal' }>): Promise<Next> => {
    const command = streamedIn(head)
    const started =
      (command === undefined ? null : refusesNumbers(session.enabled, command.name)) ??
      command?.start(text(), { form: session.form(), nestingMax: nestingMax(true) }) ??
      NO_MESSAGE
    if (command !== undefined && started.ok && started.value !== null) return stream(command, started.value)
    if (started.ok && reader.fits(literal)) {
      reader.keep(literal)
      if (literal.synchronising) await session.output.write('+ OK\r\n')
      return 'go-on'
    }
    return refuseLiteral(text(), literal.sizeOctets, {
      synchronising: literal.synchronising,
      tagged: started.ok ? no('Literal is too big', 'TOOBIG') : faulty(started.error),
    })
  }

  /** A command that carries messages, where it may stand. */
  const streamedIn = (line: Buffer): StreamedHere | undefined => {
    const command = loggedIn() ? streamedNamed(nameIn(line)) : undefined
    return command?.states.includes(session.state.at) === true ? command : undefined
  }

  const stream = async (command: StreamedHere, start: { readonly tag: string }): Promise<Next> => {
    session.tag = start.tag
    const running = async (): Promise<Tagged> => {
      const tagged = await command.run(session as unknown as Conversation<'logged-in' | 'selected'>, start)
      if (tagged.then === undefined) await tell(session, 'all')
      return tagged
    }
    return finish(start.tag, await guarded(running))
  }

  /** RFC 9051 §4.3: refused before it is read. What comes unasked is passed over while it is small, else the line is cut. */
  const refuseLiteral = async (
    text: Buffer,
    sizeOctets: number,
    { synchronising, tagged }: { synchronising: boolean; tagged: Tagged },
  ): Promise<Next> => {
    const tag = tagOrStar(text)
    reader.drop()
    if (synchronising) return finish(tag, { ...tagged, status: loggedIn() ? tagged.status : 'BAD' })
    if (!loggedIn() || sizeOctets > IMAP_LITERAL_SKIP_MAX_OCTETS) return finish(tag, await hangUp(session))
    await eachChunk(session, sizeOctets, async () => {})
    // The rest of the command's line goes with it.
    for (let rest = reader.next(); rest.kind !== 'command' && rest.kind !== 'bad'; rest = reader.next()) {
      if (rest.kind === 'literal') return finish(tag, await hangUp(session))
      await session.more()
    }
    return finish(tag, tagged)
  }

  const onCommand = async (bytes: Buffer): Promise<Next> => {
    const streamed = streamedIn(bytes)
    if (streamed !== undefined) {
      // All of it stands in lines (RFC 4469: URLs alone).
      const started =
        refusesNumbers(session.enabled, streamed.name) ??
        streamed.start(bytes, { form: session.form(), nestingMax: nestingMax(true) })
      if (!started.ok) return finish(tagOrStar(bytes), faulty(started.error))
      if (started.value !== null) return stream(streamed, started.value)
    }
    const parsed = parseCommand(session, bytes)
    if (!parsed.ok) return finish(parsed.tag, parsed.tagged)
    session.tag = parsed.tag
    return finish(parsed.tag, await guarded(() => run(session, parsed.command, parsed.args)))
  }

  /** Faults found late and a store that does not answer are answers; other errors end the session (R31). */
  const guarded = async (work: () => Promise<Tagged>): Promise<Tagged> => {
    try {
      return await work()
    } catch (error) {
      if (error instanceof Fault) return faulty(error)
      if (!(error instanceof StoreError)) throw error
      session.log.error({ event: 'imap.store.failed', kind: error.kind, error: error.message })
      return unavailable(error)
    }
  }

  return {
    async step() {
      const received = reader.next()
      switch (received.kind) {
        case 'need-more':
          return 'more'
        case 'bad':
          return onBad(received)
        case 'literal':
          return onLiteral(received)
        case 'command':
          return onCommand(received.bytes)
      }
    },
  }
}

type StreamedHere = NonNullable<ReturnType<typeof streamedNamed>>

const NO_MESSAGE = { ok: true, value: null } as const

const BAD_LINES = {
  'bare-lf': 'Lines end with CRLF',
  'bare-cr': 'Bare CR in command',
  nul: 'NUL in command',
  'line-too-long': 'Command line is too long',
  'command-too-long': 'Command is too long',
} as const

const faulty = ({ status, code, message }: Fault): Tagged =>
  code === null ? { status, text: message } : { status, code, text: message }

function tagOrStar(bytes: Buffer): string {
  const tag = attempt(() => new Cursor(bytes, { nestingMax: 1 }).tag())
  return tag.ok ? tag.value : '*'
}

/** The command's name in a first line that may not be whole; empty when there is none. */
function nameIn(line: Buffer): string {
  const name = attempt(() => {
    const cursor = new Cursor(line, { nestingMax: 1 })
    cursor.tag()
    cursor.space()
    return nameAt(cursor)
  })
  return name.ok ? name.value : ''
}

type Parsed =
  | { readonly ok: true; readonly tag: string; readonly command: Command; readonly args: unknown }
  | { readonly ok: false; readonly tag: string; readonly tagged: Tagged }

function parseCommand(session: OpenConversation, bytes: Buffer): Parsed {
  const tag = tagOrStar(bytes)
  const { at } = session.state
  const outcome = attempt(() => {
    const cursor = new Cursor(bytes, { nestingMax: nestingMax(at !== 'connected') })
    cursor.tag()
    cursor.space()
    const command = commandAt(cursor)
    if (!command.states.includes(at)) throw new Fault(wrongState(command))
    const refused = refusesNumbers(session.enabled, command.name)
    if (refused !== null) throw refused.error
    const args = command.parse(cursor, session.form())
    cursor.end()
    return { command, args }
  })
  if (!outcome.ok) return { ok: false, tag, tagged: faulty(outcome.error) }
  return { ok: true, tag, ...outcome.value }
}

function nameAt(cursor: Cursor): string {
  const name = cursor.word()
  return name === 'UID' && cursor.skip(' ') ? `UID ${cursor.word()}` : name
}

function commandAt(cursor: Cursor): Command {
  const name = nameAt(cursor)
  const command = commandNamed(name)
  // One that carries messages gets here only where it may not stand.
  const streamed = command === undefined ? streamedNamed(name) : undefined
  if (streamed !== undefined) throw new Fault(wrongState(streamed))
  if (command === undefined) throw new Fault('Unknown command')
  return command
}

function wrongState({ states }: { readonly states: readonly At[] }): string {
  if (!states.includes('connected')) return states.includes('logged-in') ? 'Log in first' : 'No mailbox is selected'
  return 'Already logged in'
}

async function run(session: OpenConversation, command: Command, args: unknown): Promise<Tagged> {
  const { output } = session
  const answer = command.run(session, args)
  let step = await answer.next()
  try {
    for (; step.done !== true; step = await answer.next()) {
      const room = output.write(step.value)
      if (room !== undefined) await room
    }
  } catch (error) {
    await answer.return(undefined as never)
    throw error
  }
  if (step.value.then === undefined) await tell(session, command.tells ?? 'all')
  return step.value
}

/** What changed meanwhile, before the tagged line. */
async function tell(session: OpenConversation, what: 'all' | 'no-expunge'): Promise<void> {
  for await (const piece of tellSelected(session, { expunge: what === 'all' })) await session.output.write(piece)
  for await (const piece of tellEntries(session)) await session.output.write(piece)
}
