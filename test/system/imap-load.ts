/** IMAP clients that append, flag and expunge without pause, each in a mailbox of its own, and write down what they were told. */
import type { Gavan } from '../interop/gavan.ts'
import { openMailbox, type MailboxBooks, type Unknown } from './imap-survival.ts'
import type { Talk } from './talk.ts'

export type ImapLoad = AsyncDisposable & {
  /** Changes acknowledged so far. */
  readonly done: number
  /** What is acknowledged from now on counts as unknown. */
  distrust(): void
  /** Answers that were neither OK nor an end, to see that the load was a load. */
  readonly refusals: readonly string[]
  stop(): Promise<void>
}

const FLAGS = ['\\Seen', '\\Flagged', '\\Answered', '$Load']
/** Few letters, so that flags and expunges meet the same ones again. */
const LETTERS_MAX = 30

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!

export function startImapLoad(gavan: Gavan, all: readonly MailboxBooks[]): ImapLoad {
  const refusals: string[] = []
  const talks = new Set<Talk>()
  let done = 0
  let trusted = true
  const stopping = new AbortController()
  let serial = 0

  /** Asks one change. @returns the answer, or null when it is not to be trusted @throws when there is none */
  async function change(talk: Talk, books: MailboxBooks, unknown: Unknown, text: string): Promise<string | null> {
    books.unknown = unknown
    talk.send(text)
    const answer = await talk.hear(/^x (?:OK|NO|BAD) .*\r\n/m)
    if (!trusted) return null
    if (!/^x OK /m.test(answer)) {
      // Nothing is known of it but that it was not promised.
      refusals.push(answer.trim())
      return null
    }
    books.unknown = null
    for (const [, modSeq] of answer.matchAll(/MODSEQ \(?(\d+)/g)) books.modSeq = Math.max(books.modSeq, Number(modSeq))
    done++
    return answer
  }

  async function append(talk: Talk, books: MailboxBooks): Promise<boolean> {
    const id = `${books.name}-${Date.now()}-${++serial}`
    const letter = `X-Load: ${id}\r\nSubject: ${id}\r\n\r\n${'y'.repeat(Math.floor(Math.random() * 3000))}\r\n`
    const text = `x APPEND ${books.name} {${letter.length}+}\r\n${letter}\r\n`
    const answer = await change(talk, books, { do: 'append', id }, text)
    if (answer === null) return false
    const uid = Number(/\[APPENDUID \d+ (\d+)\]/.exec(answer)?.[1])
    if (!(uid >= books.uidNext)) throw new Error(`${books.name}: UID ${uid} after UIDNEXT ${books.uidNext}`)
    books.uidNext = uid + 1
    books.messages.set(uid, { id, flags: new Set() })
    return true
  }

  async function store(talk: Talk, books: MailboxBooks, uid: number, flag: string): Promise<boolean> {
    const { flags } = books.messages.get(uid)!
    const sign = flags.has(flag) ? '-' : '+'
    const text = `x UID STORE ${uid} ${sign}FLAGS (${flag})\r\n`
    if ((await change(talk, books, { do: 'store', uid, flag }, text)) === null) return false
    if (sign === '+') flags.add(flag)
    else flags.delete(flag)
    return true
  }

  async function expunge(talk: Talk, books: MailboxBooks, uid: number): Promise<boolean> {
    if (!books.messages.get(uid)!.flags.has('\\Deleted') && !(await store(talk, books, uid, '\\Deleted'))) return false
    if ((await change(talk, books, { do: 'expunge', uid }, `x UID EXPUNGE ${uid}\r\n`)) === null) return false
    books.messages.delete(uid)
    books.gone.add(uid)
    return true
  }

  const step = (talk: Talk, books: MailboxBooks): Promise<boolean> => {
    const uids = [...books.messages.keys()]
    const chance = Math.random()
    if (uids.length === 0 || (uids.length < LETTERS_MAX && chance < 0.4)) return append(talk, books)
    return chance < 0.8 ? store(talk, books, pick(uids), pick(FLAGS)) : expunge(talk, books, pick(uids))
  }

  async function work(books: MailboxBooks): Promise<void> {
    try {
      using talk = await openMailbox(gavan, books)
      talks.add(talk)
      while (!stopping.signal.aborted && (await step(talk, books)));
    } catch (error) {
      // The server was killed; what it owed us is written down. What is wrong with UIDs is not for this net.
      if (!(error instanceof Error) || /UID/.test(error.message)) throw error
    }
  }

  const workers = all.map(work)
  for (const worker of workers) worker.catch(() => {}) // Told by `stop`.
  const stop = async (): Promise<void> => {
    stopping.abort()
    for (const talk of talks) talk[Symbol.dispose]()
    await Promise.all(workers)
  }
  return {
    get done() {
      return done
    },
    refusals,
    distrust() {
      trusted = false
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
