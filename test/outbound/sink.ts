import { ConnectionLost, ReadTimedOut, type TlsFacts } from '../../src/model/connection.ts'
import { ConnectFailed, type ClientConnection, type Dialler } from '../../src/net/contract.ts'
import type { Clock } from '../../src/std/clock.ts'

export type SinkStage =
  | 'greeting'
  | 'ehlo'
  | 'helo'
  | 'starttls'
  | 'tls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'bdat'
  | 'dot'
  | 'rset'
  | 'quit'

/** What the sink has of one message when its end has come. */
export type Taken = {
  from: string
  to: string[]
  data: string
  host: string
  tls: boolean
  /** Its 250 was not heard. */ lost?: boolean
}

/**
 * What the sink does at a stage: a reply, `close` (before the reply), `silent` (never), or null for what it would do anyway.
 * At `tls`: anything but null fails the handshake.
 */
export type Script = (
  stage: SinkStage,
  line: string,
  facts: { host: string; connection: number; tls: boolean },
) => string | null

const TLS: TlsFacts = {
  version: 'TLSv1.3',
  cipher: 'X',
  serverName: null,
  peerCertificate: null,
  channelBinding: () => null,
}

export type Sink = Dialler & {
  readonly taken: Taken[]
  /** All lines that clients have said, with their connection's number. */
  readonly lines: string[]
  /** Addresses dialled, in order; refused ones too. */
  readonly dialled: string[]
  /** Connections open now, and the most there have been. */
  open: number
  mostOpen: number
}

