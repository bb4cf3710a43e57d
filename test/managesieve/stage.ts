/** A stage for ManageSieve: the real store, core, roles and compiler of scripts; connections in memory. */
import { openScripts } from '../../src/core/filters/scripts.ts'
import { createGuard } from '../../src/core/guard/guard.ts'
import { openMailboxes } from '../../src/core/mailboxes/mailboxes.ts'
import { openTestCore, type TestCore } from '../../src/core/testing/test-core.ts'
import type { AccountRef, Scripts } from '../../src/core/contract.ts'
import { createAuthenticator } from '../../src/roles/authenticator.ts'
import { createMdaPolicy } from '../../src/roles/mda/mda.ts'
import { manageSieveSession } from '../../src/session/managesieve/session.ts'
import { createTestConnection, type TestPeer } from '../../src/session/test-connection.ts'
import { compile } from '../../src/sieve/compile.ts'
import type { LogEvent } from '../../src/std/log.ts'
import { keepingLog } from '../mail-stage.ts'
import type { Stage } from '../transcript.ts'

export type ManageSieveStage = Omit<Stage, 'stop'> & {
  stop(): Promise<void>
  readonly core: TestCore
  readonly anna: AccountRef
  readonly events: readonly LogEvent[]
  readonly drain: AbortController
  scriptsOf(account: AccountRef): Scripts
}

/** Domain here.test with anna and bert; their password is `sesame`. Extensions are few, so that they fit a line. */
export async function openManageSieveStage({ canStartTls = true } = {}): Promise<ManageSieveStage> {
  const core = await openTestCore()
  const { store, clock, random, accounts } = core
  const events: LogEvent[] = []
  const log = keepingLog(events)
  const anna = await core.addAccount('anna@here.test')
  await core.addAccount('bert@here.test')
  const policy = createMdaPolicy({
    authenticator: createAuthenticator({ accounts, guard: createGuard({ clock, lifted: () => false }), log }),
    openMailboxes: (account) => openMailboxes(account, { store, clock }),
    plainLoginAllowed: () => false,
  })
  const scriptsOf = (account: AccountRef): Scripts => openScripts(account, { store, compile })
  const drain = new AbortController()
  const running: Promise<void>[] = []
  const peers: TestPeer[] = []
  return {
    core,
    clock,
    anna,
    events,
    drain,
    scriptsOf,
    connect() {
      const { connection, peer } = createTestConnection({
        service: 'sieve',
        clock,
        tls: false,
        canStartTls,
        id: `c${peers.length + 1}`,
      })
      peers.push(peer)
      const extensions = ['fileinto', 'vacation']
      const options = { policy, openScripts: scriptsOf, implementation: 'Gavan 1', extensions, clock, random, log }
      running.push(manageSieveSession(connection, { ...options, signal: drain.signal }))
      return peer
    },
    async stop() {
      drain.abort()
      for (const peer of peers) peer.end()
      await Promise.all(running)
      await core[Symbol.asyncDispose]()
    },
  }
}
