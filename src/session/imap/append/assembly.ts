import { StoreError, type Mailboxes, type MessageSink, type StagedMessage } from '../../../core/contract.ts'
import { bad, no, type Tagged } from '../command.ts'
import { unavailable } from '../problems.ts'

/** One message on its way into the store, from one literal or from many parts (RFC 4469). */
export type Assembly = {
  octets(): number
  /** @param chunk `binary`: from a literal8, which may hold NUL */
  add(chunk: Uint8Array, options: { binary: boolean }): Promise<void>
  finish(): Promise<{ readonly staged: StagedMessage } | { readonly refused: Tagged }>
  /** After `finish`, nothing. */
  abort(): Promise<void>
}

export function openAssembly(handle: Mailboxes): Assembly {
  const sink: MessageSink = handle.open()
  let octets = 0
  let failure: StoreError | null = null
  let hasNul = false
  let finished = false
  return {
    octets: () => octets,
    async add(chunk, { binary }) {
      octets += chunk.length
      hasNul ||= !binary && chunk.includes(0)
      // What has been asked for comes, also when there is no room for it (R6).
      if (failure === null) failure = await sink.write(chunk).then(() => null, onlyStoreError)
    },
    async finish() {
      if (failure !== null) return { refused: unavailable(failure) }
      if (hasNul) return { refused: bad('NUL in a literal; send a literal8') } // RFC 9051 §4.3, RFC 3516 §4.4
      finished = true
      const staged = await sink.finish().catch(onlyStoreError)
      if (staged instanceof StoreError) return { refused: unavailable(staged) }
      if ('at' in staged) return { refused: no(`Message refused: ${staged.why}`, 'CANNOT') }
      return { staged }
    },
    async abort() {
      if (!finished) await sink.abort()
    },
  }
}

export function onlyStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  throw error
}
