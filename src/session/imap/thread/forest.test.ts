import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOBODY, printForest, type Forest } from './forest.ts'
import { threadByReferences } from './references.ts'
import type { ThreadRows } from './rows.ts'

const still = (): undefined => undefined

async function print(forest: Forest, nameOf = (message: number) => message): Promise<string> {
  let text = ''
  for await (const piece of printForest(forest, nameOf, still)) text += piece
  return text
}

/** A forest of messages named by numbers; siblings in the order given. */
function plant(edges: readonly (readonly [name: number, parent: number | null])[]): {
  forest: Forest
  names: number[]
} {
  const names = edges.map(([name]) => name)
  const parents = edges.map(([, parent]) => (parent === null ? NOBODY : names.indexOf(parent)))
  const roots = parents.flatMap((parent, i) => (parent === NOBODY ? [i] : []))
  return { forest: { parents, messages: names.length, roots, order: Uint32Array.from(names.keys()) }, names }
}

test('thread lists of RFC 5256 §4', async () => {
  const { forest, names } = plant([
    [2, null],
    [3, null],
    [6, 3],
    [4, 6],
    [23, 4],
    [44, 6],
    [7, 44],
    [96, 7],
  ])
  assert.equal(await print(forest, (message) => names[message]!), '(2)(3 6 (4 23)(44 7 96))')
  // A node beyond the messages stands for one that is not there.
  const siblings = { parents: [2, 2, NOBODY], messages: 2, roots: [2], order: Uint32Array.of(0, 1) }
  assert.equal(await print(siblings, (message) => [3, 5][message]!), '((3)(5))')
  assert.equal(await print({ parents: [], messages: 0, roots: [], order: new Uint32Array(0) }), '')
})

const MANY = 100_000

function rowsOf(references: (message: number) => readonly string[], order?: Uint32Array): ThreadRows {
  const all = Uint32Array.from({ length: MANY }, (_, i) => i)
  return {
    count: MANY,
    places: [...all.keys()],
    sent: [...all.keys()],
    order: order ?? all,
    subjects: new Uint32Array(MANY),
    noSubject: 0,
    isReply: new Uint8Array(MANY),
    ids: Array.from(all, (i) => `id${i}`),
    references: Array.from(all, (i) => references(i)),
  }
}

const numbersOf = (text: string): number => (text.match(/\d+/g) ?? []).length

test('one thread of 100,000, however it is told of, is no square', async () => {
  const before = process.cpuUsage()
  // Each names the one before it; the one after it; all others name one; all are named by dummies that go round.
  for (const references of [
    (i: number) => (i === 0 ? [] : [`id${i - 1}`]),
    (i: number) => (i === MANY - 1 ? [] : [`id${i + 1}`]),
    (i: number) => [`id${i - (i % 1000)}`],
    (i: number) => [`d${i}`, `d${(i + 1) % MANY}`],
    (i: number) => [`d${(i + 1) % MANY}`, `d${i}`],
    (i: number) => [`id${(i * 7919) % MANY}`],
  ]) {
    const text = await print(await threadByReferences(rowsOf(references), still))
    assert.equal(numbersOf(text), MANY)
    assert.equal((text.match(/\(/g) ?? []).length, (text.match(/\)/g) ?? []).length)
  }
  const { user } = process.cpuUsage(before)
  assert.ok(user < 30_000_000, `${user} µs of CPU`) // A square of it would take many minutes.
})

test('what computes for long asks for a breath', async () => {
  let asked = 0
  const breathe = (): undefined => void asked++
  const forest = await threadByReferences(
    rowsOf((i) => [`d${i % 10}`]),
    breathe,
  )
  for await (const _ of printForest(forest, (message) => message, breathe));
  assert.ok(asked > 500, `${asked}`)
})
