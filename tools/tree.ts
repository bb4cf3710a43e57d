/** The project's own files, as the tools see them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..')
const FOREIGN = new Set(['node_modules', 'dist', 'coverage', '.git'])

/** Paths of all files below `folder`, relative to `root`, with forward slashes, in one order everywhere. */
export function filesBelow(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  const found: string[] = []
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '.' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      if (!FOREIGN.has(entry.name)) found.push(...filesBelow(root, path))
    } else if (entry.isFile()) found.push(path)
  }
  return found.toSorted()
}

export const read = (root: string, path: string): string => readFileSync(join(root, path), 'utf8')

/** Tests, and what only tests use: `x.test.ts`, `x.test-kit.ts`, `test-x.ts`, `x-suite.ts`, `testing/`, `suite/`, `test/`. */
export const isTest = (path: string): boolean =>
  /\.test(?:-kit)?\.ts$|-suite\.ts$|(?:^|\/)test-[^/]*\.ts$|\/(?:testing|suite)\//.test(path) ||
  path.startsWith('test/')
