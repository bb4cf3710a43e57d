/**
 * SMTP clients that send without pause and write down what they were told: acknowledged (the `250` after the dot was read), or
 * unknown (the dot went out and no answer came, or 4yz: a sync that failed may have kept it). Everything else was never taken.
 */
import { createHash, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export type Sent = { readonly id: string; readonly recipients: readonly string[]; readonly sha256: string }

export type Load = AsyncDisposable & {
  readonly acknowledged: readonly Sent[]
  readonly unknown: readonly Sent[]
  /** What is acknowledged from now on counts as unknown. */
  distrust(): void
  /** Replies that were neither 2yz nor 354, to see that the load was a load. */
  readonly refusals: readonly string[]
  stop(): Promise<void>
}

export type LoadOptions = {
  readonly port: number
  readonly connections: number
  readonly recipients: readonly string[]
  /** Now and then a letter of this many octets. */
  readonly largeOctets: number
}

/** The octets that must come back as they were: from this header on. */
export const CONTENT_STARTS = 'X-Load: '

const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex')

/** Hash of what we wrote, whatever trace fields were put before it. */
export const contentHash = (source: string): string => sha256(source.slice(source.indexOf(CONTENT_STARTS)))

function makeLetter(id: string, octets: number): string {
  const lines = randomBytes(Math.ceil(octets * 0.74))
    .toString('base64')
    .replace(/(.{76})/g, '$1\r\n')
  const headers = `From: <load@far.test>\r\nSubject: ${id}\r\nMessage-ID: <${id}@far.test>\r\n`
  return `${CONTENT_STARTS}${id}\r\n${headers}Date: Tue, 24 Nov 2026 00:00:00 +0000\r\n\r\n${lines}\r\n`
}

/** Replies of one connection, whole, in order; null at its end. */
async function* replies(socket: Socket): AsyncGenerator<string, void> {
  let text = ''
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1')
    for (let end = /^\d{3}(?: .*)?\r\n/m.exec(text); end !== null; end = /^\d{3}(?: .*)?\r\n/m.exec(text)) {
      yield text.slice(0, end.index + end[0].length)
      text = text.slice(end.index + end[0].length)
    }
  }
}

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!

export function startLoad(options: LoadOptions): Load {
  const acknowledged: Sent[] = []
  const unknown: Sent[] = []
  const refusals: string[] = []
  const sockets = new Set<Socket>()
  const ending = new AbortController()
  let trusted = true
  let serial = 0

  /** @returns false when the connection should end */
  async function sendOne(socket: Socket, next: () => Promise<string>): Promise<boolean> {
    const id = `load-${process.pid}-${options.port}-${Date.now()}-${++serial}`
    const body = makeLetter(id, Math.random() < 0.05 ? options.largeOctets : 500 + Math.random() * 5000)
    const recipients = [...new Set([pick(options.recipients), pick(options.recipients)])]
    const sent = { id, recipients, sha256: contentHash(body) }
    const opening = ['MAIL FROM:<load@far.test>', ...recipients.map((one) => `RCPT TO:<${one}>`), 'DATA']
    socket.write(opening.map((line) => `${line}\r\n`).join(''))
    for (let index = 0; index < opening.length; index++) {
      const reply = await next()
      if (/^[23]/.test(reply)) continue
      refusals.push(reply.trim())
      return false
    }
    // Base64: no line begins with a dot.
    socket.write(`${body}.\r\n`, 'latin1')
    let reply: string
    try {
      reply = await next()
    } catch (error) {
      unknown.push(sent)
      throw error
    }
    if (!reply.startsWith('250')) refusals.push(reply.trim())
    if (reply.startsWith('250') && trusted) acknowledged.push(sent)
    else if (!reply.startsWith('5')) unknown.push(sent)
    return reply.startsWith('250')
  }

  async function oneConnection(): Promise<void> {
    const socket = connect(options.port, '127.0.0.1')
    sockets.add(socket)
    const heard = replies(socket)
    const next = async (): Promise<string> => {
      const reply = await heard.next()
      if (reply.done === true) throw new Error('closed')
      return reply.value
    }
    try {
      await next()
      socket.write('EHLO load.test\r\n')
      await next()
      for (let count = 0; count < 50 && !ending.signal.aborted; count++) if (!(await sendOne(socket, next))) break
      socket.write('QUIT\r\n')
      await next()
    } catch {
      // The server was killed; what it owed us is written down.
    } finally {
      sockets.delete(socket)
      socket.destroy()
    }
  }

  const workers = Array.from({ length: options.connections }, async () => {
    while (!ending.signal.aborted) {
      await oneConnection()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })
  const stop = async (): Promise<void> => {
    ending.abort()
    for (const socket of sockets) socket.destroy()
    await Promise.all(workers)
  }
  return {
    acknowledged,
    unknown,
    refusals,
    distrust() {
      trusted = false
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
