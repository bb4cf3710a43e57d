import type { Connection } from '../../model/connection.ts'

/** Small answers wait for one another up to this many octets. */
const WRITE_OCTETS = 16 * 1024

export type Output = {
  /** Resolves when there is room for more. @throws ConnectionLost */
  write(piece: string | Uint8Array): Promise<void> | undefined
  flush(): Promise<void>
}

/** Groups the outgoing octets of a command: one write per 16 KiB, and at its end. */
export function createOutput(connection: Connection): Output {
  let text = ''
  let pieces: Uint8Array[] = []
  let octets = 0

  const flush = async (): Promise<void> => {
    if (octets === 0) return
    let data: string | Uint8Array = text
    if (pieces.length > 0) {
      if (text !== '') pieces.push(Buffer.from(text))
      data = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    }
    text = ''
    pieces = []
    octets = 0
    await connection.write(data)
  }

  return {
    write(piece) {
      if (typeof piece === 'string') text += piece
      else {
        if (text !== '') pieces.push(Buffer.from(text))
        text = ''
        pieces.push(piece)
      }
      octets += piece.length
      return octets >= WRITE_OCTETS ? flush() : undefined
    },
    flush,
  }
}
