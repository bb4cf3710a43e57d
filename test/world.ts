/** Two whole servers in one process that relay to each other over real sockets, with a clock and a DNS of their own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createGuard } from '../src/core/guard/guard.ts'
import type { AccountRef } from '../src/core/contract.ts'
import { ensureDkimKeys } from '../src/app/dkim-keys.ts'
import { createSigner } from '../src/app/dkim-signer.ts'
import { createSystemRandom, systemClock } from '../src/app/machine.ts'
import { createLearner } from '../src/core/junk/learner.ts'
import { wireCore, wireRelay, wireSessions, type Core, type Parts } from '../src/app/wire.ts'
import type { ServiceConfig } from '../src/app/config/config.ts'
import { CATALOG } from '../src/exposure/catalog.ts'
import type { ServiceName } from '../src/model/service.ts'
import type { UidRange } from '../src/model/mailbox.ts'
import { localCertificate } from '../src/net/certificate-authority.ts'
import { createCertificates } from '../src/net/certificates.ts'
import type { Listener } from '../src/net/contract.ts'
import { createDialler } from '../src/net/dial.ts'
import { createNetwork } from '../src/net/listen.ts'
import type { LogEvent } from '../src/std/log.ts'
import { Secret } from '../src/std/secret.ts'
import { createTestClock, type TestClock } from '../src/std/test-clock.ts'
import { openJunkMemory, openJunkReads } from '../src/store/junk/junk-file.ts'
import { openStore } from '../src/store/sqlite/open.ts'
import { keepingLog } from './mail-stage.ts'
import { createTestResolver, mx, type Zone } from './outbound/dns.ts'

export type WorldServer = {
  readonly domain: string
  readonly core: Core
  readonly store: Parts['store']
  readonly address: string
  readonly events: readonly LogEvent[]
  /** The junk filter looks at what was moved. */
  learn(): Promise<void>
  port(service: ServiceName): number
  /** The account's address is `name@domain`, its password `sesame`. */
  addAccount(name: string): Promise<AccountRef>
  /** The messages of a mailbox as text, oldest first. */
  read(account: AccountRef, mailbox?: string): Promise<string[]>
  /** Opens or shuts its MX port. */
  openMx(): Promise<void>
  shutMx(): Promise<void>
}

export type World = AsyncDisposable & {
  readonly clock: TestClock
  /** What DNS says; may be changed. */
  readonly zone: Zone
  readonly caFile: string
  readonly east: WorldServer
  readonly west: WorldServer
}

const EVERY_UID: readonly UidRange[] = [{ from: 1, to: 4_294_967_295 } as UidRange]
/** The world's clock runs about as the machine's, besides the leaps that a test makes it take. */
const TICK_MS = 10
const SERVICES: readonly ServiceName[] = ['mx', 'submission', 'imap', 'pop3']

function serviceConfig(service: ServiceName, address: string, port: number): ServiceConfig {
  const row = CATALOG.find((each) => each.service === service)!
  return { service, enabled: true, addresses: [address], port, tls: row.tls, networks: 'anywhere', plainLogin: false }
}

/**
 * east.test on 127.0.1.1 and west.test on 127.0.1.2, both with the same MX port, as in the world outside.
 * @param options.authenticated both publish SPF, DKIM keys and DMARC `p=reject`, sign what they send, and look at what comes in
 */
