/** Where implementations meet: rooms know each other's contracts only, and are put together here. */
import { readAccountRef } from './account-ref.ts'
import { lazyArgon2 } from '../core/accounts/argon2.ts'
import { createAccessKeyOperator } from '../core/accounts/access-key-operator.ts'
import { createAccounts, type KeyUse } from '../core/accounts/accounts.ts'
import { createLiveLogins } from '../core/accounts/live-logins.ts'
import { createOnceLinks } from '../core/accounts/once-links.ts'
import { createPasswordHasher } from '../core/accounts/password-hasher.ts'
import type {
  Grants,
  AccessKeyOperator,
  AccountRef,
  Accounts,
  Directory,
  Guard,
  Intake,
  MaildropLocks,
  Mailboxes,
  OnceLinks,
  QueueOperator,
  Scripts,
  TokenVerifier,
  UrlAccess,
} from '../core/contract.ts'
import type { Strangers } from '../core/guard/contract.ts'
import { createGuessKey } from '../core/guard/guess-key.ts'
import { createDirectory } from '../core/directory/directory.ts'
import type { SieveEngine } from '../core/filters/engine.ts'
import { createFilters } from '../core/filters/filter.ts'
import { openScripts } from '../core/filters/scripts.ts'
import { createSrs, srsKey } from '../core/forwarding/srs.ts'
import { createIntake } from '../core/intake/intake.ts'
import { createJunkJudge } from '../core/junk/judge.ts'
import { createUrlAccess } from '../core/urls/url-access.ts'
import { createGrants } from '../core/mailboxes/grants.ts'
import { openMailboxes } from '../core/mailboxes/mailboxes.ts'
import { createQueueOperator } from '../core/queue/operator.ts'
import { createMaildropTable, openMaildropLocks } from '../core/mailboxes/maildrop-locks.ts'
import { createOutgoingQueue } from '../core/queue/outgoing.ts'
import type { Examiners } from '../core/screening/contract.ts'
import { createScreening, type ScreeningOptions } from '../core/screening/screening.ts'
import type { SendingLimit } from '../core/sending/contract.ts'
import { createSending } from '../core/sending/sending.ts'
import { createContentSearch } from '../core/search/search.ts'
import type { Address } from '../model/address.ts'
import type { Connection, Endpoint } from '../model/connection.ts'
import { networksContain, type Network } from '../model/network.ts'
import type { ServiceName } from '../model/service.ts'
import type { Admission, Dialler } from '../net/contract.ts'
import type { Resolver } from '../model/dns.ts'
import { MTA_STS_FETCH_TIMEOUT_MS, MTA_STS_POLICY_MAX_OCTETS } from '../model/limits.ts'
import { createPublicFetch } from '../net/policy-fetch.ts'
import type { Ourselves, Relay, Routes } from '../outbound/contract.ts'
import { createStsPolicies } from '../outbound/mta-sts/policies.ts'
import type { StsFetch, StsPolicies } from '../outbound/mta-sts/contract.ts'
import { createRelay } from '../outbound/relay/relay.ts'
import { createSandbox } from '../outbound/sandbox/sandbox.ts'
import { createSigning, type Signer } from '../outbound/signing/signing.ts'
import { createAuthenticator } from '../roles/authenticator.ts'
import { createMdaPolicy } from '../roles/mda/mda.ts'
import { createMsaPolicy } from '../roles/msa/msa.ts'
import { createMtaPolicy } from '../roles/mta/mta.ts'
import { imapSession } from '../session/imap/session.ts'
import { manageSieveSession } from '../session/managesieve/session.ts'
import { pop3Session } from '../session/pop3/session.ts'
import { smtpSession } from '../session/smtp/session.ts'
import type { Clock } from '../std/clock.ts'
import { calm, type Load } from '../std/load.ts'
import type { Log } from '../std/log.ts'
import { noMetrics, type Metrics } from '../std/metrics.ts'
import type { Random } from '../std/random.ts'
import type { Command as StoreCommand, JunkReads, SearchReads, Store } from '../store/contract.ts'
import type { ServiceConfig } from './config/config.ts'
import { VERSION } from './version.ts'

