import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLineWriter } from './line-writer.ts'

test('lines leave whole and in order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gavan-lines-'))
  const path = join(folder, 'log')
  const fd = openSync(path, 'w')
  const writer = createLineWriter(fd)
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index} ${'х'.repeat(index % 50)}\n`)
  for (const [index, line] of lines.entries()) {
    writer.write(line)
    if (index % 1000 === 0) await new Promise((resolve) => void setImmediate(resolve))
  }
  await writer.flushed()
  assert.equal(readFileSync(path, 'utf8'), lines.join(''))
  closeSync(fd)
  rmSync(folder, { recursive: true })
})

test('whoever waits for the end has every line, also one that came right after another', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gavan-lines-'))
  const path = join(folder, 'log')
  const fd = openSync(path, 'w')
  const writer = createLineWriter(fd)
  for (let index = 0; index < 20; index++) {
    writer.write(`${index}\n`)
    writer.write(`${index} too\n`)
    await writer.flushed()
    assert.ok(readFileSync(path, 'utf8').endsWith(`\n${index} too\n`))
  }
  closeSync(fd)
  rmSync(folder, { recursive: true })
})

test('a descriptor that nobody reads does not stop the program', async () => {
  const writer = createLineWriter(1_000_000)
  writer.write('lost\n')
  await writer.flushed()
})
