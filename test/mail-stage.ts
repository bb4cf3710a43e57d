/** A stage for transcripts and sessions: the real store, core and roles; connections in memory. */
import { createGuard } from '../src/core/guard/guard.ts'
import { createSrs, srsKey } from '../src/core/forwarding/srs.ts'
import { createIntake } from '../src/core/intake/intake.ts'
import { createMaildropTable, openMaildropLocks } from '../src/core/mailboxes/maildrop-locks.ts'
import { openMailboxes } from '../src/core/mailboxes/mailboxes.ts'
import { createUrlAccess } from '../src/core/urls/url-access.ts'
import { openTestCore, type TestCore } from '../src/core/testing/test-core.ts'
import type { AccountRef, Intake, Mailboxes } from '../src/core/contract.ts'
import type { PeerCertificate } from '../src/model/connection.ts'
import type { ServiceName } from '../src/model/service.ts'
import type { AccessPolicy, SmtpPolicy } from '../src/roles/contract.ts'
import { createAuthenticator } from '../src/roles/authenticator.ts'
import { createMdaPolicy } from '../src/roles/mda/mda.ts'
import { createMsaPolicy } from '../src/roles/msa/msa.ts'
import { createMtaPolicy } from '../src/roles/mta/mta.ts'
import { pop3Session } from '../src/session/pop3/session.ts'
import { smtpSession } from '../src/session/smtp/session.ts'
import { createTestConnection, type TestPeer } from '../src/session/test-connection.ts'
import { calm, type Load } from '../src/std/load.ts'
import { silentLog, type Log, type LogEvent } from '../src/std/log.ts'
import { noMetrics, type Metrics } from '../src/std/metrics.ts'
import { certificateOf, testTokens } from './tokens.ts'
import { settle, type Transcript } from './transcript.ts'

export const HOSTNAME = 'mail.here.test'

const PORTS: Readonly<Partial<Record<ServiceName, number>>> = {
  mx: 25,
  submission: 587,
  submissions: 465,
  pop3: 110,
  pop3s: 995,
}

export type MailStage = {
  readonly core: TestCore
  readonly clock: TestCore['clock']
  readonly intake: Intake
  readonly mta: SmtpPolicy
  readonly msa: SmtpPolicy
  readonly mda: AccessPolicy
  /** Everything logged by the sessions and roles. */
  readonly events: readonly LogEvent[]
  readonly anna: AccountRef
  readonly bert: AccountRef
  mailboxesOf(account: AccountRef): Mailboxes
  connect(service: ServiceName, options?: ConnectOptions): TestPeer & { readonly ended: Promise<void> }
  /** Waits for something said; meanwhile the clock turns past what delays answers. */
  hear<T>(said: Promise<T>): Promise<T>
  /** All the server says up to its close, heard so. */
  rest(peer: TestPeer): Promise<string>
  /** The messages of a mailbox as text, oldest first. */
  read(account: AccountRef, mailbox?: string): Promise<string[]>
  stop(): Promise<void>
}

/** Answers are delayed up to this; what waits longer is a deadline. */
const DELAY_MAX_MS = 15_000

type ConnectOptions = {
  remote?: string
  canStartTls?: boolean
  windowOctets?: number
  signal?: AbortSignal
  load?: Load
  metrics?: Metrics
  smtp?: SmtpPolicy
  mda?: AccessPolicy
  /** The client shows it. */
  certificate?: PeerCertificate
}

/** A log that keeps what it is told. */
export function keepingLog(events: LogEvent[], facts: Record<string, unknown> = {}): Log {
  const keep = (event: LogEvent): void => void events.push({ ...facts, ...event })
  return {
    debug: keep,
    info: keep,
    warn: keep,
    error: keep,
    with: (more) => keepingLog(events, { ...facts, ...more }),
  }
}

/**
 * Domain here.test with anna, bert (password `sesame`), full (over its quota), the alias ask → anna and the
 * alias out → someone@far.test.
 */
