/**
 * `npm run docs`: writes the pages of docs/ that are made from the code. `npm run docs -- --check` only compares.
 * One page, one file in tools/docs/.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CATALOG } from '../src/exposure/catalog.ts'
import { choicesPage } from './docs/choices.ts'
import { configPage } from './docs/config.ts'
import { exposureMapPicture } from './docs/exposure-map.ts'
import { errorsPage } from './docs/errors.ts'
import { eventsPage } from './docs/events.ts'
import { limitsPage } from './docs/limits.ts'
import { metricsPage } from './docs/metrics.ts'
import { portsPage } from './docs/ports.ts'
import { rfcPage } from './docs/rfc.ts'
import { filesBelow, isTest, read, ROOT } from './tree.ts'

const sources = filesBelow(ROOT, 'src')
  .filter((path) => path.endsWith('.ts') && !isTest(path))
  .map((path) => ({ path, text: read(ROOT, path) }))

const pages: Record<string, string> = {
  'rfc.md': rfcPage(sources),
  'choices.md': choicesPage(sources),
  'errors.md': errorsPage(sources),
  'events.md': eventsPage(sources),
  'ports.md': portsPage(CATALOG),
  'exposure-map.svg': await exposureMapPicture('en'),
  'exposure-map.ru.svg': await exposureMapPicture('ru'),
  'config.md': configPage(),
  'limits.md': await limitsPage(sources),
  'metrics.md': await metricsPage(sources),
}

const check = process.argv.includes('--check')
mkdirSync(join(ROOT, 'docs'), { recursive: true })
for (const [name, text] of Object.entries(pages)) {
  const path = join(ROOT, 'docs', name)
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
  if (check) {
    console.log(`docs/${name} is not what the code says: npm run docs`)
    process.exitCode = 1
  } else {
    writeFileSync(path, text)
    console.log(`docs/${name}`)
  }
}