/** What the machine and the store give to one thread. */
export type Parts = {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics?: Metrics
  /** Absent: searches look into every message. */
  readonly search?: SearchReads
  /** Absent: no account has a say in what is junk. */
  readonly junk?: JunkReads
}

export type CoreOptions = {
  readonly hostname: string
  /** Who reads mail for a postmaster that is neither account nor alias. */
  readonly postmaster: Address | null
  /** The installation's own secret for made-up SCRAM keys; the same after a restart. */
  readonly scramSecret: Uint8Array
  /** How many cores this thread's share of the password hashing may use. */
  readonly cores: number
}

export type Core = {
  readonly accounts: Accounts
  readonly intake: Intake
  readonly directory: Directory
  readonly accessKeys: AccessKeyOperator
  readonly onceLinks: OnceLinks
  readonly queueOperator: QueueOperator
  openMailboxes(account: AccountRef): Mailboxes
  readonly grants: Grants
  readonly urls: UrlAccess
}

export async function wireCore(parts: Parts, options: CoreOptions): Promise<Core> {
  const { store, clock, random, log, search, junk } = parts
  const { hostname, postmaster, scramSecret, cores } = options
  const hasher = createPasswordHasher({ random, argon2: lazyArgon2() })
  const noteUse = ({ accountId, keyId, ...use }: KeyUse): void => {
    store.run({ do: 'noteAccessKeyUse', accountId, keyId, use }).catch((error: unknown) => {
      log.warn({ event: 'auth.use.lost', cause: String(error) }) // It is told with the next one.
    })
  }
  const accounts = createAccounts({ directory: store.directory, hasher, clock, random, cores, scramSecret, noteUse })
  const directory = createDirectory({ store, accounts, clock, random })
  const open: Core['openMailboxes'] = (account) =>
    openMailboxes(account, { store, clock, ...(search === undefined ? {} : { search }) })
  const shared = { store, clock, random, log, hostname }
  const filters = createFilters({ ...shared, version: VERSION, engine: sieve, openMailboxes: open })
  const judge = junk === undefined ? null : createJunkJudge(junk)
  return {
    accounts,
    intake: createIntake({ ...shared, postmaster, filters, judge, srs: createSrs([srsKey(scramSecret)]) }),
    directory,
    accessKeys: createAccessKeyOperator({ store, accountAt: directory.account, clock, random, scramSecret }),
    onceLinks: createOnceLinks({ store, accounts, directory, clock, random }),
    queueOperator: createQueueOperator({ store, clock }),
    grants: createGrants({ store, clock, ...(search === undefined ? {} : { search }) }),
    urls: createUrlAccess({ store, random }),
    openMailboxes: open,
  }
}

/** Loaded when somebody needs it: most servers have few filters. */
async function sieve(): Promise<SieveEngine & { readonly extensions: readonly string[] }> {
  const [{ compile }, { SIEVE_EXTENSIONS }, { run }, { editHeader }, { renderVacation, renderNotification }] =
    await Promise.all([
      import('../sieve/compile.ts'),
      import('../sieve/extensions.ts'),
      import('../sieve/run.ts'),
      import('../sieve/message/edited-header.ts'),
      import('../sieve/render.ts'),
    ])
  return { compile, run, editHeader, renderVacation, renderNotification, extensions: SIEVE_EXTENSIONS }
}

export type Serve = (connection: Connection) => Promise<void>