export async function openMailStage(
  change: {
    messageMaxOctets?: number
    recipientsMax?: number
    plainLogins?: boolean
    loginDelayMs?: number
    tokens?: boolean
  } = {},
): Promise<MailStage> {
  const core = await openTestCore()
  const { store, clock, random, accounts, directory } = core
  const events: LogEvent[] = []
  const log = keepingLog(events)
  const anna = await core.addAccount('anna@here.test')
  const bert = await core.addAccount('bert@here.test')
  await core.addAccount('full@here.test', 1)
  await directory.addAlias('ask@here.test', ['anna@here.test'])
  await directory.addAlias('out@here.test', ['someone@far.test'])
  const srs = createSrs([srsKey(Buffer.from('of this stage'))])
  const intake = createIntake({
    store,
    clock,
    random,
    hostname: HOSTNAME,
    postmaster: anna.address,
    srs,
    log: silentLog,
  })
  const authenticator = createAuthenticator({
    accounts,
    guard: createGuard({ clock, lifted: (address) => address === '127.0.0.1' }),
    log,
    ...(change.tokens === true ? { tokens: testTokens } : {}),
  })
  const mailboxesOf = (account: AccountRef): Mailboxes => openMailboxes(account, { store, clock })
  const mta = createMtaPolicy({ hostname: HOSTNAME, intake, clock, ...change })
  const urls = createUrlAccess({ store, random })
  const msa = createMsaPolicy({ hostname: HOSTNAME, intake, accounts, authenticator, clock, urls, ...change })
  const mda = createMdaPolicy({
    authenticator,
    openMailboxes: mailboxesOf,
    plainLoginAllowed: ({ remote }) => change.plainLogins === true && remote.address === '127.0.0.1',
  })
  const locks = openMaildropLocks(createMaildropTable().share('only'), {
    clock,
    loginDelayMs: change.loginDelayMs ?? 0,
  })
  const running: Promise<void>[] = []
  const peers: TestPeer[] = []
  let connections = 0
  const hear = async <T>(said: Promise<T>): Promise<T> => {
    let heard = false
    const watched = said.finally(() => (heard = true))
    const isHeard = (): boolean => heard
    while (!isHeard()) {
      await settle()
      const due = clock.nextDueMs
      if (!isHeard() && due !== null && due <= DELAY_MAX_MS) clock.advance(due)
    }
    return watched
  }
  return {
    core,
    clock,
    intake,
    mta,
    msa,
    mda,
    events,
    anna,
    bert,
    mailboxesOf,
    connect(service, options = {}) {
      const { connection, peer } = createTestConnection({
        service,
        clock,
        id: `c${++connections}`,
        remote: { address: options.remote ?? '192.0.2.1', port: 40_000 },
        local: { address: '192.0.2.2', port: PORTS[service] ?? 0 },
        tls: service === 'submissions' || service === 'pop3s',
        ...(options.canStartTls === undefined ? {} : { canStartTls: options.canStartTls }),
        ...(options.certificate === undefined ? {} : { certificate: options.certificate }),
        ...(options.windowOctets === undefined ? {} : { windowOctets: options.windowOctets }),
      })
      const { signal, load = calm, metrics = noMetrics } = options
      const shared = { clock, random, log, load, metrics, ...(signal === undefined ? {} : { signal }) }
      const ended =
        service === 'pop3' || service === 'pop3s'
          ? pop3Session(connection, { ...shared, policy: options.mda ?? mda, locks, hostname: HOSTNAME })
          : smtpSession(connection, { ...shared, policy: options.smtp ?? (service === 'mx' ? mta : msa) })
      running.push(ended)
      peers.push(peer)
      return Object.defineProperty(peer, 'ended', { value: ended }) as TestPeer & { ended: Promise<void> }
    },
    hear,
    rest: async (peer) => (await hear(peer.rest())).toString(),
    async read(account, mailbox = 'INBOX') {
      const mailboxes = mailboxesOf(account)
      const info = (await mailboxes.find(mailbox))!
      const texts: string[] = []
      const all = [{ from: 1, to: 4_294_967_295 } as never]
      for await (const entries of mailboxes.entries(info.mailboxId, all)) {
        for (const { messageKey, sizeOctets } of entries) {
          texts.push(Buffer.from(await mailboxes.read(messageKey, 0, sizeOctets)).toString())
        }
      }
      return texts
    },
    async stop() {
      for (const peer of peers) peer.end()
      const all = Promise.all(running).then(() => true)
      const turn = async (): Promise<boolean> => {
        await settle()
        clock.advance(60_000)
        return false
      }
      // A session that waits for its clock (a slow answer, a deadline) gets its time.
      let ended = false
      for (let i = 0; i < 200 && !ended; i++) ended = await Promise.race([all, turn()])
      if (!ended) throw new Error('a session does not end')
      await core[Symbol.asyncDispose]()
    },
  }
}

/** Puts mail into anna's inbox through port 25. */
export async function deliver(stage: MailStage, content: string, to = 'anna@here.test'): Promise<void> {
  const peer = stage.connect('mx')
  peer.send(`EHLO x.test\r\nMAIL FROM:<s@far.test>\r\nRCPT TO:<${to}>\r\nDATA\r\n`)
  const stuffed = content.replace(/^\./gm, '..')
  peer.send(`${stuffed}.\r\nQUIT\r\n`)
  const said = await stage.rest(peer)
  if (!said.includes('250 2.0.0 Ok: kept')) throw new Error(said)
}

/** For `transcriptTests`: the transcript's `@service`, `@peer`, `@no-tls`, `@plain-logins`, `@size` set it up. */
export async function openTranscriptStage({ settings }: Transcript): Promise<{
  clock: TestCore['clock']
  connect(): TestPeer
  stop(): Promise<void>
}> {
  const size = settings.get('size')
  const recipients = settings.get('recipients')
  const stage = await openMailStage({
    ...(size === undefined ? {} : { messageMaxOctets: Number(size) }),
    ...(recipients === undefined ? {} : { recipientsMax: Number(recipients) }),
    plainLogins: settings.has('plain-logins'),
    loginDelayMs: Number(settings.get('login-delay') ?? 0) * 1000,
    tokens: settings.has('tokens'),
  })
  const service = (settings.get('service') ?? 'mx') as ServiceName
  const mail = Number(settings.get('mail') ?? 0)
  for (let i = 1; i <= mail; i++) {
    await deliver(stage, `From: s@far.test\r\nSubject: number ${i}\r\n\r\n.line one\r\nline two of ${i}\r\n`)
  }
  return {
    clock: stage.clock,
    connect: () =>
      stage.connect(service, {
        ...(settings.has('peer') ? { remote: settings.get('peer')! } : {}),
        ...(settings.has('no-tls') ? { canStartTls: false } : {}),
        ...(settings.has('certificate') ? { certificate: certificateOf(settings.get('certificate')!) } : {}),
      }),
    stop: () => stage.stop(),
  }
}
