import { join } from 'node:path'
import { ROOT } from './tree.ts'

/** The program as tests start it: `npm test` builds it once, a test file by itself runs the sources. */
export const MAIN = process.env['GAVAN_TEST_MAIN'] ?? join(ROOT, 'src/app/main.ts')
