/** A stage for IMAP: the real store, core and roles; connections in memory. */
import assert from 'node:assert/strict'
import type { AccountRef, AppendDraft, Guard, Mailboxes } from '../../src/core/contract.ts'
import { createGuard } from '../../src/core/guard/guard.ts'
import { createGrants } from '../../src/core/mailboxes/grants.ts'
import { openMailboxes } from '../../src/core/mailboxes/mailboxes.ts'
import { createContentSearch } from '../../src/core/search/search.ts'
import { createUrlAccess } from '../../src/core/urls/url-access.ts'
import { openTestCore, type TestCore } from '../../src/core/testing/test-core.ts'
import type { Flag } from '../../src/model/mailbox.ts'
import type { AccessPolicy } from '../../src/roles/contract.ts'
import { createAuthenticator } from '../../src/roles/authenticator.ts'
import { createMdaPolicy } from '../../src/roles/mda/mda.ts'
import { imapSession } from '../../src/session/imap/session.ts'
import { createTestConnection, type TestConnectionOptions, type TestPeer } from '../../src/session/test-connection.ts'
import { calm } from '../../src/std/load.ts'
import type { LogEvent } from '../../src/std/log.ts'
import { HOSTNAME, keepingLog } from '../mail-stage.ts'
import { certificateOf, testTokens } from '../tokens.ts'
import type { Transcript } from '../transcript.ts'
import { LETTERS } from './letters.ts'

export type ImapStage = {
  readonly core: TestCore
  readonly clock: TestCore['clock']
  readonly anna: AccountRef
  readonly mailboxes: Mailboxes
  readonly events: LogEvent[]
  readonly drain: AbortController
  readonly guard: Guard
  /** As the sessions see it. */
  readonly load: { stressed: boolean; refusing: boolean }
  connect(options?: Partial<TestConnectionOptions> & { wrap?: (handle: Mailboxes) => Mailboxes }): TestPeer
  /** Puts messages into a mailbox, with internal dates a minute apart from 2026-01-01T00:00Z on. */
  fill(mailbox: string, letters: readonly string[], flags?: readonly Flag[]): Promise<void>
  /** Errors of our own that the test provokes; any other fails it at the end. */
  failuresExpected: number
  /** Until the sessions begun so far have ended. */
  ended(): Promise<void>
  stop(): Promise<void>
}

