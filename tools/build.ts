/**
 * `npm run build`: dist/ as plain JavaScript, which the installed package runs. One bundle for each thread, with nothing
 * in it that the thread does not use; packages stay outside, as npm installs them. Why: docs/adr/0009-start-and-memory.md.
 *
 *     node tools/build.ts [FOLDER]
 */
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build as bundle } from 'rolldown'
import { ROOT } from './tree.ts'

/** All beside each other: a thread's file is looked for beside the one that starts it. */
const ENTRIES = {
  'protocol-thread': 'src/app/protocol-thread.ts',
  'relay-thread': 'src/app/relay-thread.ts',
  'search-thread': 'src/app/search-thread.ts',
  'writer-thread': 'src/store/sqlite/writer-thread.ts',
  'check-thread': 'src/store/sqlite/check-thread.ts',
  main: 'src/app/main.ts', // Last: `bin/gavan.js` takes it as the sign of a whole build.
} as const

const isPackage = (id: string): boolean => !/^[./]|^[A-Za-z]:[\\/]/.test(id)

export async function build(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  for (const [name, file] of Object.entries(ENTRIES)) {
    await bundle({
      cwd: ROOT,
      input: { [name]: file },
      platform: 'node',
      external: isPackage,
      // No module of ours does anything when it is loaded, but for those that start a thread.
      treeshake: { moduleSideEffects: (id, external) => external || id === join(ROOT, file) },
      transform: { target: 'node24' },
      logLevel: 'warn',
      output: { dir: folder, entryFileNames: 'app/[name].js', chunkFileNames: `app/${name}-[name]-[hash].js` },
    })
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await build(resolve(process.argv[2] ?? join(ROOT, 'dist')))
