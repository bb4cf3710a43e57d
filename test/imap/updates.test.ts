/** RFC 5267 §4.3: what is told of changes, applied, is what a search at that time finds; and its limits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { IMAP_SORTED_UPDATE_MAX, IMAP_UPDATES_MAX } from '../../src/model/limits.ts'
import type { SortCriterion } from '../../src/protocol/imap/command/sort.ts'
import type { SearchArgs } from '../../src/protocol/imap/search.ts'
import { keepUpdated } from '../../src/session/imap/search/updating.ts'
import { logIn, openImapStage, type Client } from './stage.ts'

const FLAGS = ['\\Seen', '\\Flagged', '\\Deleted'] as const

const numbersOf = (set: string): number[] =>
  set === '' || set === 'NIL'
    ? []
    : set.split(',').flatMap((range) => {
        const [from = 0, to = from] = range.split(':').map(Number)
        return Array.from({ length: to - from + 1 }, (_, i) => from + i)
      })

/** A client's list of results, as RFC 5267 §4.3.3 and §4.3.4 have it kept. */
class Results {
  list: number[] = []
  readonly tag: string
  constructor(tag: string) {
    this.tag = tag
  }

  hear(lines: readonly string[]): void {
    for (const line of lines) {
      if (!line.startsWith(`* ESEARCH (TAG "${this.tag}")`)) continue
      const all = / ALL ([\d:,]+)/.exec(line)
      if (all !== null) this.list = numbersOf(all[1]!)
      for (const [, item, payload] of line.matchAll(/ (ADDTO|REMOVEFROM) \(([^)]*)\)/g)) {
        const words = payload!.split(' ')
        for (let i = 0; i < words.length; i += 2) this.#apply(item!, Number(words[i]), numbersOf(words[i + 1]!))
      }
    }
  }

  #apply(item: string, position: number, numbers: readonly number[]): void {
    if (item === 'ADDTO') {
      if (position === 0) this.list = [...this.list, ...numbers].toSorted((a, b) => a - b)
      else this.list.splice(position - 1, 0, ...numbers)
    } else if (position === 0) this.list = this.list.filter((one) => !numbers.includes(one))
    else assert.deepEqual(this.list.splice(position - 1, numbers.length), numbers)
  }
}

const change = fc.oneof(
  fc.record({
    do: fc.constant('store' as const),
    uid: fc.integer({ min: 1, max: 9 }),
    flag: fc.constantFrom(...FLAGS),
    on: fc.boolean(),
    own: fc.boolean(),
  }),
  fc.record({ do: fc.constant('append' as const), subject: fc.constantFrom('b', 'a', 'c'), own: fc.boolean() }),
  fc.record({ do: fc.constant('expunge' as const), own: fc.boolean() }),
)

test('updates lead to what a search finds', async () => {
  const stage = await openImapStage()
  try {
    let mailboxes = 0
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
        const name = `u${++mailboxes}`
        await stage.mailboxes.create(name, null)
        await stage.fill(
          name,
          ['b', 'c', 'a', 'b'].map((subject) => `Subject: ${subject}\r\n\r\n`),
        )
        const client = await logIn(stage)
        const other = await logIn(stage)
        for (const one of [client, other]) await one.ask(`SELECT ${name}`)
        const searches = [
          'UID SEARCH RETURN (%) UNSEEN SUBJECT a',
          'UID SORT RETURN (%) (REVERSE SUBJECT) UTF-8 UNFLAGGED',
        ]
        const kept: Results[] = []
        for (const [i, search] of searches.entries()) {
          client.peer.send(`k${i} ${search.replace('%', 'UPDATE ALL')}\r\n`)
          const results = new Results(`k${i}`)
          results.hear(await client.until(`k${i} OK`))
          kept.push(results)
        }
        const hear = (lines: readonly string[]): void => {
          for (const results of kept) results.hear(lines)
        }
        for (const step of changes) {
          const who: Client = step.own ? client : other
          const lines: string[] = []
          if (step.do === 'store') {
            lines.push(...(await who.ask(`UID STORE ${step.uid} ${step.on ? '+' : '-'}FLAGS.SILENT (${step.flag})`)))
          } else if (step.do === 'expunge') lines.push(...(await who.ask('EXPUNGE')))
          else {
            const letter = `Subject: ${step.subject}\r\n\r\n`
            who.peer.send(`ap APPEND ${name} {${letter.length}+}\r\n${letter}\r\n`)
            lines.push(...(await who.until('ap OK')))
          }
          if (step.own) hear(lines)
        }
        hear(await client.ask('NOOP'))
        await other.ask('NOOP')
        for (const [i, search] of searches.entries()) {
          const [line = ''] = await other.ask(search.replace('%', 'ALL'))
          assert.deepEqual(kept[i]!.list, numbersOf(/ ALL ([\d:,]+)/.exec(line)?.[1] ?? ''), search)
        }
        for (const one of [client, other]) await one.ask('LOGOUT')
      }),
      { numRuns: 40 },
    )
  } finally {
    await stage.stop()
  }
})

test('RFC 5267 §4.3.1: a long list in an order of its own is not kept up to date, another is', async () => {
  const program = (criteria: readonly SortCriterion[] | null) => {
    const args: SearchArgs = { returns: new Set(['UPDATE']), partial: null, charset: null, key: { key: 'all' } }
    return { args, criteria, by: 'uid' as const, correlator: 'TAG "t"' }
  }
  const uids = Uint32Array.from({ length: IMAP_SORTED_UPDATE_MAX + 1 }, (_, i) => i + 1)
  const updates = new Map()
  const session = { tag: 't', state: { selected: { updates } } } as unknown as Parameters<typeof keepUpdated>[0]
  const byDate = [{ key: 'DATE', reverse: false }] as const
  assert.match(await keepUpdated(session, program(byDate), uids), /^\* NO \[NOUPDATE "t"\] /)
  assert.equal(updates.size, 0)
  assert.equal(await keepUpdated(session, program(byDate), uids.subarray(1)), '')
  assert.equal(await keepUpdated(session, program(null), uids), '')
  assert.equal(updates.size, 1)
})

test('RFC 5267 §4.3.1: so many searches are kept up to date, and the next is only answered', async () => {
  const stage = await openImapStage()
  try {
    const client = await logIn(stage)
    await client.ask('SELECT INBOX')
    for (let i = 0; i < IMAP_UPDATES_MAX; i++) {
      assert.deepEqual(await client.ask('SEARCH RETURN (UPDATE) ALL'), ['OK Search completed'])
    }
    const [answer, refusal, last] = await client.ask('UID SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL')
    assert.match(answer!, /UID COUNT 0$/)
    assert.match(refusal!, /^\* NO \[NOUPDATE "t\d+"\] /)
    assert.match(last!, /^OK /)
  } finally {
    await stage.stop()
  }
})
