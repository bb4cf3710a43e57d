import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { createFramer, type Framed, type Framer } from './framer.ts'

const drain = (framer: Framer): string[] => {
  const out: string[] = []
  for (let f: Framed = framer.next(); f.kind !== 'need-more'; f = framer.next()) {
    out.push(f.kind === 'line' ? `line ${f.line.toString('latin1')}` : `bad ${f.why} ${f.head.toString('latin1')}`)
  }
  return out
}

const play = (text: string, cuts: (length: number) => number, lineMaxOctets = 20): string[] => {
  const framer = createFramer({ lineMaxOctets })
  const bytes = Buffer.from(text, 'latin1')
  const out: string[] = []
  for (let at = 0; at < bytes.length;) {
    const size = Math.max(1, cuts(bytes.length - at))
    framer.push(bytes.subarray(at, at + size))
    out.push(...drain(framer))
    at += size
  }
  return out
}

const CASES: readonly [input: string, lines: readonly string[]][] = [
  ['EHLO x\r\n', ['line EHLO x']],
  ['\r\n\r\n', ['line ', 'line ']],
  ['a\r\nb\r\nc', ['line a', 'line b']],
  ['a\nb\r\n', ['bad bare-lf a', 'line b']],
  ['\nb\r\n', ['bad bare-lf ', 'line b']],
  ['a\rb\r\nc\r\n', ['bad bare-cr a\rb', 'line c']],
  ['a\r\r\nc\r\n', ['bad bare-cr a\r', 'line c']],
  ['a\0b\r\nc\r\n', ['bad nul a\0b', 'line c']],
  ['123456789012345678\r\nc\r\n', ['line 123456789012345678', 'line c']],
]

test('lines and refusals are the same however the octets are cut', () => {
  for (const [input, lines] of CASES) {
    assert.deepEqual(
      play(input, (left) => left),
      lines,
    )
    assert.deepEqual(
      play(input, () => 1),
      lines,
    )
    for (let cut = 1; cut < input.length; cut++) {
      let first = true
      const once = (left: number): number => (first ? ((first = false), cut) : left)
      assert.deepEqual(play(input, once), lines, `${JSON.stringify(input)} cut at ${cut}`)
    }
  }
})

test('a line one octet over the limit is refused once and skipped to its end', () => {
  for (const size of [1, 5, 1000]) {
    const out = play(`${'x'.repeat(19)}\r\n${'y'.repeat(500)}\r\nok\r\n`, () => size)
    assert.deepEqual(
      out.map((line) => line.replace(/ [xy]+\r?$/, '')),
      ['bad line-too-long', 'bad line-too-long', 'line ok'],
    )
  }
})

test('an endless line is not kept', () => {
  const framer = createFramer({ lineMaxOctets: 100 })
  let refusals = 0
  for (let i = 0; i < 1000; i++) {
    framer.push(Buffer.alloc(1000, 'x'))
    refusals += drain(framer).length
    assert.ok(framer.heldOctets() <= 1000)
  }
  assert.equal(refusals, 1)
  framer.push(Buffer.from('\r\nNOOP\r\n'))
  assert.deepEqual(drain(framer), ['line NOOP'])
})

test('take gives exact octets between lines, without copying', () => {
  const framer = createFramer({ lineMaxOctets: 100 })
  const chunk = Buffer.from('BDAT 5\r\na\r\n\0bNOOP\r\n')
  framer.push(chunk)
  assert.equal(framer.next().kind, 'line')
  const taken = framer.take(3)!
  assert.equal(taken.toString(), 'a\r\n')
  assert.equal(taken.buffer, chunk.buffer)
  assert.equal(framer.take(2)!.toString(), '\0b')
  assert.deepEqual(drain(framer), ['line NOOP'])
  assert.equal(framer.take(1), null)
  assert.equal(framer.heldOctets(), 0)
})

test('discard drops held octets and a line being skipped', () => {
  const framer = createFramer({ lineMaxOctets: 10 })
  framer.push(Buffer.from('STARTTLS\r\nMAIL'))
  assert.deepEqual(drain(framer), ['line STARTTLS'])
  framer.discard()
  framer.push(Buffer.from('QUIT\r\n'))
  assert.deepEqual(drain(framer), ['line QUIT'])
  framer.push(Buffer.from('x'.repeat(11)))
  assert.equal(drain(framer).length, 1)
  framer.discard()
  framer.push(Buffer.from('QUIT\r\n'))
  assert.deepEqual(drain(framer), ['line QUIT'])
})

test('the limit can change between lines', () => {
  const framer = createFramer({ lineMaxOctets: 10 })
  framer.lineMaxOctets = 100
  framer.push(Buffer.from(`${'x'.repeat(50)}\r\n`))
  assert.deepEqual(drain(framer), [`line ${'x'.repeat(50)}`])
})

test('earlier lines keep their octets while later ones come in', () => {
  const framer = createFramer({ lineMaxOctets: 1000 })
  const lines: Buffer[] = []
  const wanted: string[] = []
  for (let i = 0; i < 300; i++) {
    const text = `line number ${i} ${'.'.repeat(i % 17)}`
    wanted.push(text)
    for (const octet of Buffer.from(`${text}\r\n`)) {
      framer.push(Buffer.from([octet]))
      const framed = framer.next()
      if (framed.kind === 'line') lines.push(framed.line)
    }
  }
  assert.deepEqual(
    lines.map((line) => line.toString()),
    wanted,
  )
})

test('property: any octets, any cuts, the same lines', () => {
  const octet = fc.constantFrom('\r', '\n', '\0', 'a', 'b', '\r\n', 'word')
  fc.assert(
    fc.property(fc.array(octet, { maxLength: 60 }), fc.array(fc.integer({ min: 1, max: 9 })), (parts, sizes) => {
      const text = parts.join('')
      let i = 0
      const cut = (): number => sizes[i++ % (sizes.length || 1)] ?? 1
      assert.deepEqual(
        play(text, cut, 1000),
        play(text, (left) => left, 1000),
      )
    }),
  )
})
