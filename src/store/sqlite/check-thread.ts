/** Reads every page of the database once and tells what is damaged: in a thread of its own, for it takes its time. */
import { parentPort, workerData } from 'node:worker_threads'
import { openReader } from './database.ts'
import { databasePath } from './paths.ts'

const { dataDir } = workerData as { readonly dataDir: string }
const TOLD_MAX = 10

function check(): string[] {
  try {
    const db = openReader(databasePath(dataDir))
    try {
      const rows = db.prepare<[string]>(`PRAGMA quick_check(${TOLD_MAX})`).all()
      return rows.map(([text]) => text).filter((text) => text !== 'ok')
    } finally {
      db.close()
    }
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

parentPort?.postMessage(check())
