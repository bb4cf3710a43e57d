import { Worker } from 'node:worker_threads'

/**
 * Looks for damaged pages (R11) while the store is in use.
 * @returns the first few, in SQLite's words; none when all is well, or when the signal ended it
 */
export function checkPages(dataDir: string, signal: AbortSignal): Promise<readonly string[]> {
  const file = import.meta.url.endsWith('.ts') ? './check-thread.ts' : './check-thread.js'
  const { promise, resolve } = Promise.withResolvers<readonly string[]>()
  if (signal.aborted) return Promise.resolve([])
  const worker = new Worker(new URL(file, import.meta.url), { workerData: { dataDir }, name: 'store-check' })
  const stop = (): void => void worker.terminate()
  signal.addEventListener('abort', stop, { once: true })
  worker.on('message', (found: readonly string[]) => resolve(found))
  worker.on('error', (error) => resolve([error instanceof Error ? error.message : String(error)]))
  worker.on('exit', () => {
    signal.removeEventListener('abort', stop)
    resolve([])
  })
  return promise
}