/** Domain here.test with anna and bert; their password is `sesame`. */
export async function openImapStage(
  options: { quotaOctets?: number; quotaMessages?: number; plainLogins?: boolean; tokens?: boolean } = {},
): Promise<ImapStage> {
  const core = await openTestCore()
  const { store, clock, random, accounts } = core
  const events: LogEvent[] = []
  const log = keepingLog(events)
  const anna = await core.addAccount('anna@here.test', options.quotaOctets)
  const { quotaMessages } = options
  if (quotaMessages !== undefined) await store.run({ do: 'setQuota', accountId: anna.accountId, quotaMessages })
  await core.addAccount('bert@here.test')
  const open = (account: AccountRef): Mailboxes => openMailboxes(account, { store, clock })
  const guard = createGuard({ clock, lifted: () => false })
  const policyFor = (wrap: (handle: Mailboxes) => Mailboxes): AccessPolicy =>
    createMdaPolicy({
      authenticator: createAuthenticator({
        accounts,
        guard,
        log,
        ...(options.tokens === true ? { tokens: testTokens } : {}),
      }),
      openMailboxes: (account) => wrap(open(account)),
      grants: createGrants({ store, clock }),
      plainLoginAllowed: () => options.plainLogins === true,
    })
  const contentSearch = createContentSearch()
  const drain = new AbortController()
  const load = { ...calm }
  const mailboxes = open(anna)
  const running: Promise<void>[] = []
  const peers: TestPeer[] = []
  let filled = 0
  const stage: ImapStage = {
    core,
    clock,
    anna,
    mailboxes,
    events,
    drain,
    guard,
    load,
    connect({ wrap = (handle: Mailboxes) => handle, ...more } = {}) {
      const service = more.service ?? 'imaps'
      const { connection, peer } = createTestConnection({
        clock,
        tls: service === 'imaps',
        id: `c${peers.length + 1}`,
        ...more,
        service,
      })
      const { signal } = drain
      const policy = policyFor(wrap)
      running.push(
        imapSession(connection, {
          policy,
          contentSearch,
          urls: createUrlAccess({ store, random }),
          clock,
          random,
          log,
          load,
          hostname: HOSTNAME,
          drain: signal,
        }),
      )
      peers.push(peer)
      return peer
    },
    async fill(mailbox, letters, flags = []) {
      const info = (await mailboxes.find(mailbox))!
      const drafts: AppendDraft[] = []
      for (const letter of letters) {
        const sink = mailboxes.open()
        await sink.write(Buffer.from(letter))
        const message = await sink.finish()
        if ('at' in message) throw new Error(message.why)
        drafts.push({ message, flags, internalDate: Date.UTC(2026, 0, 1) + filled++ * 60_000 })
      }
      const outcome = await mailboxes.append(info.mailboxId, drafts)
      if (outcome.at !== 'done') throw new Error(outcome.at)
    },
    failuresExpected: 0,
    ended: async () => void (await Promise.all(running)),
    async stop() {
      drain.abort() // ends the waits after failed logins too
      for (const peer of peers) peer.reset()
      await Promise.all(running)
      await core[Symbol.asyncDispose]()
      const failed = events.filter(({ event }) => event === 'imap.failed' || event === 'imap.answer.broken')
      assert.equal(failed.length, stage.failuresExpected, failed.map(({ error }) => String(error)).join('\n'))
    },
  }
  return stage
}

/** `@service` (default imaps), `@mail plain tree …`, `@quota octets`, `@quota-messages count`, `@no-tls`, `@tokens`, `@certificate address`. */
export async function openTranscriptStage({ settings }: Transcript): Promise<ImapStage> {
  const quota = settings.get('quota')
  const messages = settings.get('quota-messages')
  const stage = await openImapStage({
    ...(quota === undefined ? {} : { quotaOctets: Number(quota) }),
    ...(messages === undefined ? {} : { quotaMessages: Number(messages) }),
    tokens: settings.has('tokens'),
  })
  const names = settings.get('mail')?.split(' ') ?? []
  if (names.length > 0)
    await stage.fill(
      'INBOX',
      names.map((name) => LETTERS[name]!),
    )
  return {
    ...stage,
    connect: () =>
      stage.connect({
        service: settings.get('service') === 'imap' ? 'imap' : 'imaps',
        ...(settings.has('no-tls') ? { canStartTls: false } : {}),
        ...(settings.has('certificate') ? { certificate: certificateOf(settings.get('certificate')!) } : {}),
      }),
  }
}

/** A client for tests that look at answers as a whole. */
export type Client = {
  readonly peer: TestPeer
  /** Sends a command; its answer's lines, without the tag in the last one. */
  ask(command: string): Promise<string[]>
  /** Everything up to a line that begins so. */
  until(start: string): Promise<string[]>
}

export async function logIn(
  stage: ImapStage,
  options?: Parameters<ImapStage['connect']>[0],
  user = 'anna@here.test',
): Promise<Client> {
  const peer = stage.connect(options)
  let tags = 0
  const client: Client = {
    peer,
    async ask(command) {
      const tag = `t${++tags}`
      peer.send(`${tag} ${command}\r\n`)
      const lines = await client.until(`${tag} `)
      lines.push(lines.pop()!.slice(tag.length + 1))
      return lines
    },
    async until(start) {
      const lines: string[] = []
      for (;;) {
        const line = await peer.line()
        if (line === null) throw new Error(`closed after:\n${lines.join('\n')}`)
        lines.push(line)
        if (line.startsWith(start)) return lines
      }
    },
  }
  await client.until('* OK')
  await client.ask(`LOGIN ${user} sesame`)
  return client
}
