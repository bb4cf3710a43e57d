import type { User } from '../server/server.ts'
import { openWire, type Heard, type Wire } from './wire.ts'

export type Imap = {
  readonly wire: Wire
  /** Sends a command and waits for its OK. @throws on NO and BAD */
  command(text: string): Promise<Heard>
  append(mailbox: string, letters: readonly Buffer[]): Promise<void>
  /** Messages in a mailbox, by STATUS. */
  count(mailbox: string): Promise<number>
  /** Resolves once the server waits with us (RFC 2177). */
  idle(): Promise<void>
  close(): void
}

/** Port 993, signed in. */
export async function openImap(port: number, user: User): Promise<Imap> {
  const wire = await openWire({ port, tls: true })
  await wire.line()
  let serial = 0
  const finish = async (tag: string, what: string): Promise<Heard> => {
    const heard = await wire.untilLine(`${tag} `)
    const last = heard.text.slice(heard.text.lastIndexOf(`${tag} `))
    if (!last.startsWith(`${tag} OK`)) throw new Error(`IMAP: ${what.slice(0, 60)}: ${last}`)
    return heard
  }
  const imap: Imap = {
    wire,
    async command(text) {
      const tag = `a${++serial}`
      wire.write(`${tag} ${text}\r\n`)
      return finish(tag, text)
    },
    async append(mailbox, letters) {
      const tag = `a${++serial}`
      wire.write(`${tag} APPEND ${mailbox}`)
      for (const letter of letters) {
        wire.write(` {${letter.length}+}\r\n`) // LITERAL+, which both announce
        wire.write(letter)
      }
      wire.write('\r\n')
      await finish(tag, 'APPEND')
    },
    async count(mailbox) {
      const { text } = await imap.command(`STATUS ${mailbox} (MESSAGES)`)
      return Number(/MESSAGES (\d+)/.exec(text)?.[1])
    },
    async idle() {
      wire.write(`a${++serial} IDLE\r\n`)
      await wire.untilLine('+ ')
    },
    close: () => wire.close(),
  }
  await imap.command(`LOGIN ${user.address} ${user.password}`)
  return imap
}
