/** A Store from its two halves: readers in this thread, and somewhere a writer that takes commands. */
import type { Clock } from '../../std/clock.ts'
import { type Command, type OutcomeOf, type Store, StoreError } from '../contract.ts'
import type { Files } from '../files.ts'
import { bodyReader } from './bodies.ts'
import type { ChangeHub } from './changes.ts'
import { openReader } from './database.ts'
import { databasePath } from './paths.ts'
import { prepare, type PreparedCommand } from './prepared.ts'
import { directoryReads } from './reads/directory.ts'
import { filterReads } from './reads/filters.ts'
import { mailReads } from './reads/mail.ts'
import { queueReads } from './reads/queue.ts'
import { spaceFor } from './space.ts'
import { staging } from './stage.ts'

/** Takes commands to the writer, wherever it is. */
export type Submit = {
  /** Resolves with the outcome once it is on the device. @throws StoreError */
  run(command: PreparedCommand): Promise<unknown>
  /** Resolves when all that was given to `run` is settled and no more is taken. */
  close(): Promise<void>
}

export function storeOver(options: {
  dataDir: string
  files: Files
  clock: Clock
  submit: Submit
  hub: ChangeHub
}): Store {
  const { dataDir, files, clock, submit, hub } = options
  const db = openReader(databasePath(dataDir))
  const bodies = bodyReader(dataDir, files)
  const { stage, readStaged, discard } = staging({
    dataDir,
    files,
    takeSpace: spaceFor({ files, clock, path: dataDir }),
  })
  let closing: Promise<void> | null = null

  async function close(): Promise<void> {
    await submit.close()
    bodies.close()
    db.close()
  }

  return {
    async run<C extends Command>(command: C) {
      if (closing !== null) throw new StoreError('closed', 'the store is closed')
      return (await submit.run(prepare(command))) as OutcomeOf<C>
    },
    stage,
    readStaged,
    discard,
    directory: directoryReads(db),
    mail: mailReads(db, bodies),
    queue: queueReads(db, bodies),
    filters: filterReads(db),
    changes: hub.changes,
    close: () => (closing ??= close()),
  }
}
