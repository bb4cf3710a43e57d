/**
 * `npm test`: every test of the project in one run of node:test.
 * Unit tests (beside the code, in tools/ and test/) share one process; suites with servers or peers (test/interop/,
 * test/system/) get a process per file, at most two at a time.
 *
 *     npm test                       all
 *     npm test -- smtp imap          files whose path contains one of the words
 *     npm test -- --name=pattern     tests whose name matches; may be repeated
 *     npm test -- --update           write golden files anew, then read the diff
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { build } from './build.ts'
import { filesBelow, ROOT } from './tree.ts'

const MINUTE = 60_000
const APART = /^test\/(?:interop|system)\//

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    update: { type: 'boolean', default: false },
    name: { type: 'string', multiple: true, default: [] },
  },
})

const files = ['src', 'tools', 'test']
  .flatMap((folder) => filesBelow(ROOT, folder))
  .filter((path) => path.endsWith('.test.ts'))
  .filter((path) => positionals.length === 0 || positionals.some((word) => path.includes(word)))
const unit = files.filter((path) => !APART.test(path))
const apart = files.filter((path) => APART.test(path))

if (files.length === 0) {
  console.error(`No test file's path contains ${positionals.join(' or ')}.`)
  process.exit(2)
}

// Tests that start the program start what is built, as its package runs it, and sooner.
const startsProgram = (path: string): boolean => readFileSync(join(ROOT, path), 'utf8').includes('/program.ts')
if (apart.length > 0 || unit.some(startsProgram)) {
  const built = join(ROOT, `dist-test-${process.pid}`)
  process.on('exit', () => rmSync(built, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  await build(built)
  process.env['GAVAN_TEST_MAIN'] = join(built, 'app/main.js')
}

process.env['GAVAN_UNIT_TESTS'] = JSON.stringify(unit)
if (values.update) process.env['GAVAN_UPDATE_GOLDEN'] = '1'

/** Peers that this machine lacks, by name. */
const missingPeers = new Set<string>()

const stream = run({
  cwd: ROOT,
  files: [...(unit.length > 0 ? [join(ROOT, 'tools/unit-tests.ts')] : []), ...apart.map((path) => join(ROOT, path))],
  concurrency: 2,
  timeout: 20 * MINUTE,
  ...(values.name.length > 0 ? { testNamePatterns: values.name.map((pattern) => new RegExp(pattern)) } : {}),
})
stream.on('test:fail', (failed) => {
  if (failed.todo === undefined || failed.todo === false) process.exitCode = 1
})
stream.on('test:pass', ({ skip }) => {
  const peer = typeof skip === 'string' ? /^peer missing: (.*)$/.exec(skip)?.[1] : undefined
  if (peer !== undefined) missingPeers.add(peer)
})
const report = stream.compose(new spec())
report.on('end', () => {
  if (missingPeers.size > 0) console.log(`ℹ skipped for want of a peer: ${[...missingPeers].toSorted().join(', ')}`)
})
report.pipe(process.stdout)
