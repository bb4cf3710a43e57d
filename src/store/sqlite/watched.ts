/**
 * Whose notices somebody in a thread waits for, in memory that the writer's thread looks into: waking a thread that
 * nobody watches in costs more than a small commit. A slot is raised before its watcher reads anything, and looked at
 * after the commit: either the writer sees it, or what was read is newer than the commit.
 */
import type { AccountId } from '../../model/ids.ts'
import type { ChangeNotice } from '../contract.ts'

const [QUEUE, DIRECTORY, EVERY_ACCOUNT, FIRST_ACCOUNT] = [0, 1, 2, 3]
/** Accounts share slots: a thread may hear of one that it does not watch. */
const ACCOUNT_SLOTS = 4093

export type Watched = Int32Array<SharedArrayBuffer>
/** What is watched: all of a kind, or one account. */
export type Topic = 'queue' | 'directory' | 'every-account' | AccountId

export const newWatched = (): Watched =>
  new Int32Array(new SharedArrayBuffer((FIRST_ACCOUNT + ACCOUNT_SLOTS) * Int32Array.BYTES_PER_ELEMENT))

/** One more or one less that watches. */
export const count = (watched: Watched, topic: Topic, by: 1 | -1): void => void Atomics.add(watched, slotOf(topic), by)

export function isWatched(watched: Watched, notice: ChangeNotice): boolean {
  if (notice.kind === 'queue' || notice.kind === 'directory') return Atomics.load(watched, slotOf(notice.kind)) > 0
  return Atomics.load(watched, slotOf(notice.accountId)) > 0 || Atomics.load(watched, EVERY_ACCOUNT) > 0
}

function slotOf(topic: Topic): number {
  if (topic === 'queue') return QUEUE
  if (topic === 'directory') return DIRECTORY
  if (topic === 'every-account') return EVERY_ACCOUNT
  return FIRST_ACCOUNT + (topic % ACCOUNT_SLOTS)
}
