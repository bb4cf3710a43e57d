/** Changes of DNS records at their primary server: dynamic update (RFC 2136), signed (RFC 8945), over TCP. */
import { connect } from 'node:net'
import type { Endpoint } from '../model/connection.ts'
import { DNS_UPDATE_TIMEOUT_MS, DNS_UPDATE_TTL_SECONDS } from '../model/limits.ts'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/random.ts'
import { err, ok, type Result } from '../std/result.ts'
import { checkAnswer, encodeName, signMessage, uint16, type TsigKey } from './tsig.ts'

export type DnsUpdate = { readonly do: 'add' | 'remove'; readonly name: string; readonly text: string }

export type DnsUpdater = {
  /** A TXT record comes or goes. @returns what the server said against it */
  change(update: DnsUpdate): Promise<Result<null, string>>
}

const OPCODE_UPDATE = 5 << 11
const TYPE = { SOA: 6, TXT: 16 } as const
const CLASS = { IN: 1, NONE: 254 } as const

/** RFC 2136 §2.2. */
const RCODES: Readonly<{ [code: number]: string }> = {
  1: 'it finds the update malformed (FORMERR)',
  2: 'it failed (SERVFAIL)',
  4: 'it takes no updates (NOTIMP)',
  5: 'it refuses: may this key change this name? (REFUSED)',
  9: 'it does not serve this zone, or does not know the key (NOTAUTH)',
  10: 'the name is not in this zone (NOTZONE)',
}

export function createDnsUpdater(options: {
  clock: Clock
  random: Random
  server: Endpoint
  zone: string
  key: TsigKey
}): DnsUpdater {
  const { clock, random, server, zone, key } = options

  /** RFC 2136 §2. By hand, since dns-packet knows no class NONE. */
  function message({ do: change, name, text }: DnsUpdate, id: number): Buffer {
    const zoneSection = Buffer.concat([encodeName(zone), uint16(TYPE.SOA, CLASS.IN)])
    const data = Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)])
    const [inClass, ttl] = change === 'add' ? [CLASS.IN, DNS_UPDATE_TTL_SECONDS] : [CLASS.NONE, 0] // §2.5.1, §2.5.4
    const record = Buffer.concat([encodeName(name), uint16(TYPE.TXT, inClass, 0, ttl, data.length), data])
    return Buffer.concat([uint16(id, OPCODE_UPDATE, 1, 0, 1, 0), zoneSection, record])
  }

  return {
    async change(update) {
      const [high = 0, low = 0] = random.bytes(2)
      const id = high * 256 + low
      const signed = signMessage(message(update, id), key, clock.now())
      const answer = await askOverTcp(clock, server, signed.message)
      if (!answer.ok) return answer
      const bytes = answer.value
      if (bytes.length < 12 || bytes.readUInt16BE(0) !== id) return err('it answered something else')
      const rcode = bytes.readUInt8(3) & 0x0f
      const checked = checkAnswer(bytes, key, signed.mac, clock.now())
      if (checked.at === 'refused') return err(checked.why)
      if (rcode !== 0) return err(RCODES[rcode] ?? `code ${rcode}`)
      return checked.at === 'good' ? ok(null) : err(checked.why)
    },
  }
}

/** RFC 1035 §4.2.2. */
function askOverTcp(clock: Clock, server: Endpoint, message: Buffer): Promise<Result<Buffer, string>> {
  return new Promise((resolve) => {
    const socket = connect({ host: server.address, port: server.port, autoSelectFamily: false })
    let received = Buffer.alloc(0)
    const settle = (outcome: Result<Buffer, string>): void => {
      cancel()
      socket.destroy()
      resolve(outcome)
    }
    const cancel = clock.timer(DNS_UPDATE_TIMEOUT_MS, () => settle(err('it does not answer in time')))
    socket.on('error', (error: NodeJS.ErrnoException) => settle(err(`no connection: ${error.code ?? error.message}`)))
    socket.on('close', () => settle(err('it hung up without an answer')))
    socket.on('connect', () => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(message.length)
      socket.write(Buffer.concat([length, message]))
    })
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2) return
      const length = received.readUInt16BE(0)
      if (received.length >= 2 + length) settle(ok(received.subarray(2, 2 + length)))
    })
  })
}
