/** What every backend is held to. `open` makes an empty store; `reopen` closes it and opens the same data again. */
import { suite, test } from 'node:test'
import type { Store } from './contract.ts'
import { accessKeyTests } from './suite/access-keys.ts'
import { contentTests } from './suite/content.ts'
import { directoryTests } from './suite/directory.ts'
import { flagTests } from './suite/flags.ts'
import { intakeTests } from './suite/intake.ts'
import { changeTests, lifeTests } from './suite/life.ts'
import { mailboxTests } from './suite/mailboxes.ts'
import { queueTests } from './suite/queue.ts'
import type { Opened } from './suite/shared.ts'
import { sortTests } from './suite/sort.ts'
import { sharingTests } from './suite/sharing.ts'
import { scriptTests } from './suite/scripts.ts'
import { sendingTests } from './suite/sending.ts'
import { stsPolicyTests } from './suite/sts-policies.ts'
import { transferTests } from './suite/transfer.ts'

export type { Opened } from './suite/shared.ts'

/** @param concurrency tests at once: worth it where opening a store takes long */
export function storeSuite(name: string, open: () => Promise<Opened>, { concurrency = 1 } = {}): void {
  const check = (what: string, body: (store: Store, opened: Opened) => Promise<void>): void => {
    test(what, async () => {
      const opened = await open()
      try {
        await body(opened.store, opened)
      } finally {
        await opened.close()
      }
    })
  }
  suite(name, { concurrency }, () => {
    directoryTests(check)
    accessKeyTests(check)
    scriptTests(check)
    intakeTests(check)
    flagTests(check)
    transferTests(check)
    mailboxTests(check)
    sortTests(check)
    contentTests(check)
    queueTests(check)
    changeTests(check)
    sharingTests(check)
    stsPolicyTests(check)
    sendingTests(check)
    lifeTests(check)
  })
}