export type SessionOptions = {
  readonly hostname: string
  readonly messageMaxOctets: number
  readonly guard: Guard
  /** Under which wrong passwords are told apart (core/guard/guess-key); absent: each counts. */
  readonly guessKey?: Uint8Array
  /** Inner networks, for plain logins (D10). */
  readonly inside: readonly Network[]
  /** Fires at shutdown. */
  readonly drain: AbortSignal
  readonly load?: Load
  /** Of all threads; absent: of this one alone. */
  readonly locks?: MaildropLocks
  /** Absent: no bearer tokens. */
  readonly tokens?: TokenVerifier
  /** What an account may send in a day; absent: as much as it likes. */
  readonly sendingLimit?: SendingLimit
  /** Absent: letters from other servers are not looked at. */
  readonly screening?: Pick<ScreeningOptions, 'resolver' | 'dmarc' | 'dnsbl' | 'exempt'>
  /** Absent: no other program looks at them. */
  readonly examiners?: Examiners
  /** Absent: visitors of port 25 are not remembered. */
  readonly strangers?: Strangers
}

/** What serves a connection of a service; null for services whose sessions are not made of lines (http, https). */
export function wireSessions(parts: Parts, core: Core, options: SessionOptions): (on: ServiceConfig) => Serve | null {
  const { clock, random, log, metrics = noMetrics } = parts
  const { hostname, messageMaxOctets, guard, guessKey, inside, drain, load = calm, tokens } = options
  const locks =
    options.locks ?? openMaildropLocks(createMaildropTable().share('only'), { clock: parts.clock, loginDelayMs: 0 })
  const live = createLiveLogins({ changes: parts.store.changes, stillHolds: core.accounts.stillHolds })
  const authenticator = createAuthenticator({
    accounts: core.accounts,
    live,
    guard,
    log,
    clock,
    metrics,
    ...(tokens === undefined ? {} : { tokens }),
    ...(guessKey === undefined ? {} : { guessOf: createGuessKey(guessKey) }),
  })
  const common = { clock, random, log, load }
  const smtp = { ...common, metrics, signal: drain, offerRequireTls: true }
  const contentSearch = createContentSearch()
  const submission = { hostname, intake: core.intake, accounts: core.accounts, authenticator, clock, messageMaxOctets }
  const screening =
    options.screening === undefined
      ? {}
      : { screening: createScreening({ hostname, clock, log, ...options.screening }) }
  const known = {
    ...(options.strangers === undefined ? {} : { strangers: options.strangers }),
    ...(options.examiners === undefined ? {} : { examiners: options.examiners }),
  }
  const mta = createMtaPolicy({ hostname, intake: core.intake, clock, messageMaxOctets, ...screening, ...known })
  const sending = createSending({ directory: parts.store.directory, clock, log })
  const limits = options.sendingLimit === undefined ? {} : { limits: { sending, usual: options.sendingLimit } }
  const msa = createMsaPolicy({ ...submission, urls: core.urls, ...limits })
  const mda = ({ plainLogin }: ServiceConfig): ReturnType<typeof createMdaPolicy> =>
    createMdaPolicy({
      authenticator,
      openMailboxes: core.openMailboxes,
      grants: core.grants,
      plainLoginAllowed: ({ remote }) => plainLogin && networksContain(inside, remote.address),
    })

  /** A signed-in connection keeps its address from being banned until it ends. */
  const watched =
    (serve: Serve): Serve =>
    async (connection) => {
      try {
        await serve(connection)
      } finally {
        guard.sessionEnded(connection.id)
        live.ended(connection.id)
      }
    }
  const serveOf = (on: ServiceConfig): Serve | null => {
    switch (on.service) {
      case 'mx':
        return (connection) => smtpSession(connection, { policy: mta, ...smtp })
      case 'submission':
      case 'submissions':
        return (connection) => smtpSession(connection, { policy: msa, ...smtp })
      case 'imap':
      case 'imaps': {
        const policy = mda(on)
        return (connection) =>
          imapSession(connection, {
            policy,
            contentSearch,
            urls: core.urls,
            ...common,
            hostname,
            drain,
            messageMaxOctets,
          })
      }
      case 'pop3':
      case 'pop3s': {
        const policy = mda(on)
        return (connection) => pop3Session(connection, { policy, locks, ...common, hostname, signal: drain })
      }
      case 'sieve': {
        const policy = mda(on)
        return async (connection) => {
          const { compile, extensions } = await sieve()
          const openScriptsOf = (account: AccountRef): Scripts => openScripts(account, { store: parts.store, compile })
          const of = { policy, openScripts: openScriptsOf, implementation: `Gavan ${VERSION}`, extensions }
          return manageSieveSession(connection, { ...of, ...common, signal: drain })
        }
      }
      case 'http':
      case 'https':
        return null
    }
  }
  return (on) => {
    const serve = serveOf(on)
    return serve === null ? null : watched(serve)
  }
}

