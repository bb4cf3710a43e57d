/** Opens the embedded store in a temporary directory, for the contract suite. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../../std/log.ts'
import type { Opened } from '../contract-suite.ts'
import type { Store } from '../contract.ts'
import { connectStore } from '../sqlite/connect.ts'
import { openStore } from '../sqlite/open.ts'
import { startStoreWriter } from '../sqlite/start.ts'
import { verifyStore } from '../sqlite/verify.ts'
import { testClock } from './clock.ts'

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'gavan-store-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

type Half = { readonly store: Store; close(): Promise<void> }

async function overAndOver(open: (dataDir: string) => Promise<Half>): Promise<Opened> {
  const directory = temporaryDirectory()
  const dataDir = join(directory.path, 'data')
  let half = await open(dataDir)
  const opened = (): Opened => ({
    store: half.store,
    async reopen() {
      await half.close()
      half = await open(dataDir)
      return opened()
    },
    async close() {
      await half.close()
      try {
        assert.deepEqual(verifyStore({ dataDir }), [])
      } finally {
        directory.remove()
      }
    },
  })
  return opened()
}

export const inOneThread = (): Promise<Opened> =>
  overAndOver(async (dataDir) => {
    const store = await openStore({ dataDir, clock: testClock, log: silentLog })
    return { store, close: () => store.close() }
  })

export const inTwoThreads = (): Promise<Opened> =>
  overAndOver(async (dataDir) => {
    const writer = await startStoreWriter({ dataDir, log: silentLog })
    const store = await connectStore({ dataDir, port: writer.connect(), clock: testClock, log: silentLog })
    return {
      store,
      async close() {
        await store.close()
        await writer.close()
      },
    }
  })
