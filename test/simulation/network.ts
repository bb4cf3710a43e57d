/** Foreign hosts in memory, their names, and the wires to them. */
import { ConnectionLost, ReadTimedOut, type TlsFacts } from '../../src/model/connection.ts'
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from '../../src/model/dns.ts'
import { ConnectFailed, type ClientConnection, type Dialler } from '../../src/net/contract.ts'
import type { Clock } from '../../src/std/clock.ts'
import { MINUTE, SECOND } from '../../src/std/clock.ts'
import type { Chance } from './chance.ts'
import type { Life } from './life.ts'
import { actOf, type Act, type Stage, type Weather } from './weather.ts'

/** A well-formed 2yz, of one line or more. */
const WHOLE_YES = /^(?:2\d\d-[^\r\n]*\r\n)*2\d\d(?: [^\r\n]*)?$/

const TLS: TlsFacts = {
  version: 'TLSv1.3',
  cipher: 'X',
  serverName: null,
  peerCertificate: null,
  channelBinding: () => null,
}

/** A message that a host has kept. */
export type Take = {
  readonly host: string
  readonly recipients: readonly string[]
  readonly data: string
  /** The life that sent it. */
  readonly life: number
  /** Whether the client has read the 250. */
  heard: boolean
}

export type Host = { readonly name: string; readonly address: string; readonly keywords: readonly string[] }
export type Domain = { readonly name: string; readonly hosts: readonly Host[] }

export type Network = {
  dialler(life: Life): Dialler
  resolver(life: Life): Resolver
}

