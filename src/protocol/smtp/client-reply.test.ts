import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { OUT_REPLY_LINES_MAX, OUT_REPLY_LINE_MAX_OCTETS } from '../../model/limits.ts'
import { createReplyParser, type ReplyFramed } from './client-reply.ts'

function parse(text: string, octetByOctet: boolean): ReplyFramed[] {
  const parser = createReplyParser()
  const bytes = Buffer.from(text)
  const framed: ReplyFramed[] = []
  const drain = (): void => {
    for (let f = parser.next(); f.kind !== 'need-more'; f = parser.next()) {
      framed.push(f)
      if (f.kind === 'bad') return
    }
  }
  if (octetByOctet) {
    for (const octet of bytes) {
      parser.push(Buffer.of(octet))
      drain()
      if (framed.at(-1)?.kind === 'bad') break
    }
  } else {
    parser.push(bytes)
    drain()
  }
  return framed
}

const reply = (code: number, status: string | null, ...lines: string[]): ReplyFramed => ({
  kind: 'reply',
  reply: { code, status, lines },
})
const bad = (why: 'malformed' | 'line-too-long' | 'too-many-lines'): ReplyFramed => ({ kind: 'bad', why })

const TABLE: readonly (readonly [text: string, expected: readonly ReplyFramed[]])[] = [
  ['220 hello\r\n', [reply(220, null, 'hello')]],
  ['250\r\n', [reply(250, null, '')]],
  ['250 \r\n', [reply(250, null, '')]],
  ['250 2.1.0 Sender ok\r\n', [reply(250, '2.1.0', 'Sender ok')]],
  ['550-5.1.1 Nobody\r\n550 5.1.1 here\r\n', [reply(550, '5.1.1', 'Nobody', 'here')]],
  ['550-5.1.1 Nobody\r\n550 here\r\n', [reply(550, '5.1.1', 'Nobody', 'here')]],
  ['550 4.1.1 wrong class\r\n', [reply(550, null, '4.1.1 wrong class')]],
  ['550 5.1.1\r\n', [reply(550, '5.1.1', '')]],
  ['250 2.0.0.1 not a status\r\n', [reply(250, null, '2.0.0.1 not a status')]],
  ['250 a\tb\x1b[2Jc\r\n', [reply(250, null, 'a?b?[2Jc')]],
  ['250-a\r\n250 b\r\n354 go\r\n', [reply(250, null, 'a', 'b'), reply(354, null, 'go')]],
  ['250 Привет\r\n', [reply(250, null, 'Привет')]],
  ['250 no end', []],
  ['250-a\r\n251 b\r\n', [bad('malformed')]],
  ['HTTP/1.1 400 Bad\r\n', [bad('malformed')]],
  ['25x hello\r\n', [bad('malformed')]],
  ['25\r\n', [bad('malformed')]],
  ['2500 hello\r\n', [bad('malformed')]],
  ['\r\n', [bad('malformed')]],
  ['150 hello\r\n', [bad('malformed')]],
  ['600 hello\r\n', [bad('malformed')]],
  ['250 bare lf\n', [bad('malformed')]],
]

suite('replies', () => {
  for (const [text, expected] of TABLE) {
    for (const octetByOctet of [false, true]) {
      test(`${JSON.stringify(text)}${octetByOctet ? ', octet by octet' : ''}`, () => {
        assert.deepEqual(parse(text, octetByOctet), expected)
      })
    }
  }

  test('lines at the limit pass, one octet more does not', () => {
    const fits = `250 ${'x'.repeat(OUT_REPLY_LINE_MAX_OCTETS - 6)}\r\n`
    assert.equal(parse(fits, false)[0]!.kind, 'reply')
    assert.deepEqual(parse(`250 x${fits.slice(4)}`, false), [bad('line-too-long')])
    assert.deepEqual(parse('x'.repeat(100_000), false), [bad('line-too-long')])
  })

  test('a reply with the most lines passes, one more does not', () => {
    const lines = '250-x\r\n'.repeat(OUT_REPLY_LINES_MAX - 1)
    assert.equal(parse(`${lines}250 x\r\n`, false)[0]!.kind, 'reply')
    assert.deepEqual(parse(`${lines}250-x\r\n250 x\r\n`, false), [bad('too-many-lines')])
  })

  test('what was said before TLS is forgotten', () => {
    const parser = createReplyParser()
    parser.push(Buffer.from('250-half\r\n250 whole\r\n250 mo'))
    assert.ok(parser.heldOctets > 0)
    parser.discard()
    parser.push(Buffer.from('220 fresh\r\n'))
    assert.deepEqual(parser.next(), reply(220, null, 'fresh'))
  })
})
