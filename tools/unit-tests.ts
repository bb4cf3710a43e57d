/** Runs the unit tests that `tools/test.ts` names in this one process: starting a process for each costs 30 times the tests. */
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ROOT } from './tree.ts'

const paths = JSON.parse(process.env['GAVAN_UNIT_TESTS'] ?? '[]') as readonly string[]
for (const path of paths) {
  try {
    await import(pathToFileURL(join(ROOT, path)).href)
  } catch (error) {
    test(path, () => {
      throw error
    })
  }
}
