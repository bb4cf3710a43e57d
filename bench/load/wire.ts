/** A client's end of a line protocol that costs the load generator little: octets are searched for markers, not parsed. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

/** What came up to the end of the marked line; of long answers only the end is kept as text. */
export type Heard = { readonly octets: number; readonly text: string }

export type Wire = {
  write(data: string | Buffer): void
  /** The next line, without its CRLF. */
  line(): Promise<string>
  /** Waits for a line that begins with the marker and takes everything up to its end. */
  untilLine(marker: string): Promise<Heard>
  startTls(): Promise<void>
  close(): void
}

const TEXT_MAX_OCTETS = 64 * 1024

const EMPTY = Buffer.alloc(0)

/** Certificates are not verified: the bench measures servers, and both sign their own. */
const TLS_OPTIONS = { host: '127.0.0.1', rejectUnauthorized: false, minVersion: 'TLSv1.3' } as const

async function tlsOver(options: { port: number } | { socket: Socket }): Promise<TLSSocket> {
  const socket = connectTls({ ...TLS_OPTIONS, ...options })
  await once(socket, 'secureConnect')
  return socket
}

export async function openWire(options: { port: number; tls: boolean }): Promise<Wire> {
  const { port } = options
  let socket: Socket
  if (options.tls) socket = await tlsOver({ port })
  else {
    socket = connect({ port, host: '127.0.0.1' })
    await once(socket, 'connect')
  }
  let held: Buffer = EMPTY
  let wake: (() => void) | null = null
  let closed: Error | null = null

  const onData = (chunk: Buffer): void => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    wake?.()
  }
  const onEnd = (error?: Error): void => {
    closed ??= error ?? new Error('the server has closed the connection')
    wake?.()
  }
  const attach = (to: Socket): void => {
    to.setNoDelay(true)
    to.on('data', onData)
    to.once('end', () => onEnd())
      .once('error', onEnd)
      .once('close', () => onEnd())
  }
  attach(socket)
  const more = async (): Promise<void> => {
    if (closed !== null) throw closed
    await new Promise<void>((resolve) => (wake = resolve))
    wake = null
  }
  const take = (octets: number): Buffer => {
    const taken = held.subarray(0, octets)
    held = octets === held.length ? EMPTY : held.subarray(octets)
    return taken
  }

  return {
    write: (data) => void socket.write(data),
    async line() {
      for (let from = 0; ;) {
        const end = held.indexOf(10, from)
        if (end >= 0) return take(end + 1).toString('latin1', 0, end - 1)
        from = held.length
        await more()
      }
    },
    async untilLine(marker) {
      const inside = `\r\n${marker}`
      let octets = 0
      let text = ''
      for (;;) {
        const atStart = octets === 0 && held.toString('latin1', 0, marker.length) === marker
        const begin = atStart ? 0 : held.indexOf(inside, 0, 'latin1') + 2
        const found = atStart || begin >= 2
        const end = found ? held.indexOf('\r\n', begin, 'latin1') : -1
        if (end >= 0) {
          octets += end + 2
          return { octets, text: text + take(end + 2).toString('latin1') }
        }
        // What cannot be part of the marked line is let go.
        if (!found && held.length > inside.length) {
          const gone = take(held.length - inside.length)
          octets += gone.length
          text = octets > TEXT_MAX_OCTETS ? '' : text + gone.toString('latin1')
        }
        await more()
      }
    },
    async startTls() {
      socket.removeAllListeners('data')
      socket = await tlsOver({ socket })
      attach(socket)
    },
    close: () => void socket.destroy(),
  }
}

/** Whether a port answers a new connection with a first line. */
export async function greets(port: number, tls: boolean): Promise<boolean> {
  try {
    const wire = await openWire({ port, tls })
    const line = await wire.line()
    wire.close()
    return /^(?:220|\* OK|\+OK)/.test(line)
  } catch {
    return false
  }
}
