/** The keeper of bans in the main thread: hears the threads' guards, keeps bans in a file of data_dir over a restart. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { createBanKeeper, NOTHING_KEPT, type BanKeeper, type Exemptions, type KeptBans } from '../core/guard/keeper.ts'
import type { GuardNews } from '../core/guard/news.ts'
import { BAN_KEEP_DELAY_MS, BANS_MAX, GUARD_KNOWN_PAIRS_MAX } from '../model/limits.ts'
import { BANS } from '../model/metrics.ts'
import { PORT_GROUP_NAMES } from '../model/service.ts'
import type { Network } from '../model/network.ts'
import type { Cancel, Clock } from '../std/clock.ts'
import type { Log } from '../std/log.ts'
import { noMetrics, type Metrics } from '../std/metrics.ts'
import { keepFile } from './keep-file.ts'

export const bansFile = (dataDir: string): string => join(dataDir, 'bans.json')

const time = v.pipe(v.number(), v.finite())
const attempt = v.object({
  at: time,
  service: v.picklist(['mx', 'submission', 'submissions', 'imap', 'imaps', 'pop3', 'pop3s', 'http', 'https', 'sieve']),
  port: v.number(),
  cid: v.string(),
  user: v.string(),
})
const FILE = v.object({
  version: v.literal(1),
  bans: v.pipe(
    v.array(
      v.object({
        network: v.string(),
        group: v.picklist(PORT_GROUP_NAMES),
        since: time,
        until: time,
        reason: v.string(),
        by: v.picklist(['failed-logins', 'administrator']),
        times: v.number(),
        evidence: v.array(attempt),
      }),
    ),
    v.maxLength(BANS_MAX),
  ),
  history: v.pipe(v.array(v.object({ network: v.string(), times: v.number(), until: time })), v.maxLength(BANS_MAX)),
  known: v.pipe(
    v.array(v.object({ user: v.string(), host: v.string(), at: time })),
    v.maxLength(GUARD_KNOWN_PAIRS_MAX),
  ),
})

/** A file that cannot be read is told and left aside: mail goes on without it. */
async function readKept(path: string, log: Log): Promise<KeptBans> {
  try {
    return v.parse(FILE, JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!absent) log.error({ event: 'ban.file.failed', path, cause: String(error) })
    return NOTHING_KEPT
  }
}

export type RunningBans = {
  readonly keeper: BanKeeper
  /** News of a thread's guard. */
  hear(item: GuardNews): void
  /** For the threads' guess keys; lives as long as the program. */
  readonly guessKey: Uint8Array
  close(): Promise<void>
}

/**
 * @param options.exempt networks that are never banned, asked at each decision
 * @param options.tell brings the keeper's news to the guard of every thread
 */
export async function openBans(options: {
  dataDir: string
  exempt: () => Exemptions
  clock: Clock
  log: Log
  metrics?: Metrics
  tell: (item: GuardNews) => void
}): Promise<RunningBans> {
  const { dataDir, exempt, clock, log, metrics = noMetrics, tell } = options
  const path = bansFile(dataDir)
  const kept = await readKept(path, log)
  let cancel: Cancel | null = null
  let writing: Promise<void> = Promise.resolve()

  const write = (): void => {
    cancel = null
    const content = JSON.stringify({ version: 1, ...keeper.kept() })
    writing = writing
      .then(() => keepFile(path, content, { mode: 0o600 }))
      .catch((error: unknown) => log.error({ event: 'ban.file.failed', path, cause: String(error) }))
  }
  const keeper = createBanKeeper({
    clock,
    log,
    exempt,
    kept,
    tell,
    changed() {
      count()
      cancel ??= clock.timer(BAN_KEEP_DELAY_MS, write)
    },
  })
  const count = (): void => {
    for (const [group, number] of Object.entries(keeper.counts())) metrics.set(BANS, { group }, number)
  }
  count()

  return {
    keeper,
    hear: (item) => keeper.hear(item),
    guessKey: randomBytes(32),
    async close() {
      keeper.stop()
      cancel?.()
      write()
      await writing
    },
  }
}

/** Why addresses are spared, from the configuration and from this machine's routes. */
export const exemptionsOf =
  (nat: { neverBan: readonly Network[]; proxies: readonly Network[] }, gateways: () => readonly Network[]) =>
  (): Exemptions => [
    { why: 'gateway', networks: gateways() },
    { why: 'never-ban', networks: nat.neverBan },
    { why: 'proxy', networks: nat.proxies },
  ]
