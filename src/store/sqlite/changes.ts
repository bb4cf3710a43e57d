/** Hands change notices to who watches, in one thread. */
import type { Log } from '../../std/log.ts'
import type { AccountId } from '../../model/ids.ts'
import type { ChangeNotice, Changes } from '../contract.ts'

export type ChangeHub = { readonly changes: Changes; deliver(notices: readonly ChangeNotice[]): void }

export function changeHub(log: Log): ChangeHub {
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

  const watch = (set: Set<() => void>, heard: () => void): (() => void) => {
    const mine = (): void => heard() // So that one function may watch twice.
    set.add(mine)
    return () => void set.delete(mine)
  }

  return {
    changes: {
      watchAccount(accountId, heard) {
        const mine = (notice: ChangeNotice): void => heard(notice)
        const set = accounts.get(accountId) ?? new Set()
        accounts.set(accountId, set.add(mine))
        return () => {
          set.delete(mine)
          if (set.size === 0 && accounts.get(accountId) === set) accounts.delete(accountId)
        }
      },
      watchQueue: (heard) => watch(queue, heard),
      watchDirectory: (heard) => watch(directory, heard),
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