/** A dialler whose every address is an SMTP server in memory that follows a script. */
export function createSink(options: {
  clock: Clock
  script?: Script
  /** EHLO keywords. */
  offers?: readonly string[] | ((host: string, tls: boolean) => readonly string[])
  /** Null: the connection comes about; else its error code. */
  refuses?: (address: string) => string | null
}): Sink {
  const { clock } = options
  const script = options.script ?? (() => null)
  const offers = (host: string, tls: boolean): readonly string[] => {
    if (typeof options.offers === 'function') return options.offers(host, tls)
    return options.offers ?? ['PIPELINING', '8BITMIME', 'DSN', 'SIZE 1000000']
  }
  let connections = 0

  const sink: Sink = {
    taken: [],
    lines: [],
    dialled: [],
    open: 0,
    mostOpen: 0,
    async dial({ address }) {
      sink.dialled.push(address)
      await Promise.resolve()
      const refused = options.refuses?.(address) ?? null
      if (refused !== null) throw new ConnectFailed(refused, refused)
      sink.open++
      sink.mostOpen = Math.max(sink.mostOpen, sink.open)
      return serve(address, ++connections)
    },
  }

  function serve(host: string, number: number): ClientConnection {
    const outgoing: Buffer[] = []
    let held = ''
    let tls: TlsFacts | null = null
    let gone = false
    let muted = false
    let inData = false
    let binaryLeft = 0
    let lastChunk = false
    let asking = 0
    let mail: Taken | null = null
    let readable: (() => void) | null = null

    const close = (): void => {
      if (gone) return
      gone = true
      sink.open--
      readable?.()
    }
    const answer = (stage: SinkStage, line: string, usual: string): string | null => {
      const said = script(stage, line, { host, connection: number, tls: tls !== null })
      if (said === 'close') {
        close()
        return null
      }
      if (said === 'silent') muted = true
      if (muted) return null
      const text = said ?? usual
      outgoing.push(Buffer.from(text.endsWith('\n') ? text : `${text}\r\n`))
      readable?.()
      return text
    }
    const ehlo = (line: string): void => {
      const keywords = offers(host, tls !== null)
      const all = [host, ...keywords]
      answer('ehlo', line, all.map((word, i) => `250${i === all.length - 1 ? ' ' : '-'}${word}`).join('\r\n'))
    }
    const takeMail = (stage: SinkStage): void => {
      const whole = mail
      mail = null
      const said = answer(stage, '', '250 2.0.0 taken')
      if (whole === null) return
      if (said === null) sink.taken.push({ ...whole, lost: true })
      else if (said.startsWith('2')) sink.taken.push(whole)
    }
    const isOk = (text: string | null): boolean => text !== null && /^[23]/.test(text)

    const line = (text: string): void => {
      sink.lines.push(`${number} ${text}`)
      const verb = text.split(' ', 1)[0]!.toUpperCase()
      if (asking > 0 && verb !== 'AUTH') {
        asking--
        answer('auth', text, asking > 0 ? '334 UGFzc3dvcmQ6' : '235 2.7.0 hello')
        return
      }
      switch (verb) {
        case 'EHLO':
          return ehlo(text)
        case 'HELO':
          return void answer('helo', text, `250 ${host}`)
        case 'STARTTLS':
          return void answer('starttls', text, '220 go')
        case 'AUTH':
          asking = text === 'AUTH LOGIN' ? 2 : 0
          return void answer('auth', text, asking > 0 ? '334 VXNlcm5hbWU6' : '235 2.7.0 hello')
        case 'MAIL':
          if (isOk(answer('mail', text, '250 2.1.0 ok')))
            mail = { from: text, to: [], data: '', host, tls: tls !== null }
          return
        case 'RCPT':
          if (mail === null) return void answer('rcpt', text, '503 5.5.1 MAIL first')
          if (isOk(answer('rcpt', text, '250 2.1.5 ok'))) mail.to.push(/<([^>]*)>/.exec(text)![1]!)
          return
        case 'DATA':
          if (mail === null || mail.to.length === 0) return void answer('data', text, '554 5.5.1 no recipients')
          if (answer('data', text, '354 go on')?.startsWith('354') === true) inData = true
          return
        case 'BDAT':
          binaryLeft = Number(text.split(' ')[1])
          lastChunk = text.endsWith(' LAST')
          return
        case 'RSET':
          mail = null
          return void answer('rset', text, '250 2.0.0 ok')
        case 'QUIT':
          answer('quit', text, '221 2.0.0 bye')
          return
        default:
          answer('quit', text, '500 5.5.2 what?')
      }
    }
    const isGone = (): boolean => gone
    const digest = (): void => {
      while (!isGone()) {
        if (inData) {
          // The whole content with its end, in one piece: the sink keeps what is behind the end as commands.
          const end = held.startsWith('.\r\n') ? 0 : held.indexOf('\r\n.\r\n')
          if (end === -1) return
          const data = held.startsWith('.\r\n') ? '' : held.slice(0, end + 2)
          held = held.slice(data === '' ? 3 : end + 5)
          inData = false
          if (mail !== null) mail.data = data.replace(/^\.\./gm, '.')
          takeMail('dot')
          continue
        }
        if (binaryLeft > 0 || lastChunk) {
          if (held.length < binaryLeft) return
          if (mail !== null) mail.data += held.slice(0, binaryLeft)
          held = held.slice(binaryLeft)
          binaryLeft = 0
          if (lastChunk) {
            lastChunk = false
            takeMail('dot')
          } else answer('bdat', '', '250 2.0.0 more')
          continue
        }
        const end = held.indexOf('\r\n')
        if (end === -1) return
        const text = held.slice(0, end)
        held = held.slice(end + 2)
        line(text)
      }
    }

    answer('greeting', '', `220 ${host} ESMTP`)
    return {
      id: `sink${number}`,
      service: 'outbound',
      remote: { address: host, port: 25 },
      local: { address: '192.0.2.99', port: 40_000 },
      get tls() {
        return tls
      },
      signedIn() {},
      canStartTls: false,
      startTls: () => Promise.reject(new Error('a client')),
      deflated: false,
      startDeflate() {},
      stopDeflate: () => Promise.resolve(),
      async read(timeoutMs) {
        while (outgoing.length === 0) {
          if (gone) {
            throw new ConnectionLost('the sink closed')
          }
          await new Promise<void>((resolve, reject) => {
            const cancel = clock.timer(timeoutMs, () => {
              readable = null
              reject(new ReadTimedOut('silence'))
            })
            readable = () => {
              readable = null
              cancel()
              resolve()
            }
          })
        }
        return outgoing.shift()!
      },
      async write(data) {
        await Promise.resolve()
        if (gone) throw new ConnectionLost('the sink closed')
        held += typeof data === 'string' ? data : Buffer.from(data).toString('latin1')
        digest()
      },
      async startClientTls() {
        await Promise.resolve()
        outgoing.length = 0
        if (script('tls', '', { host, connection: number, tls: false }) !== null) {
          close()
          throw new ConnectionLost('tls', { cause: new Error('handshake failure') })
        }
        tls = TLS
        return TLS
      },
      async end() {
        close()
      },
      destroy: close,
    }
  }
  return sink
}

/** Lets everything that waits for nothing but promises run. */
export async function flush(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
}
