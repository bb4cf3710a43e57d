/** SORT, THREAD and ESEARCH over the real store, against what an implementation by the letter gives. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { logIn, openImapStage } from './stage.ts'
import { plainLetter, SUBJECTS, writeLetter } from './plain-letters.ts'
import { NAIVE_CRITERIA, naiveSort, naiveThread, type PlainLetter, type PlainMessage } from './naive-sort.ts'

const stage = await openImapStage()
after(() => stage.stop())
let mailboxes = 0

/** Puts them into a mailbox of their own, with uids that are no numbers. */
async function fill(letters: readonly PlainLetter[]): Promise<{ name: string; messages: PlainMessage[] }> {
  const name = `m${++mailboxes}`
  await stage.mailboxes.create(name, null)
  const written = letters.map(writeLetter)
  await stage.fill(name, ['Subject: first, gone\r\n\r\n', ...written])
  return filled(name, letters, written)
}

async function filled(
  name: string,
  letters: readonly PlainLetter[],
  written: readonly string[],
): Promise<{ name: string; messages: PlainMessage[] }> {
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

/** As it was kept before there were sort keys: each second one without them. */
async function fillOld(letters: readonly PlainLetter[]): Promise<{ name: string; messages: PlainMessage[] }> {
  const name = `m${++mailboxes}`
  await stage.mailboxes.create(name, null)
  const written = letters.map(writeLetter)
  const { accountId } = stage.anna
  const { mailboxId } = (await stage.mailboxes.find(name))!
  const messages = []
  for (const [i, text] of ['\r\n', ...written].entries()) {
    const sink = stage.mailboxes.open()
    await sink.write(Buffer.from(text))
    const message = await sink.finish()
    assert.ok(!('at' in message))
    const { sortKeys, ...summary } = message.summary
    assert.ok(sortKeys !== undefined)
    messages.push({
      body: message.body,
      summary: i % 2 === 0 ? summary : message.summary,
      flags: [],
      internalDate: Date.UTC(2026, 0, 1) + i * 1000,
    })
  }
  await stage.core.store.run({ do: 'append', accountId, mailboxId, messages, now: 0 })
  return filled(name, letters, written)
}

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
      fc.array(plainLetter, { maxLength: 14 }),
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
    fc.asyncProperty(fc.array(plainLetter, { maxLength: 16 }), async (letters) => {
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

test('mail from before there were sort keys is sorted and threaded all the same', async () => {
  // Its summary has References and In-Reply-To in one list: told apart where one of them is empty.
  const old = plainLetter.map((one) =>
    one.references.length > 0 ? { ...one, inReplyTo: [], references: [...new Set(one.references)] } : one,
  )
  await fc.assert(
    fc.asyncProperty(fc.array(old, { maxLength: 10 }), async (letters) => {
      const { name, messages } = await fillOld(letters)
      await ask(`SELECT ${name}`)
      for (const key of Object.keys(NAIVE_CRITERIA)) {
        const wanted = naiveSort(messages, [{ key, reverse: true }])
        assert.equal(await ask(`SORT (REVERSE ${key}) UTF-8 ALL`), ['* SORT', ...wanted].join(' '), key)
      }
      const wanted = naiveThread(messages, 'REFERENCES')
      assert.equal(await ask('THREAD REFERENCES UTF-8 ALL'), `* THREAD${wanted === '' ? '' : ` ${wanted}`}`)
    }),
    { numRuns: 15 },
  )
})

/** RFC 4731 §3.1, RFC 5182 §2.2, RFC 9394 §3: by the letter. */
function naiveReturns(
  found: readonly number[],
  options: readonly string[],
  partial: { from: number; to: number; end: boolean } | null,
): { told: string; saved: readonly number[] } {
  const inPart = (_: number, i: number): boolean => {
    if (partial === null) return false
    const place = partial.end ? found.length - i : i + 1
    return place >= Math.min(partial.from, partial.to) && place <= Math.max(partial.from, partial.to)
  }
  const part = found.filter(inPart)
  const list = (numbers: readonly number[]): string => numbers.join(',')
  const told: string[] = []
  if (options.includes('MIN') && found.length > 0) told.push(`MIN ${found[0]}`)
  if (options.includes('MAX') && found.length > 0) told.push(`MAX ${found.at(-1)}`)
  if (options.includes('ALL') && found.length > 0) told.push(`ALL ${list(found)}`)
  if (options.includes('COUNT')) told.push(`COUNT ${found.length}`)
  if (partial !== null) told.push(`PARTIAL (~ ${part.length === 0 ? 'NIL' : list(part)})`)
  const ends = [
    ...(options.includes('MIN') ? found.slice(0, 1) : []),
    ...(options.includes('MAX') ? found.slice(-1) : []),
  ]
  const some = options.includes('MIN') || options.includes('MAX') || partial !== null
  const onlySome = some && !options.includes('ALL') && !options.includes('COUNT')
  return { told: told.join(' '), saved: onlySome ? [...new Set([...ends, ...part])].toSorted((a, b) => a - b) : found }
}

/** `1:3,5` as `1,2,3,5`. */
const spread = (text: string): string =>
  text.replaceAll(/(?<= |,)(\d+):(\d+)(?=,|$| |\))/g, (_, from: string, to: string) =>
    Array.from({ length: Number(to) - Number(from) + 1 }, (__, i) => Number(from) + i).join(','),
  )

test('ESEARCH: what each return option tells, and what is saved', async () => {
  const { name, messages } = await fill(
    fc
      .sample(plainLetter, { seed: 7, numRuns: 12 })
      .map((one, i) => ({ ...one, subject: SUBJECTS[i % SUBJECTS.length]! })),
  )
  await ask(`SELECT ${name}`)
  const end = fc.integer({ min: 1, max: 14 })
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...KEYS),
      fc.subarray(['MIN', 'MAX', 'COUNT', 'ALL', 'SAVE'], { minLength: 1 }),
      fc.option(fc.record({ from: end, to: end, end: fc.boolean() })),
      fc.constantFrom('SEARCH', 'UID SEARCH', 'ESEARCH'),
      async ([key, holds], options, part, command) => {
        const partial = options.includes('ALL') ? null : part
        const range =
          partial === null ? '' : partial.end ? `-${partial.from}:-${partial.to}` : `${partial.from}:${partial.to}`
        const returns = [...options, ...(partial === null ? [] : [`PARTIAL ${range}`])].join(' ')
        const found = messages.filter(holds).map(({ place }) => place)
        const shown = command === 'SEARCH' ? found : uidsOf(found)
        const { told } = naiveReturns(shown, options, partial)
        const answer = await ask(`${command} RETURN (${returns}) ${key}`)
        const data = answer.replace(/^\* ESEARCH \([^)]*\)( UID)? ?/, '')
        // The range asked for comes back as it was written.
        const spreadData = spread(` ${data.replace(`PARTIAL (${range} `, 'PARTIAL (~ ')}`).trim()
        const wanted = command === 'ESEARCH' && found.length === 0 ? '' : told
        assert.equal(spreadData, wanted)
        if (!options.includes('SAVE')) return
        const { saved } = naiveReturns(uidsOf(found), options, partial)
        assert.equal(await ask('UID SEARCH $'), ['* SEARCH', ...saved].join(' '))
      },
    ),
    { numRuns: 150 },
  )
})
