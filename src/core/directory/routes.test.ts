import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALIAS_MEMBERS_MAX } from '../../model/limits.ts'
import { createRoutes, type Routes } from './routes.ts'
import { at, createTestDirectory } from '../testing/test-directory.ts'

const print = (address: { localPart: string; domain: string }): string => `${address.localPart}@${address.domain}`

const directory = createTestDirectory({
  domains: {
    'here.test': null,
    'all.test': 'Ann@here.test',
    'dangling.test': 'nobody@dangling.test',
    'xn--e1afmkfd.test': null,
  },
  accounts: { 'Ann@here.test': {}, 'bob@here.test': {}, 'c+d@here.test': {}, 'ivan@xn--e1afmkfd.test': {} },
  aliases: {
    'sales@here.test': ['ann@here.test', 'bob@here.test', 'far@there.test'],
    'one@here.test': ['far@there.test'],
    'nested@here.test': ['sales@here.test', 'bob@here.test'],
    'several@here.test': ['one@here.test', 'bob@here.test'],
    'typo@here.test': ['nobody@here.test'],
    'partly@here.test': ['nobody@here.test', 'bob@here.test'],
    'round@here.test': ['about@here.test'],
    'about@here.test': ['round@here.test'],
    'self@here.test': ['self+tag@here.test'],
    'spiral@here.test': ['spiral@here.test', 'bob@here.test'],
    'webmaster@here.test': ['postmaster@here.test'],
  },
})
const routes = createRoutes({ directory, hostname: 'mail.here.test', postmaster: at('bob@here.test'), now: () => 1000 })

async function shown(address: string, options?: { fallbacks?: boolean; by?: Routes }): Promise<string> {
  const route = await (options?.by ?? routes).resolve(at(address), { fallbacks: options?.fallbacks ?? true })
  const foreign = route.foreign.map(
    (to) => `>${print(to.address)}${to.forwarded ? ' forwarded' : ''}${to.split ? ' split' : ''}`,
  )
  const words = [...route.accounts.map((account) => print(account.address)), ...foreign]
  if (!route.hosted) words.push('not ours')
  if (route.looped) words.push('looped')
  if (route.cut) words.push('cut')
  return words.join(', ')
}

const CASES: readonly (readonly [what: string, address: string, route: string])[] = [
  ['an account, any case', 'ANN@here.test', 'Ann@here.test'],
  ['a subaddress falls to its account', 'ann+shop@here.test', 'Ann@here.test'],
  ['the first plus separates', 'ann+a+b@here.test', 'Ann@here.test'],
  ['an account that has the plus comes first', 'c+d@here.test', 'c+d@here.test'],
  ['no account before the plus', 'c+e@here.test', ''],
  ['a leading plus is no tag', '+ann@here.test', ''],
  ['nobody', 'nobody@here.test', ''],
  ['an alias of several', 'sales@here.test', 'Ann@here.test, bob@here.test, >far@there.test forwarded split'],
  ['an alias of one keeps its DSN requests', 'one@here.test', '>far@there.test forwarded'],
  ['a subaddress of an alias', 'sales+x@here.test', 'Ann@here.test, bob@here.test, >far@there.test forwarded split'],
  ['nested, each once', 'nested@here.test', 'Ann@here.test, bob@here.test, >far@there.test forwarded split'],
  ['one of several, through another alias', 'several@here.test', 'bob@here.test, >far@there.test forwarded split'],
  ['an alias to nobody', 'typo@here.test', ''],
  ['an alias to nobody and somebody', 'partly@here.test', 'bob@here.test'],
  ['a loop', 'round@here.test', 'looped'],
  ['a loop through a tag', 'self@here.test', 'looped'],
  ['a loop that leads out too', 'spiral@here.test', 'bob@here.test, looped'],
  ['catch-all', 'whoever@all.test', 'Ann@here.test'],
  ['a catch-all that leads nowhere', 'whoever@dangling.test', ''],
  ['postmaster of a hosted domain (RFC 5321 §4.5.1)', 'PostMaster@here.test', 'bob@here.test'],
  ['postmaster goes before catch-all', 'postmaster@all.test', 'bob@here.test'],
  ['postmaster of the host itself', 'postmaster@mail.here.test', 'bob@here.test'],
  ['an alias to postmaster', 'webmaster@here.test', 'bob@here.test'],
  ['others of the host are foreign', 'x@mail.here.test', '>x@mail.here.test, not ours'],
  ['foreign', 'Far@there.test', '>Far@there.test, not ours'],
  ['a U-label of a hosted domain (RFC 6531)', 'ivan@пример.test', 'ivan@xn--e1afmkfd.test'],
  ['the case of a domain', 'ivan@ПРИМЕР.test', 'ivan@xn--e1afmkfd.test'],
  ['no relaying by percent (S1)', 'far%there.test@here.test', ''],
  ['an address literal is foreign', 'ann@[127.0.0.1]', '>ann@[127.0.0.1], not ours'],
]

for (const [what, address, route] of CASES) {
  test(`${what}: ${address}`, async () => assert.equal(await shown(address), route))
}

test('without fallbacks neither catch-all nor postmaster answers', async () => {
  assert.equal(await shown('whoever@all.test', { fallbacks: false }), '')
  assert.equal(await shown('postmaster@here.test', { fallbacks: false }), '')
  assert.equal(await shown('postmaster@mail.here.test', { fallbacks: false }), '>postmaster@mail.here.test, not ours')
})

test('an alias with one member too many is not cut silently', async () => {
  const members = (count: number) => Array.from({ length: count }, (_, i) => `m${i}@there.test`)
  const by = createRoutes({
    directory: createTestDirectory({
      domains: { 'here.test': null },
      aliases: { 'most@here.test': members(ALIAS_MEMBERS_MAX), 'more@here.test': members(ALIAS_MEMBERS_MAX + 1) },
    }),
    hostname: 'here.test',
    postmaster: null,
    now: () => 1000,
  })
  assert.equal((await by.resolve(at('most@here.test'), { fallbacks: true })).cut, false)
  assert.equal((await by.resolve(at('more@here.test'), { fallbacks: true })).cut, true)
})

test('a chain deeper than the limit is cut, and the one before it not', async () => {
  const aliases = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`a${i}@here.test`, [`a${i + 1}@here.test`]]))
  const by = createRoutes({
    directory: createTestDirectory({ domains: { 'here.test': null }, accounts: { 'a12@here.test': {} }, aliases }),
    hostname: 'here.test',
    postmaster: null,
    now: () => 1000,
  })
  assert.equal(await shown('a2@here.test', { by }), 'a12@here.test')
  assert.equal(await shown('a1@here.test', { by }), 'cut')
})

test('aliases that all name each other end soon', async () => {
  const names = Array.from({ length: 30 }, (_, i) => `n${i}@here.test`)
  const aliases = Object.fromEntries(names.map((name) => [name, names.filter((other) => other !== name)]))
  let reads = 0
  const base = createTestDirectory({ domains: { 'here.test': null }, aliases })
  const counting = {
    ...base,
    alias: (address: Parameters<typeof base.alias>[0]) => ((reads += 1), base.alias(address)),
  }
  const by = createRoutes({ directory: counting, hostname: 'here.test', postmaster: null, now: () => 1000 })
  assert.equal(await shown('n0@here.test', { by }), 'looped, cut')
  assert.ok(reads <= ALIAS_MEMBERS_MAX + 1, `${reads} reads`)
})
