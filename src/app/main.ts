/** The program's first file: nothing is loaded before the compile cache is on. */
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Stripping types and compiling takes most of a command's start. Kept in the package's own folder: a shared one such as
// /tmp would let another user of the machine feed us code. Where the package may not be written to, all goes on without.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('../../node_modules/.cache/gavan', import.meta.url))
enableCompileCache(process.env['NODE_COMPILE_CACHE']) // Threads take it from the environment.

const { main } = await import('./cli/main.ts')
await main(process.argv)