/** Whether a peer may connect: by the listener's networks, by bans, by our own load, by how many connections its address has. */
export function wireAdmission(on: ServiceConfig, guard: Guard, load: Load = calm): (remote: Endpoint) => Admission {
  const { service, networks } = on
  return ({ address }) => {
    if (networks !== 'anywhere' && !networksContain(networks, address)) return { at: 'refused', why: 'not-inside' }
    if (guard.isBanned(service, address)) return { at: 'refused', why: 'banned' }
    if (load.refusing) return { at: 'refused', why: 'busy' }
    const left = guard.connect(guardedAs(service), address)
    return left === null ? { at: 'refused', why: 'too-many' } : { at: 'welcome', left }
  }
}

const guardedAs = (service: ServiceName): 'mx' | 'access' => (service === 'mx' ? 'mx' : 'access')

export type RelayWiring = {
  readonly hostname: string
  readonly dialler: Dialler
  readonly resolver: Resolver
  readonly ourselves: Ourselves
  readonly routes: Routes
  /** Whose account keeps mail that must not leave; null without sandbox routes. */
  readonly sandbox: Address | null
  /** Absent: nothing is signed. */
  readonly signer?: Signer
  readonly mxPort?: number
}

/** MTA-STS policies of other domains, kept in the store. @param options.fetch another way to them, for tests */
export function wireStsPolicies(
  {
    store,
    clock,
    log,
  }: Pick<Parts, 'clock' | 'log'> & {
    readonly store: {
      readonly queue: Pick<Store['queue'], 'stsPolicy'>
      run(command: Extract<StoreCommand, { do: 'setStsPolicy' }>): Promise<unknown>
    }
  },
  options: { readonly resolver: Resolver; readonly fetch?: StsFetch },
): StsPolicies {
  const { resolver } = options
  const bounds = { timeoutMs: MTA_STS_FETCH_TIMEOUT_MS, answerMaxOctets: MTA_STS_POLICY_MAX_OCTETS }
  return createStsPolicies({
    resolver,
    clock,
    log,
    fetch: options.fetch ?? createPublicFetch({ ...bounds, resolver }),
    store: {
      read: (domain) => store.queue.stsPolicy(domain),
      async keep({ domain, ...policy }) {
        await store.run({ do: 'setStsPolicy', domain, policy })
      },
      async forget(domain) {
        await store.run({ do: 'setStsPolicy', domain, policy: null })
      },
    },
  })
}

export function wireRelay(parts: Parts, core: Core, options: RelayWiring): Relay {
  const { store, clock, random, log, metrics = noMetrics } = parts
  const { hostname, sandbox, signer, ...rest } = options
  const queue = createOutgoingQueue({
    store,
    clock,
    random,
    log,
    hostname,
    prepareNotice: core.intake.prepareNotice,
    owner: 'relay',
  })
  const open = async (): Promise<Mailboxes | null> => {
    const account = sandbox === null ? null : await readAccountRef(store, sandbox)
    return account === null ? null : core.openMailboxes(account)
  }
  return createRelay({
    queue,
    clock,
    random,
    log,
    metrics,
    ...rest,
    sts: wireStsPolicies(parts, rest),
    ...(signer === undefined ? {} : { signing: createSigning({ signer, clock, log }) }),
    sandbox: sandbox === null ? null : createSandbox({ open }),
  })
}
