/** Brings letters of a source into an account's mailboxes, in order, a batch to a commit. */
import { isKeyword } from '../../format/mbox/status.ts'
import { SYSTEM_FLAGS, type Flag } from '../../model/mailbox.ts'
import { TRANSFER_BATCH_MAX, TRANSFER_BATCH_MAX_OCTETS } from '../../model/limits.ts'
import type { Letter } from './frames.ts'
import { type Digest, digestOf, type KnownLetters } from './known.ts'
import type { Source, SourceLetter } from './source.ts'

/** One for each letter of a batch, in its order. */
export type LetterOutcome = { readonly at: 'done' } | { readonly at: 'malformed'; readonly why: string }

export type Target = {
  known(mailbox: string): Promise<KnownLetters>
  /** With its parents, subscribed; nothing when it is there. */
  createMailbox(name: string): Promise<void>
  /** One commit: all of them, but the malformed ones, or none. @throws when none was taken */
  append(mailbox: string, letters: readonly Letter[]): Promise<readonly LetterOutcome[]>
}

export type ImportProblem = { readonly where: string; readonly why: string }
export type ImportReport = {
  readonly imported: number
  /** There already, by content. */
  readonly skipped: number
  readonly octets: number
  readonly mailboxes: Readonly<Record<string, number>>
  readonly problems: readonly ImportProblem[]
  /** Broken off by the signal: what is told as imported is kept, the same command goes on from there. */
  readonly cancelled: boolean
}

const PROBLEMS_MAX = 1000
const isSystem = (flag: Flag): boolean => (SYSTEM_FLAGS as readonly Flag[]).includes(flag)

type Waiting = { readonly letter: SourceLetter; readonly digest: Digest }

/** @throws what the target throws; then all before that batch is kept */
export async function importLetters(options: {
  source: Source
  target: Target
  dryRun: boolean
  /** False: the five flags of the system only. */
  keywords: boolean
  signal?: AbortSignal
  progress?: (so: { readonly imported: number; readonly skipped: number; readonly mailbox: string }) => void
}): Promise<ImportReport> {
  const { source, target, dryRun, keywords, signal, progress } = options
  const known = new Map<string, KnownLetters>()
  const made = new Set<string>()
  const mailboxes = new Map<string, number>()
  const problems: ImportProblem[] = []
  let [imported, skipped, octets] = [0, 0, 0]
  let batch: Waiting[] = []
  let batchOctets = 0

  const problem = (where: string, why: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push({ where, why })
  }

  async function make(name: string): Promise<void> {
    if (made.has(name)) return
    if (!dryRun) await target.createMailbox(name)
    made.add(name)
    mailboxes.set(name, mailboxes.get(name) ?? 0)
  }

  async function flush(): Promise<void> {
    const [first] = batch
    if (first === undefined) return
    const { mailbox } = first.letter
    const letters = batch.map(({ letter }) => ({
      flags: letter.flags.filter((flag) => isSystem(flag) || (keywords && isKeyword(flag))),
      internalDate: letter.internalDate,
      content: letter.open(),
    }))
    const outcomes = dryRun ? letters.map(() => ({ at: 'done' }) as const) : await target.append(mailbox, letters)
    batch.forEach(({ letter, digest }, index) => {
      const outcome = outcomes[index]
      if (outcome?.at !== 'done') return problem(letter.where, outcome?.why ?? 'no answer')
      imported++
      octets += digest.sizeOctets
      mailboxes.set(mailbox, (mailboxes.get(mailbox) ?? 0) + 1)
    })
    batch = []
    batchOctets = 0
    progress?.({ imported, skipped, mailbox })
  }

  async function take(letter: SourceLetter): Promise<void> {
    let digest: Digest
    try {
      digest = await digestOf(letter.open())
    } catch (error) {
      return problem(letter.where, error instanceof Error ? error.message : String(error))
    }
    const { mailbox } = letter
    if (digest.sizeOctets === 0) return problem(letter.where, 'the letter is empty')
    let there = known.get(mailbox)
    if (there === undefined) known.set(mailbox, (there = await target.known(mailbox)))
    if (await there.take(digest)) {
      skipped++
      progress?.({ imported, skipped, mailbox })
      return
    }
    const full = batch.length >= TRANSFER_BATCH_MAX || batchOctets + digest.sizeOctets > TRANSFER_BATCH_MAX_OCTETS
    if (full || batch[0]?.letter.mailbox !== mailbox) await flush()
    await make(mailbox)
    batch.push({ letter, digest })
    batchOctets += digest.sizeOctets
  }

  for await (const item of source) {
    if (signal?.aborted === true) break
    if (item.kind === 'letter') await take(item)
    else if (item.kind === 'mailbox') await make(item.name)
    else problem(item.where, item.why)
  }
  // What waits in the batch was read, not promised: a cancelled run leaves it to the next.
  const cancelled = signal?.aborted === true
  if (!cancelled) await flush()
  return { imported, skipped, octets, mailboxes: Object.fromEntries(mailboxes), problems, cancelled }
}
