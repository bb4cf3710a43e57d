/** The search index of a running server: fed behind the mail, made anew on demand, lost without harm. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { MAIN } from '../../tools/program.ts'
import { startGavan, type Gavan } from '../interop/gavan.ts'
import { freePort } from '../interop/ports.ts'
import { run, until } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { deliverBy, numbersOf, talkTo } from './talk.ts'

const LETTERS = 5
const folder = temporaryFolder('search-index')
const dataDir = join(folder.path, 'data')
let port = 0
let gavan: Gavan

const start = (): Promise<Gavan> => startGavan({ folder: folder.path, args: ['--metrics', String(port)] })

type Status = { messages: number; waiting: number; accounts: { address: string; messages: number }[] }

/** As an administrator asks. */
async function index(...args: readonly string[]): Promise<string> {
  const config = join(folder.path, 'gavan.toml')
  const ran = await run(process.execPath, [MAIN, 'index', ...args, '--config', config])
  assert.equal(ran.code, 0, ran.all)
  return ran.stdout
}

const status = async (): Promise<Status> => JSON.parse(await index('status', '--json')) as Status

const indexed = (messages: number): Promise<Status> =>
  until(`${messages} letters in the index`, async () => {
    const now = await status()
    return now.messages === messages && now.waiting === 0 ? now : null
  })

async function searched(what: string): Promise<string> {
  using reader = talkTo({ port: gavan.ports.imaps, ca: readFileSync(gavan.caFile, 'utf8') })
  const { address, password } = gavan.users[0]!
  await reader.ask(`a LOGIN "${address}" "${password}"`, /^a OK.*\r\n/m)
  await reader.ask('b SELECT INBOX', /^b OK.*\r\n/m)
  const answer = await reader.ask(`c SEARCH ${what}`, /^c OK.*\r\n/m)
  return /\* SEARCH(.*)\r\n/.exec(answer)?.[1]?.trim() ?? ''
}

before(async () => {
  port = await freePort()
  writeFileSync(join(folder.path, 'gavan.toml'), `hostname = "mail.gavan.test"\ndomains = ["gavan.test"]\ndata_dir = "${dataDir}"\n`) // prettier-ignore
  gavan = await start()
  for (let n = 1; n <= LETTERS; n++) {
    using talk = talkTo({ port: gavan.ports.mx })
    assert.match(await deliverBy(talk, { to: gavan.users[0]!.address, id: `letter-${n}` }), /^250 /)
  }
})
after(async () => {
  await gavan.stop()
  folder[Symbol.dispose]()
})

test('letters come into the index by themselves, and are found', async () => {
  const { accounts } = await indexed(LETTERS)
  assert.deepEqual(accounts.find(({ address }) => address === gavan.users[0]!.address)?.messages, LETTERS)
  assert.equal(await searched('TEXT letter-3'), '3')
  assert.equal(await searched('TEXT ETTER-'), '1 2 3 4 5')
  assert.equal(await searched('OR SUBJECT letter-2 NOT TEXT letter'), '2')
  const numbers = await numbersOf(port)
  assert.equal(numbers.get('gavan_search_indexed_total'), LETTERS)
  assert.equal(numbers.get('gavan_search_index_waiting_messages'), 0)
  assert.ok(numbers.get('gavan_search_index_bytes')! > 0)
  assert.match(await index('status'), /alice@gavan\.test +5 +0\n[^]*5 indexed, 0 waiting/)
})

test('made anew, of one user and of all, while it is searched', async () => {
  for (const args of [['--account', gavan.users[0]!.address], []]) {
    const then = (await numbersOf(port)).get('gavan_search_indexed_total')!
    await index('rebuild', ...args)
    assert.equal(await searched('TEXT letter-4'), '4')
    await until('all of it again', async () =>
      (await numbersOf(port)).get('gavan_search_indexed_total') === then + LETTERS ? true : null,
    )
    await indexed(LETTERS)
  }
  const config = join(folder.path, 'gavan.toml')
  const nobody = ['index', 'rebuild', '--account', 'nobody@gavan.test', '--config', config]
  assert.notEqual((await run(process.execPath, [MAIN, ...nobody])).code, 0)
})

test('lost while the server runs, or damaged while it does not: searches go on, and it is made anew', async () => {
  rmSync(join(dataDir, 'search'), { recursive: true })
  assert.equal(await searched('TEXT letter-1'), '1')
  await indexed(LETTERS)
  await gavan.stop()
  writeFileSync(join(dataDir, 'search', 'index.db'), 'no index at all')
  gavan = await start()
  assert.equal(await searched('TEXT letter-5'), '5')
  await indexed(LETTERS)
  assert.equal(await searched('TEXT letter-5'), '5')
})
