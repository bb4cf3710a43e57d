import {
  MANAGESIEVE_BEFORE_LOGIN_MAX_OCTETS,
  MANAGESIEVE_LINE_MAX_OCTETS,
  MANAGESIEVE_LITERAL_SKIP_MAX_OCTETS,
  SIEVE_SCRIPT_MAX_OCTETS,
} from '../../model/limits.ts'
import { announcedLiteral } from '../../protocol/managesieve/command.ts'
import type { BadLine } from '../../protocol/framer/framer.ts'
import type { ManageSieveContext } from './context.ts'

export type CommandRead =
  | { readonly at: 'command'; readonly bytes: Buffer }
  /** It is read to its end, and gone. */
  | { readonly at: 'bad'; readonly why: BadLine | 'too-large' }
  /** More is announced than will be read: where the next command begins cannot be known. */
  | { readonly at: 'flood' }

const CRLF = Buffer.from('\r\n')

/**
 * One command with its literals, without its last CRLF. A literal that is too large is read and thrown away, so that
 * the answer can be a NO (RFC 5804 §2.6). @throws ConversationOver, ConnectionLost
 */
export async function readCommand(
  { input, scripts }: Pick<ManageSieveContext, 'input' | 'scripts'>,
  timeoutMs: number,
): Promise<CommandRead> {
  const literalsMax = scripts === null ? MANAGESIEVE_BEFORE_LOGIN_MAX_OCTETS : SIEVE_SCRIPT_MAX_OCTETS
  const skipMax = scripts === null ? MANAGESIEVE_BEFORE_LOGIN_MAX_OCTETS : MANAGESIEVE_LITERAL_SKIP_MAX_OCTETS
  const parts: Buffer[] = []
  let lines = 0
  let literals = 0
  for (;;) {
    const framed = await input.line({ timeoutMs, mayDrain: parts.length === 0 })
    if (framed.kind === 'bad') return { at: 'bad', why: framed.why }
    lines += framed.line.length
    if (lines > MANAGESIEVE_LINE_MAX_OCTETS) return { at: 'flood' }
    const size = announcedLiteral(framed.line)
    if (literals <= literalsMax) parts.push(framed.line)
    if (size === null) break
    literals += size
    if (literals > skipMax) return { at: 'flood' }
    const isKept = literals <= literalsMax
    if (isKept) parts.push(CRLF)
    else parts.length = 0
    for (let wanted = size; wanted > 0;) {
      const piece = input.framer.take(wanted)
      if (piece === null) {
        await input.more(timeoutMs)
        continue
      }
      wanted -= piece.length
      if (isKept) parts.push(piece)
    }
  }
  return literals > literalsMax ? { at: 'bad', why: 'too-large' } : { at: 'command', bytes: Buffer.concat(parts) }
}
