/** What travels to the writer: commands with all that can be worked out in the caller's thread worked out there. */
import { crc32 } from 'node:zlib'
import { assert } from '../../std/assert.ts'
import type {
  AcceptInput,
  Command,
  CommandName,
  Commands,
  MessageDraft,
  Remembered,
  SentBy,
  StagedBody,
} from '../contract.ts'
import { encodeSummary } from './summary-codec.ts'
import { type ThreadKeys, threadKeys } from './thread-key.ts'

export type PreparedBody =
  | { readonly kind: 'memory'; readonly bytes: Uint8Array; readonly crc32: number }
  | Extract<StagedBody, { kind: 'file' }>

export type PreparedMessage = {
  readonly body: PreparedBody
  readonly summary: string
  readonly thread: ThreadKeys
}
export type PreparedAccept = Omit<AcceptInput, 'message'> & { readonly message: PreparedMessage }
export type PreparedAcceptance = PreparedAccept & {
  readonly further?: readonly PreparedAccept[]
  readonly remember?: readonly Remembered[]
  readonly sentBy?: SentBy
}
type AppendInput = Commands['append']['input']
export type PreparedAppend = Omit<AppendInput, 'messages'> & {
  readonly messages: readonly (Omit<AppendInput['messages'][number], keyof MessageDraft> & PreparedMessage)[]
}
export type PreparedSettle = Omit<Commands['settle']['input'], 'notices'> & {
  readonly notices: readonly PreparedAccept[]
}

export type PreparedInputs = {
  [K in CommandName]: K extends 'accept'
    ? PreparedAcceptance
    : K extends 'append'
      ? PreparedAppend
      : K extends 'settle'
        ? PreparedSettle
        : Readonly<Commands[K]['input']>
}
export type PreparedCommand = { [K in CommandName]: { readonly do: K } & PreparedInputs[K] }[CommandName]

export function prepare(command: Command): PreparedCommand {
  switch (command.do) {
    case 'accept': {
      const { further = [], ...one } = command
      return { ...one, message: prepareMessage(one.message), further: further.map(prepareAccept) }
    }
    case 'append':
      return { ...command, messages: command.messages.map((draft) => ({ ...draft, ...prepareMessage(draft) })) }
    case 'settle':
      return {
        ...command,
        notices: command.notices.map(prepareAccept),
      }
    default:
      return command
  }
}

/** The bodies a command brings, whose bytes must be kept before its rows. */
export function bodiesOf(command: PreparedCommand): readonly PreparedBody[] {
  switch (command.do) {
    case 'accept':
      return [command.message.body, ...(command.further ?? []).map(({ message }) => message.body)]
    case 'append':
      return command.messages.map(({ body }) => body)
    case 'settle':
      return command.notices.map(({ message }) => message.body)
    default:
      return []
  }
}

export const bodyOctets = (body: PreparedBody): number =>
  body.kind === 'memory' ? body.bytes.byteLength : body.sizeOctets

const prepareAccept = (input: AcceptInput): PreparedAccept => ({ ...input, message: prepareMessage(input.message) })

const prepareMessage = (draft: MessageDraft): PreparedMessage => ({
  body: prepareBody(draft.body),
  summary: encodeSummary(draft.summary),
  thread: threadKeys(draft.summary),
})

function prepareBody(body: StagedBody): PreparedBody {
  if (body.kind === 'file') return body
  // Its buffer may have gone to the writer's thread with an earlier command.
  assert(!(body.bytes.buffer as ArrayBuffer).detached, 'a staged body is used once')
  return { kind: 'memory', bytes: body.bytes, crc32: crc32(body.bytes) }
}

export const octetsOf = (command: PreparedCommand): number =>
  bodiesOf(command).reduce((sum, body) => sum + bodyOctets(body), 0)

/** Octets that travel with the command; a staged file's stay where they are. */
export const memoryOctetsOf = (command: PreparedCommand): number =>
  bodiesOf(command).reduce((sum, body) => (body.kind === 'memory' ? sum + body.bytes.byteLength : sum), 0)
