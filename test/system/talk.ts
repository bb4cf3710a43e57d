/** A peer of few words for the system tests: sends text, waits for a pattern in what it hears. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export type Talk = Disposable & {
  readonly socket: Socket
  /** All it has heard and not taken. */
  heard(): string
  /** Takes what was heard up to the pattern's end. @returns that @throws when the connection ends first, or after `timeoutMs` */
  hear(pattern: RegExp, timeoutMs?: number): Promise<string>
  send(text: string): void
  /** Sends a line, and hears. */
  ask(line: string, pattern: RegExp, timeoutMs?: number): Promise<string>
  readonly ended: boolean
}

export type TalkOptions = {
  readonly port: number
  /** The loopback address it comes from. */
  readonly from?: string
  /** PEM; then it begins with TLS. */
  readonly ca?: string
}

const HEAR_TIMEOUT_MS = 20_000

export function talkTo({ port, from, ca }: TalkOptions): Talk {
  const plain = connect({ port, host: '127.0.0.1', ...(from === undefined ? {} : { localAddress: from }) })
  plain.on('error', () => {})
  const socket = ca === undefined ? plain : connectTls({ socket: plain, ca, servername: 'localhost' })
  let text = ''
  let ended = false
  let wake: (() => void) | null = null
  const stir = (): void => wake?.()
  const end = (): void => {
    ended = true
    stir()
  }
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    text += chunk
    stir()
  })
  socket.on('error', () => {})
  socket.on('end', end)
  socket.on('close', end)

  const hear: Talk['hear'] = async (pattern, timeoutMs = HEAR_TIMEOUT_MS) => {
    const until = performance.now() + timeoutMs
    for (;;) {
      const found = pattern.exec(text)
      if (found !== null) {
        const at = found.index + found[0].length
        const taken = text.slice(0, at)
        text = text.slice(at)
        return taken
      }
      const left = until - performance.now()
      if (ended || left <= 0) throw new Error(`${ended ? 'the end' : 'silence'} instead of ${pattern}; heard: ${text}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      wake = null
    }
  }
  const send = (words: string): void => void socket.write(words, 'latin1')
  return {
    socket,
    hear,
    send,
    ask(line, pattern, timeoutMs) {
      send(`${line}\r\n`)
      return hear(pattern, timeoutMs)
    },
    heard: () => text,
    get ended() {
      return ended
    },
    [Symbol.dispose]() {
      socket.destroy()
      plain.destroy()
    },
  }
}

export const letterText = (id: string, octets = 200): string =>
  `From: <a@far.test>\r\nSubject: ${id}\r\nMessage-ID: <${id}@far.test>\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(Math.ceil(octets / 72))}`

/** One letter over SMTP from the greeting to QUIT. @returns the reply after the dot, or what came instead */
export async function deliverBy(talk: Talk, letter: { to: string; id: string; octets?: number }): Promise<string> {
  await talk.hear(/^220 .*\r\n/m)
  await talk.ask('EHLO peer.test', /^250 .*\r\n/m)
  await talk.ask('MAIL FROM:<a@far.test>', /^250.*\r\n/m)
  await talk.ask(`RCPT TO:<${letter.to}>`, /^250.*\r\n/m)
  await talk.ask('DATA', /^354.*\r\n/m)
  const reply = await talk.ask(`${letterText(letter.id, letter.octets)}.`, /^\d{3} .*\r\n/m)
  talk.send('QUIT\r\n')
  return reply
}

/** The numbers of /metrics, by name with labels. */
export async function numbersOf(port: number): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const numbers = new Map<string, number>()
  for (const [, name = '', value] of text.matchAll(/^([a-z_]+(?:\{[^}]*\})?) (\S+)$/gm))
    numbers.set(name, Number(value))
  return numbers
}

/** The sum over all labels of a metric. */
export function sumOf(numbers: ReadonlyMap<string, number>, name: string, label = ''): number {
  let sum = 0
  for (const [key, value] of numbers)
    if ((key === name || key.startsWith(`${name}{`)) && key.includes(label)) sum += value
  return sum
}
