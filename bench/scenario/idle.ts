import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { openImap, type Imap } from '../load/imap.ts'
import { makeLetter } from '../load/letter.ts'
import { closeSmtp, openSmtp, sendLetter } from '../load/smtp.ts'
import { quantile, type Scenario } from '../scenario.ts'
import { freshServer } from '../server/fresh.ts'
import { memoryKiB } from '../server/processes.ts'
import type { ServerFacts, ServerName } from '../server/server.ts'

/** Longer than Dovecot waits until it hibernates a connection and ends the process. */
const SETTLE_MS = 15_000
const USERS = 50
const OPENED_AT_ONCE = 10
const BETWEEN_OPENINGS_MS = 200
const BETWEEN_LETTERS_MS = 500

/**
 * Each IMAP process of Dovecot holds an inotify instance until it is hibernated; without one it is not hibernated, and looks for
 * new mail twice a second only. Linux gives a user 128 (inotify(7)). Where nobody has raised that, Dovecot gets as many
 * connections as it can serve well, and gavan the full number.
 */
function connectionsFor(name: ServerName, wanted: number): number {
  const instances = Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'latin1'))
  return name === 'gavan' || instances > 2 * wanted ? wanted : Math.min(wanted, 100)
}

/** Opens connections that IDLE in their INBOX, users in turn. */
async function openIdle(server: ServerFacts, connections: number): Promise<Imap[]> {
  const idle: Imap[] = []
  while (idle.length < connections) {
    const some = Math.min(OPENED_AT_ONCE, connections - idle.length)
    const opened = Array.from({ length: some }, async (_, index) => {
      const client = await openImap(server.ports.imaps, server.users[(idle.length + index) % USERS]!)
      await client.command('SELECT INBOX')
      await client.idle()
      return client
    })
    idle.push(...(await Promise.all(opened)))
    await wait(BETWEEN_OPENINGS_MS)
  }
  return idle
}

/** From the dot that ends a letter to EXISTS on one connection of its reader. */
async function wakeUps(server: ServerFacts, idle: readonly Imap[], count: number): Promise<number[]> {
  const smtp = await openSmtp(server.ports.mx, null)
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const at = index % USERS
    const observer = idle[at]!
    const exists = (async () => {
      while (!(await observer.wire.line()).endsWith(' EXISTS'));
      return performance.now()
    })()
    const letter = makeLetter(4096)
    const start = performance.now()
    await sendLetter(smtp, { from: 'sender@far.test', to: server.users[at]!.address, letter })
    times.push((await exists) - start)
    await wait(BETWEEN_LETTERS_MS)
  }
  await closeSmtp(smtp)
  return times
}

export const scenario: Scenario = {
  name: 'idle',
  about:
    'a fresh server and 1,000 IMAP connections over TLS that IDLE, of 50 users (Dovecot: 100 where inotify(7) allows no more): memory (PSS) for each; from MAIL FROM to EXISTS at another client',
  rounds: 3,
  warmUp: false,
  async run(stage) {
    const start = await freshServer(stage.server.name, { folder: stage.scratch, users: stage.server.users })
    await using running = await start()
    const { facts: server } = running
    const connections = connectionsFor(server.name, stage.size(1000, 100))
    // Each user's mailbox and every part of the code has been used before the first look.
    const warm = await openIdle(server, USERS)
    for (const client of warm) client.close()
    await wait(SETTLE_MS)
    const before = memoryKiB(server.pids)
    const idle = await openIdle(server, connections)
    await wait(SETTLE_MS)
    const after = memoryKiB(server.pids)
    const times = await wakeUps(server, idle, stage.size(30, 10))
    for (const client of idle) client.close()
    return [
      {
        what: 'memory per idle connection',
        value: (after.pss - before.pss) / connections,
        unit: 'KiB',
        cpuMsEach: null,
      },
      { what: 'letter → EXISTS on IDLE, p50', value: quantile(times, 0.5), unit: 'ms', cpuMsEach: null },
      { what: 'letter → EXISTS on IDLE, p95', value: quantile(times, 0.95), unit: 'ms', cpuMsEach: null },
    ]
  },
}
