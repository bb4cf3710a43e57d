import { setTimeout as wait } from 'node:timers/promises'
import type { ServerFacts, User } from '../server/server.ts'
import { openImap, type Imap } from './imap.ts'
import { makeLetter } from './letter.ts'
import { pool } from './pool.ts'

const POLL_MS = 20
const TIMEOUT_MS = 180_000
const LETTERS_PER_APPEND = 100

export type Watch = AsyncDisposable & {
  /** Resolves once so many letters more than at the beginning are visible, all users together. */
  arrived(letters: number): Promise<void>
}

/** Counts what comes into the INBOX of some users. */
export async function watchInboxes({ ports }: ServerFacts, users: readonly User[]): Promise<Watch> {
  const clients: Imap[] = []
  for (const user of users) clients.push(await openImap(ports.imaps, user))
  const counts = (): Promise<number[]> => Promise.all(clients.map((client) => client.count('INBOX')))
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  const before = sum(await counts())
  return {
    async arrived(letters) {
      const until = performance.now() + TIMEOUT_MS
      for (let now = sum(await counts()); now < before + letters; now = sum(await counts())) {
        if (performance.now() > until) throw new Error(`only ${now - before} of ${letters} letters have arrived`)
        await wait(POLL_MS)
      }
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close()
    },
  }
}

/**
 * Brings an INBOX to so many letters, by MULTIAPPEND (RFC 3502) over a few connections.
 * @param options.rareWord is in the subject of the letter in the middle
 */
export async function fillInbox(
  { ports }: ServerFacts,
  options: { user: User; letters: number; octets: number; rareWord?: string },
): Promise<void> {
  const { user, letters, octets, rareWord = '' } = options
  const first = await openImap(ports.imaps, user)
  const there = await first.count('INBOX')
  first.close()
  const missing = Math.max(0, letters - there)
  const middle = Math.floor(missing / 2 / LETTERS_PER_APPEND)
  await pool({
    count: 4,
    jobs: Math.ceil(missing / LETTERS_PER_APPEND),
    worker: async (next) => {
      const client = await openImap(ports.imaps, user)
      for (let index = next(); index !== null; index = next()) {
        const count = Math.min(LETTERS_PER_APPEND, missing - index * LETTERS_PER_APPEND)
        const isMiddle = index === middle
        const batch = Array.from({ length: count }, (_, at) =>
          makeLetter(octets, isMiddle && at === 0 ? { word: rareWord } : {}),
        )
        await client.append('INBOX', batch)
      }
      client.close()
    },
  })
}