export async function openWorld(options: { authenticated?: boolean } = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'gavan-world-'))
  const clock = createTestClock({ nowMs: Date.now() })
  const zone: Zone = {
    ...mx('east.test', [10, 'mail.east.test', '127.0.1.1']),
    ...mx('west.test', [10, 'mail.west.test', '127.0.1.2']),
  }
  const names = ['localhost', '127.0.0.1', '127.0.1.1', '127.0.1.2', 'mail.east.test', 'mail.west.test']
  const random = createSystemRandom()
  const local = await localCertificate({ directory: join(folder, 'tls'), names, clock: systemClock, random })
  const closers: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })]
  let mxPort = 0

  async function open(name: string, address: string): Promise<WorldServer> {
    const domain = `${name}.test`
    const hostname = `mail.${domain}`
    const events: LogEvent[] = []
    const log = keepingLog(events)
    const store = await openStore({ dataDir: join(folder, name), clock, log })
    const junk = openJunkReads({ dataDir: join(folder, name), log })
    const parts: Parts = { store, clock, random, log, junk }
    const memory = openJunkMemory({ dataDir: join(folder, name) })
    const learner = createLearner({ store, memory, hostname, clock, log })
    const scramSecret = Buffer.from(domain)
    const core = await wireCore(parts, { hostname, postmaster: null, scramSecret, cores: 1 })
    await core.directory.addDomain(domain)

    const guard = createGuard({ clock, lifted: () => true })
    const network = createNetwork({ clock, random, log, certificates: createCertificates([local]) })
    const drain = new AbortController()
    const resolver = createTestResolver(zone)
    const screening = { resolver, dmarc: 'reject', dnsbl: ['dnsbl.test'], exempt: () => false } as const
    const signer = createSigner({ dataDir: join(folder, name), clock, log, resolver })
    if (options.authenticated === true) {
      zone[domain] = { ...zone[domain], TXT: [`v=spf1 ip4:127.0.0.1 ip4:${address} -all`] } // What is sent comes from the first.
      zone[`_dmarc.${domain}`] = { TXT: ['v=DMARC1; p=reject; rua=mailto:reports@' + domain] }
      zone[`${address.split('.').toReversed().join('.')}.in-addr.arpa`] = { PTR: [hostname] }
      for (const { selector, record } of await ensureDkimKeys(join(folder, name), domain))
        zone[`${selector}._domainkey.${domain}`] = { TXT: [record] }
    }
    const session = {
      hostname,
      messageMaxOctets: 5_000_000,
      sendingLimit: { messages: 500, recipients: 2000 },
      guard,
      inside: [],
      drain: drain.signal,
      ...(options.authenticated === true ? { screening } : {}),
    }
    const serveOf = wireSessions(parts, core, session)
    const listeners = new Map<ServiceName, Listener>()
    const listen = async (service: ServiceName, port: number): Promise<void> => {
      const on = serviceConfig(service, address, port)
      const serve = serveOf(on)!
      listeners.set(service, await network.listen({ service, address, port, tls: on.tls, shared: false }, serve))
    }
    for (const service of SERVICES) await listen(service, service === 'mx' ? mxPort : 0)
    mxPort = listeners.get('mx')!.endpoint.port

    const relay = wireRelay(parts, core, {
      hostname,
      dialler: createDialler({ clock, random }),
      resolver,
      ...(options.authenticated === true ? { signer } : {}),
      ourselves: { hostname, names: [hostname], addresses: [address], loopbackIsForeign: true },
      routes: { byDomain: new Map(), otherwise: { kind: 'mx' } },
      sandbox: null,
      mxPort,
    })
    await relay.start()
    closers.push(async () => {
      await relay.stop({ drainMs: 0 })
      drain.abort()
      for (const listener of listeners.values()) await listener[Symbol.asyncDispose]()
      junk.close()
      memory.close()
      await store.close()
    })

    return {
      domain,
      core,
      store,
      address,
      events,
      learn: () => learner.step(),
      port: (service) => listeners.get(service)!.endpoint.port,
      async addAccount(person) {
        const outcome = await core.directory.addAccount(`${person}@${domain}`, new Secret('sesame'))
        if (outcome.at !== 'done') throw new Error(outcome.at)
        return outcome.account
      },
      async read(account, mailbox = 'INBOX') {
        const mailboxes = core.openMailboxes(account)
        const info = await mailboxes.find(mailbox)
        const texts: string[] = []
        for await (const entries of mailboxes.entries(info!.mailboxId, EVERY_UID)) {
          for (const { messageKey, sizeOctets } of entries)
            texts.push(Buffer.from(await mailboxes.read(messageKey, 0, sizeOctets)).toString())
        }
        return texts
      },
      openMx: () => listen('mx', mxPort),
      async shutMx() {
        await listeners.get('mx')![Symbol.asyncDispose]()
      },
    }
  }

  const ticker = setInterval(() => clock.advance(TICK_MS), TICK_MS)
  closers.push(async () => clearInterval(ticker))
  const east = await open('east', '127.0.1.1')
  const west = await open('west', '127.0.1.2')
  return {
    clock,
    zone,
    caFile: local.caFile,
    east,
    west,
    async [Symbol.asyncDispose]() {
      for (const close of closers.toReversed()) await close()
    },
  }
}

/** Lets sockets, writers and the world's clock run until something is there. */
export async function eventually<T>(what: string, look: () => Promise<T | null> | T | null): Promise<T> {
  const until = Date.now() + 20_000
  while (Date.now() < until) {
    const found = await look()
    if (found !== null) return found
    await new Promise((resolve) => void setTimeout(resolve, 5))
  }
  throw new Error(`waited in vain for ${what}`)
}
