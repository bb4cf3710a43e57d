/** Hands change notices to who watches, in one thread. */
import type { Log } from '../../std/log.ts'
import type { AccountId } from '../../model/ids.ts'
import type { ChangeNotice, Changes } from '../contract.ts'
import { count, newWatched, type Topic, type Watched } from './watched.ts'

export type ChangeHub = { readonly changes: Changes; deliver(notices: readonly ChangeNotice[]): void }

/** @param watched raised while somebody watches: `watched.ts` */
export function changeHub(log: Log, watched: Watched = newWatched()): ChangeHub {
  const accounts = new Map<AccountId, Set<(notice: ChangeNotice) => void>>()
  const queue = new Set<() => void>()
  const directory = new Set<() => void>()

  function tell(call: () => void): void {
    try {
      call()
    } catch (error) {
      log.error({ event: 'store.watcher.failed', cause: String(error) }) // One watcher's fault is not the others'.
    }
  }

  /** @param heard a function of its own, so that one may watch twice @returns the end */
  function watch<Heard>(topic: Topic, set: Set<Heard>, heard: Heard): () => void {
    set.add(heard)
    count(watched, topic, 1)
    return () => {
      if (set.delete(heard)) count(watched, topic, -1)
    }
  }

  return {
    changes: {
      watchAccount(accountId, heard) {
        const set = accounts.get(accountId) ?? new Set()
        accounts.set(accountId, set)
        const end = watch(accountId, set, (notice: ChangeNotice) => heard(notice))
        return () => {
          end()
          if (set.size === 0 && accounts.get(accountId) === set) accounts.delete(accountId)
        }
      },
      watchQueue: (heard) => watch('queue', queue, () => heard()),
      watchDirectory: (heard) => watch('directory', directory, () => heard()),
    },
    deliver(notices) {
      for (const notice of notices) {
        if (notice.kind === 'queue') for (const heard of [...queue]) tell(heard)
        else if (notice.kind === 'directory') for (const heard of [...directory]) tell(heard)
        else for (const heard of [...(accounts.get(notice.accountId) ?? [])]) tell(() => heard(notice))
      }
    },
  }
}