/** @param tell what the world did, for the trace and the ledger */
export function createNetwork(options: {
  clock: Clock
  chance: Chance
  weather: Weather
  domains: readonly Domain[]
  tell: {
    took(take: Take): void
    /** A 5yz that was sent: for these recipients, or (null) for whoever is to be sent there. */
    refused(host: string, recipients: readonly string[] | null): void
    /** The names of the domain have said that it will never take mail. */
    refusedByName(domain: string): void
    line(text: string): void
  }
}): Network {
  const { clock, chance, weather, domains, tell } = options
  const byAddress = new Map(domains.flatMap(({ hosts }) => hosts.map((host) => [host.address, host] as const)))
  const byName = new Map(domains.flatMap(({ hosts }) => hosts.map((host) => [host.name, host] as const)))
  const greyFrom = new Map<string, number>()
  let connections = 0

  function serve(host: Host, life: Life): ClientConnection {
    const number = ++connections
    const outgoing: { bytes: Buffer; heard: () => void }[] = []
    const mail = { open: false, recipients: [] as string[], data: '' }
    let held = ''
    let mode: 'commands' | 'data' | { octets: number; last: boolean } = 'commands'
    let tls: TlsFacts | null = null
    let gone = false
    let silent = false
    /** When the last answer leaves: answers keep their order. */
    let busyUntil = 0
    let readable: (() => void) | null = null

    const close = (): void => {
      gone = true
      forget()
      readable?.()
    }
    const forget = life.atDeath(close)
    const send = (text: string, ms: number, heard: () => void): void => {
      const at = Math.max(clock.monotonic() + ms, busyUntil)
      busyUntil = at
      const put = (): void => {
        if (gone) return
        outgoing.push({ bytes: Buffer.from(`${text}\r\n`), heard })
        readable?.()
      }
      if (at <= clock.monotonic()) put()
      else clock.timer(at - clock.monotonic(), put)
    }
    /** @returns the code that was (or will be) said, or null */
    const answer = (stage: Stage, usual: string, heard = (): void => {}): string | null => {
      if (gone || silent) return null
      const mood = weather.hostMood(host.address)
      const act: Act = actOf(mood, stage, chance) ?? { do: 'say', text: usual }
      tell.line(`  ${number} ${host.name} ${stage}: ${act.do === 'say' ? act.text.slice(0, 40) : act.do}`)
      switch (act.do) {
        case 'say':
          send(act.text, 0, heard)
          return act.text
        case 'wait':
          send(usual, act.ms, heard)
          return usual
        case 'close':
          close()
          return null
        case 'fall-silent':
          silent = true
          return null
        case 'take-and-close':
        case 'take-and-fall-silent':
          take()
          if (act.do === 'take-and-close') close()
          else silent = true
          return null
      }
    }
    const take = (): Take => {
      const kept: Take = {
        host: host.name,
        recipients: [...mail.recipients],
        data: mail.data,
        life: life.number,
        heard: false,
      }
      tell.took(kept)
      return kept
    }
    const isOk = (text: string | null): boolean => text !== null && WHOLE_YES.test(text)
    const isNo = (text: string | null): boolean => text !== null && /^5\d\d[ -]/m.test(text)

    const takeMail = (): void => {
      let kept: Take | null = null
      const said = answer('dot', '250 2.0.0 taken', () => {
        // A line that is too long is no answer for the client.
        if (kept !== null && (said ?? '').length < 2000) kept.heard = true
      })
      // Whoever says nonsense has not kept the message.
      if (isOk(said) && mail.recipients.length > 0) kept = take()
      else if (isNo(said)) tell.refused(host.name, mail.recipients)
      mail.open = false
      mail.recipients = []
      mail.data = ''
    }
    const isGrey = (recipient: string): boolean => {
      if (weather.hostMood(host.address) !== 'greylisting') return false
      const since = greyFrom.get(recipient) ?? clock.monotonic()
      greyFrom.set(recipient, since)
      return clock.monotonic() - since < 5 * MINUTE
    }
    const command = (line: string): void => {
      const [verb = ''] = line.toUpperCase().split(' ', 1)
      switch (verb) {
        case 'EHLO': {
          const words = [host.name, ...host.keywords.filter((word) => tls === null || word !== 'STARTTLS')]
          const said = answer(
            'ehlo',
            words.map((word, i) => `250${i < words.length - 1 ? '-' : ' '}${word}`).join('\r\n'),
          )
          if (isNo(said)) tell.refused(host.name, null)
          return
        }
        case 'HELO':
          if (isNo(answer('ehlo', `250 ${host.name}`))) tell.refused(host.name, null)
          return
        case 'STARTTLS':
          return void answer('starttls', '220 2.0.0 go on')
        case 'MAIL': {
          const said = answer('mail', '250 2.1.0 ok')
          mail.open = isOk(said)
          mail.recipients = []
          if (isNo(said)) tell.refused(host.name, null)
          return
        }
        case 'RCPT': {
          const recipient = /<([^>]*)>/.exec(line)![1]!
          const usual = !mail.open
            ? '503 5.5.1 MAIL first'
            : isGrey(recipient)
              ? '450 4.7.1 greylisted'
              : '250 2.1.5 ok'
          const said = answer('rcpt', usual)
          if (isOk(said) && mail.open) mail.recipients.push(recipient)
          if (isNo(said)) tell.refused(host.name, [recipient])
          return
        }
        case 'DATA': {
          const said = answer('data', mail.recipients.length > 0 ? '354 go on' : '554 5.5.1 for whom?')
          if (said?.startsWith('354 ') === true) mode = 'data'
          else if (isNo(said)) tell.refused(host.name, mail.recipients)
          return
        }
        case 'BDAT':
          mode = { octets: Number(line.split(' ')[1]), last: line.endsWith(' LAST') }
          return
        case 'RSET':
          mail.open = false
          return void answer('rset', '250 2.0.0 ok')
        case 'NOOP':
          return void answer('noop', '250 2.0.0 ok')
        case 'QUIT':
          answer('quit', '221 2.0.0 bye')
          return
        default:
          answer('noop', '500 5.5.2 what?')
      }
    }
    const isGone = (): boolean => gone
    /** @returns whether a whole piece was there */
    const digest = (): boolean => {
      if (mode === 'data') {
        const end = held.startsWith('.\r\n') ? 0 : held.indexOf('\r\n.\r\n') + 2
        if (end < 2 && !held.startsWith('.\r\n')) return false
        mail.data = held.slice(0, end).replace(/^\./gm, '')
        held = held.slice(end + 3)
        mode = 'commands'
        takeMail()
        return true
      }
      if (mode !== 'commands') {
        if (held.length < mode.octets) return false
        mail.data += held.slice(0, mode.octets)
        held = held.slice(mode.octets)
        const { last } = mode
        mode = 'commands'
        if (last) takeMail()
        else answer('bdat', '250 2.0.0 more')
        return true
      }
      const end = held.indexOf('\r\n')
      if (end === -1) return false
      const line = held.slice(0, end)
      held = held.slice(end + 2)
      command(line)
      return true
    }

    if (isNo(answer('greeting', `220 ${host.name} ESMTP`))) tell.refused(host.name, null)
    return {
      id: `out${number}`,
      service: 'outbound',
      remote: { address: host.address, port: 25 },
      local: { address: '192.0.2.99', port: 40_000 },
      get tls() {
        return tls
      },
      signedIn() {},
      canStartTls: false,
      startTls: () => Promise.reject(new Error('this end is the client')),
      deflated: false,
      startDeflate() {},
      stopDeflate: () => Promise.resolve(),
      async read(timeoutMs) {
        while (outgoing.length === 0) {
          if (gone) throw new ConnectionLost('the peer has closed')
          await new Promise<void>((resolve, reject) => {
            const cancel = life.clock.timer(timeoutMs, () => {
              readable = null
              reject(new ReadTimedOut('nothing came'))
            })
            readable = () => {
              readable = null
              cancel()
              life.go(resolve)
            }
          })
        }
        const { bytes, heard } = outgoing.shift()!
        heard()
        return bytes
      },
      async write(data) {
        await Promise.resolve()
        if (gone) throw new ConnectionLost('the peer has closed')
        held += typeof data === 'string' ? data : Buffer.from(data).toString('latin1')
        while (!isGone() && digest());
      },
      async startClientTls() {
        await Promise.resolve()
        outgoing.length = 0
        if (weather.hostMood(host.address) === 'bad-tls') {
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

  /** Names answer after a moment, or in time never. */
  async function query<T extends DnsType>(life: Life, name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
    const domain = domains.find((one) => one.name === name)
    const mood = domain === undefined ? 'fine' : weather.dnsMood(name)
    tell.line(`  names ${name} ${type}: ${mood}`)
    const found = (records: readonly unknown[]): DnsAnswer<DnsRecords[T]> =>
      records.length === 0
        ? { at: 'no-data' }
        : { at: 'found', records: records as readonly DnsRecords[T][], ttlSeconds: 60, authenticated: false }
    switch (mood) {
      case 'servfail':
        return { at: 'failed', why: 'servfail' }
      case 'timeout':
        await new Promise<void>((resolve) => life.clock.timer(10 * SECOND, resolve))
        return { at: 'failed', why: 'timeout' }
      case 'no-such-domain':
        tell.refusedByName(name)
        return { at: 'no-such-domain' }
      case 'null-mx':
        if (type === 'MX') {
          tell.refusedByName(name)
          return found([{ preference: 0, exchange: '' }])
        }
        break
      case 'fine':
        break
    }
    if (domain !== undefined && type === 'MX')
      return found(domain.hosts.map((host, i) => ({ preference: 10 * (i + 1), exchange: host.name })))
    const host = byName.get(name)
    if (host !== undefined) return type === 'A' ? found([host.address]) : { at: 'no-data' }
    return domain === undefined ? { at: 'no-such-domain' } : { at: 'no-data' }
  }

  return {
    dialler: (life) => ({
      async dial({ address, timeoutMs }) {
        const host = byAddress.get(address)!
        const mood = weather.hostMood(address)
        await Promise.resolve()
        if (mood === 'down') throw new ConnectFailed('ECONNREFUSED', 'refused')
        if (mood === 'unreachable') {
          await new Promise<void>((resolve) => life.clock.timer(timeoutMs, resolve))
          throw new ConnectFailed('ETIMEDOUT', 'no answer')
        }
        return serve(host, life)
      },
    }),
    resolver: (life) => ({ query: (name, type) => query(life, name, type) }),
  }
}
