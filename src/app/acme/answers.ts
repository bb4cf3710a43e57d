/** What all protocol threads answer a CA that looks; and the solvers that put it there. */
import type { ChallengeSolver, PublicAnswers } from '../../model/certificate.ts'
import { SolverFailed } from '../../model/certificate.ts'
import type { Endpoint } from '../../model/connection.ts'
import { DNS_UPDATE_LOOK_MS, DNS_UPDATE_WAIT_MS } from '../../model/limits.ts'
import { alpnCertificate } from '../../net/certificate-requests.ts'
import type { Resolver } from '../../model/dns.ts'
import type { DnsUpdater } from '../../net/dns-update.ts'
import { dnsAnswer } from '../../protocol/acme/jws.ts'
import { sleep, type Clock } from '../../std/clock.ts'
import type { Random } from '../../std/random.ts'

export type AnswerBoard = {
  readonly current: PublicAnswers
  /** Resolves when every thread has it. */
  addToken(token: string, keyAuthorization: string): Promise<void>
  removeToken(token: string): Promise<void>
  addCertificate(certificate: PublicAnswers['certificates'][number]): Promise<void>
  removeCertificate(name: string): Promise<void>
}

/** @param publish resolves when every thread has them */
export function createAnswerBoard(publish: (answers: PublicAnswers) => Promise<void>): AnswerBoard {
  let current: PublicAnswers = { tokens: [], certificates: [] }
  const become = async (next: Partial<PublicAnswers>): Promise<void> => {
    current = { ...current, ...next }
    await publish(current)
  }
  const withoutToken = (token: string): PublicAnswers['tokens'] => current.tokens.filter(([known]) => known !== token)
  const withoutName = (name: string): PublicAnswers['certificates'] =>
    current.certificates.filter((known) => known.name !== name)
  return {
    get current() {
      return current
    },
    addToken: (token, authorization) => become({ tokens: [...withoutToken(token), [token, authorization]] }),
    removeToken: (token) => become({ tokens: withoutToken(token) }),
    addCertificate: (pair) => become({ certificates: [...withoutName(pair.name), pair] }),
    removeCertificate: (name) => become({ certificates: withoutName(name) }),
  }
}

export const httpSolver = (board: AnswerBoard): ChallengeSolver => ({
  type: 'http-01',
  present: ({ token, keyAuthorization }) => board.addToken(token, keyAuthorization),
  withdraw: ({ token }) => board.removeToken(token),
})

export const alpnSolver = (board: AnswerBoard, parts: { clock: Clock; random: Random }): ChallengeSolver => ({
  type: 'tls-alpn-01',
  async present({ name, keyAuthorization }) {
    const pair = await alpnCertificate({ name, keyAuthorization, ...parts })
    await board.addCertificate({ name, ...pair })
  },
  withdraw: ({ name }) => board.removeCertificate(name),
})

export function dnsSolver(options: {
  updater: DnsUpdater
  clock: Clock
  signal: AbortSignal
  zone: string
  /** What the world sees. */
  resolver: Resolver
  /** Asks one server, from no memory of its own. */
  resolverAt: (server: Endpoint) => Resolver
  server: Endpoint
}): ChallengeSolver {
  const { updater, clock, signal, zone, resolver, resolverAt, server } = options

  /** A CNAME may lead the record into a zone of its own (RFC 8555 §8.4, as CAs follow it). */
  async function recordName(name: string): Promise<string> {
    const plain = `_acme-challenge.${name}`
    const alias = await resolver.query(plain, 'CNAME')
    return alias.at === 'found' ? (alias.records[0] ?? plain) : plain
  }

  /** The CA asks whichever server of the zone it likes; secondaries are waited for, but not for ever. */
  async function seenEverywhere(record: string, text: string): Promise<void> {
    const until = clock.monotonic() + DNS_UPDATE_WAIT_MS
    const servers = [server, ...(await nameServers())]
    for (const each of servers) {
      while (clock.monotonic() < until) {
        const answer = await resolverAt(each).query(record, 'TXT')
        if (answer.at === 'found' && answer.records.includes(text)) break
        if (answer.at === 'failed' && each !== server) break // One that we cannot ask; the CA may.
        if (!(await sleep(clock, DNS_UPDATE_LOOK_MS, signal))) return
      }
    }
  }

  async function nameServers(): Promise<readonly Endpoint[]> {
    const found = await resolver.query(zone, 'NS')
    const names = found.at === 'found' ? found.records : []
    const answers = await Promise.all(
      names.flatMap((name) => [resolver.query(name, 'A'), resolver.query(name, 'AAAA')]),
    )
    return answers.flatMap((answer) =>
      answer.at === 'found' ? answer.records.map((address) => ({ address, port: 53 })) : [],
    )
  }

  return {
    type: 'dns-01',
    async present({ name, keyAuthorization }) {
      const record = await recordName(name)
      if (record !== zone && !record.endsWith(`.${zone}`))
        throw new SolverFailed(`${record} is not in the zone ${zone} of tls.acme_dns`)
      const text = dnsAnswer(keyAuthorization)
      const added = await updater.change({ do: 'add', name: record, text })
      if (!added.ok) throw new SolverFailed(`${server.address} port ${server.port}: ${added.error}`)
      await seenEverywhere(record, text)
    },
    async withdraw({ name, keyAuthorization }) {
      // What stays behind is a line in DNS that proves nothing any more.
      await updater.change({ do: 'remove', name: await recordName(name), text: dnsAnswer(keyAuthorization) })
    },
  }
}
