/** SORT, THREAD and ESEARCH over the real store, against what an implementation by the letter gives. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { logIn, openImapStage } from './stage.ts'
import { NAIVE_CRITERIA, naiveSort, naiveThread, type PlainLetter, type PlainMessage } from './naive-sort.ts'

const stage = await openImapStage()
after(() => stage.stop())
let mailboxes = 0

const SUBJECTS = [
  'one',
  'One',
  'Re: one',
  'Fwd: [x] one',
  'two',
  'TWO (fwd)',
  '[x] two',
  '',
  'Re:',
  'жук',
  'Re: Жук',
  'ёж',
]
const IDS = Array.from({ length: 9 }, (_, i) => `<${i}@x.test>`)

const letter: fc.Arbitrary<PlainLetter> = fc.record({
  subject: fc.option(fc.constantFrom(...SUBJECTS)),
  sent: fc.option(fc.integer({ min: 1_700_000_000, max: 1_700_000_005 })),
  from: fc.option(fc.constantFrom('b@a.test', 'A@b.test', 'ä@a.test', 'c@a.test')),
  to: fc.option(fc.constantFrom('x@a.test', 'Y@a.test')),
  id: fc.option(fc.constantFrom(...IDS)),
  references: fc.array(fc.constantFrom(...IDS), { maxLength: 4 }),
  inReplyTo: fc.array(fc.constantFrom(...IDS), { maxLength: 2 }),
})

function write(one: PlainLetter): string {
  const lines: string[] = []
  const field = (name: string, value: string | null): void => void (value === null || lines.push(`${name}: ${value}`))
  field('Subject', one.subject)
  field('Date', one.sent === null ? null : new Date(one.sent * 1000).toUTCString().replace('GMT', '+0000'))
  field('From', one.from)
  field('To', one.to)
  field('Message-ID', one.id)
  field('References', one.references.length === 0 ? null : one.references.join('\r\n '))
  field('In-Reply-To', one.inReplyTo.length === 0 ? null : one.inReplyTo.join(' '))
  return `${lines.join('\r\n')}\r\n\r\nbody\r\n`
}

/** Puts them into a mailbox of their own, with uids that are no numbers. */
async function fill(letters: readonly PlainLetter[]): Promise<{ name: string; messages: PlainMessage[] }> {
  const name = `m${++mailboxes}`
  await stage.mailboxes.create(name, null)
  const written = letters.map(write)
  await stage.fill(name, ['Subject: first, gone\r\n\r\n', ...written])
  const info = (await stage.mailboxes.find(name))!
  const first = { from: 1, to: 1 } as unknown as Parameters<typeof stage.mailboxes.expunge>[1][number]
  await stage.mailboxes.expunge(info.mailboxId, [first], { deletedOnly: false })
  const arrived: number[] = []
  const everything = { from: 1, to: 0xffffffff } as unknown as typeof first
  for await (const batch of stage.mailboxes.entries(info.mailboxId, [everything])) {
    for (const { internalDate } of batch) arrived.push(Math.floor(internalDate / 1000))
  }
  return {
    name,
    messages: letters.map((one, i) => ({
      ...one,
      place: i + 1,
      arrived: arrived[i]!,
      size: Buffer.byteLength(written[i]!),
    })),
  }
}

const client = await logIn(stage)
const ask = async (command: string): Promise<string> => {
  const lines = await client.ask(command)
  assert.match(lines.at(-1)!, /^OK /, `${command}: ${lines.join('\n')}`)
  return lines.slice(0, -1).join('\n')
}
const uidsOf = (numbers: readonly number[]): number[] => numbers.map((number) => number + 1)

/** Keys, and the messages that they leave. */
const KEYS: readonly (readonly [string, (message: PlainMessage) => boolean])[] = [
  ['ALL', () => true],
  ['SUBJECT one', ({ subject }) => /one/i.test(subject ?? '')],
  ['NOT SUBJECT one', ({ subject }) => !/one/i.test(subject ?? '')],
  ['2:4,7', ({ place }) => (place >= 2 && place <= 4) || place === 7],
]

const criterion = fc.record({ key: fc.constantFrom(...Object.keys(NAIVE_CRITERIA)), reverse: fc.boolean() })

test('SORT: the order of a sort by the letter', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(letter, { maxLength: 14 }),
      fc.array(fc.uniqueArray(criterion, { selector: ({ key }) => key, minLength: 1, maxLength: 3 }), {
        minLength: 6,
        maxLength: 6,
      }),
      async (letters, programs) => {
        const { name, messages } = await fill(letters)
        await ask(`SELECT ${name}`)
        for (const [i, program] of programs.entries()) {
          const [key, holds] = KEYS[i % KEYS.length]!
          const criteria = program.map((one) => `${one.reverse ? 'REVERSE ' : ''}${one.key}`).join(' ')
          const wanted = naiveSort(messages.filter(holds), program)
          const command = `(${criteria}) UTF-8 ${key}`
          assert.equal(await ask(`SORT ${command}`), ['* SORT', ...wanted].join(' '))
          assert.equal(await ask(`UID SORT ${command}`), ['* SORT', ...uidsOf(wanted)].join(' '))
          const extended = await ask(`SORT RETURN (MIN MAX COUNT ALL) ${command}`)
          const all = /ALL ([\d:,]+)/.exec(extended)?.[1] ?? ''
          const expanded =
            all === ''
              ? []
              : all.split(',').flatMap((range) => {
                  const [from = 0, to = from] = range.split(':').map(Number)
                  assert.ok(from <= to, extended) // RFC 5267 §3.2
                  return Array.from({ length: to - from + 1 }, (_, j) => from + j)
                })
          assert.deepEqual(expanded, wanted)
          if (wanted.length > 0) assert.match(extended, new RegExp(` MIN ${wanted[0]} MAX ${wanted.at(-1)} `))
          assert.match(extended, new RegExp(` COUNT ${wanted.length}$`))
        }
      },
    ),
    { numRuns: 25 },
  )
})

test('THREAD: the threads of the algorithms by the letter, every message once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(letter, { maxLength: 16 }), async (letters) => {
      const { name, messages } = await fill(letters)
      await ask(`SELECT ${name}`)
      for (const algorithm of ['ORDEREDSUBJECT', 'REFERENCES', 'REFS'] as const) {
        for (const [key, holds] of KEYS) {
          const searched = messages.filter(holds)
          const wanted = naiveThread(searched, algorithm)
          const told = await ask(`THREAD ${algorithm} UTF-8 ${key}`)
          assert.equal(told, `* THREAD${wanted === '' ? '' : ` ${wanted}`}`, algorithm)
          const numbers = (told.match(/\d+/g) ?? []).map(Number).toSorted((a, b) => a - b)
          assert.deepEqual(
            numbers,
            searched.map(({ place }) => place),
          )
          const byUid = await ask(`UID THREAD ${algorithm} UTF-8 ${key}`)
          assert.equal(
            byUid,
            told.replace(/\d+/g, (number) => String(Number(number) + 1)),
          )
        }
      }
    }),
    { numRuns: 60 },
  )
})
