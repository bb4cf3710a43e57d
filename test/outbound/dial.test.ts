/** `gavan dial`: what it finds on the way, and that it sends nothing. Screens are golden files. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { dialJson, dialScreen } from '../../src/app/dial/screen.ts'
import type { TlsaRecord } from '../../src/model/dns.ts'
import { lookAlong } from '../../src/outbound/delivery/look.ts'
import { createTlsMemory } from '../../src/outbound/delivery/walk.ts'
import type { StsFinding } from '../../src/outbound/mta-sts/contract.ts'
import { silentLog } from '../../src/std/log.ts'
import { createTestClock } from '../../src/std/test-clock.ts'
import { createTestRandom } from '../../src/std/test-random.ts'
import { address, AWAY, OURSELVES } from './attempt-kit.ts'
import { createTestResolver, type Zone } from './dns.ts'
import { createSink, type Script } from './sink.ts'

type Scene = {
  readonly zone?: Zone
  readonly signed?: boolean
  readonly script?: Script
  readonly offers?: readonly string[]
  readonly refuses?: (address: string) => string | null
  readonly sts?: StsFinding
}

const OFFERS = ['PIPELINING', 'STARTTLS', '8BITMIME', 'SIZE 1000000']

async function dial(scene: Scene) {
  const clock = createTestClock()
  const { script, refuses, sts } = scene
  const sink = createSink({
    clock,
    offers: scene.offers ?? OFFERS,
    ...(script === undefined ? {} : { script }),
    ...(refuses === undefined ? {} : { refuses }),
  })
  const look = await lookAlong(
    'away.example',
    { address: address('bob@away.example') },
    {
      clock,
      random: createTestRandom(),
      log: silentLog,
      dialler: sink,
      resolver: createTestResolver(scene.zone ?? AWAY, { authenticated: scene.signed === true }),
      hostname: OURSELVES.hostname,
      ourselves: OURSELVES,
      route: { kind: 'mx' },
      mxPort: 25,
      tlsMemory: createTlsMemory(clock),
      signal: new AbortController().signal,
      ...(sts === undefined ? {} : { sts: { find: async () => sts } }),
    },
  )
  return { look, sink }
}

function golden(name: string, text: string): void {
  const file = new URL(`golden/dial/${name}.txt`, import.meta.url)
  if (process.env['GAVAN_UPDATE_GOLDEN'] === '1') {
    mkdirSync(new URL('.', file), { recursive: true })
    writeFileSync(file, text)
  }
  assert.equal(text, readFileSync(file, 'utf8'))
}

const record: TlsaRecord = { usage: 3, selector: 1, matching: 1, data: 'ab'.repeat(32) }
const enforce = (mx: string): StsFinding => ({
  policy: { domain: 'away.example', id: '7', mode: 'enforce', mx: [mx], maxAgeSeconds: 86_400, fetchedAt: 0 },
  from: 'kept',
  failure: null,
})

const SCENES: Readonly<Record<string, { readonly scene: Scene; readonly ends: string }>> = {
  encrypted: { scene: {}, ends: 'delivered encrypted' },
  clear: { scene: { offers: ['8BITMIME'] }, ends: 'delivered clear' },
  'tls-breaks': { scene: { script: (stage) => (stage === 'tls' ? 'fail' : null) }, ends: 'delivered clear' },
  dane: {
    scene: { signed: true, zone: { ...AWAY, '_25._tcp.mx1.away.example': { TLSA: [record] } } },
    ends: 'delivered dane',
  },
  'dane-bogus': {
    scene: {
      signed: true,
      zone: {
        ...AWAY,
        '_25._tcp.mx1.away.example': { TLSA: 'failed' },
        '_25._tcp.mx2.away.example': { TLSA: 'failed' },
      },
    },
    ends: 'waiting 4.7.5',
  },
  sts: { scene: { sts: enforce('*.away.example') }, ends: 'delivered sts' },
  'sts-stranger': { scene: { sts: enforce('mx.other.example') }, ends: 'waiting 4.7.10' },
  'sts-no-tls': { scene: { sts: enforce('*.away.example'), offers: [] }, ends: 'waiting 4.7.10' },
  'no-domain': { scene: { zone: {} }, ends: 'failed 5.1.2' },
  unreachable: { scene: { refuses: () => 'ECONNREFUSED' }, ends: 'waiting 4.4.1' },
  nobody: {
    scene: { script: (stage) => (stage === 'rcpt' ? '550 5.1.1 nobody of that name' : null) },
    ends: 'failed 5.1.1',
  },
}

suite('gavan dial', () => {
  for (const [name, { scene, ends }] of Object.entries(SCENES))
    test(name, async () => {
      const { look, sink } = await dial(scene)
      const { prospect } = look
      assert.equal(`${prospect.at} ${prospect.at === 'delivered' ? prospect.by : prospect.answer.status}`, ends)
      assert.deepEqual(sink.taken, [])
      assert.equal(sink.open, 0)
      assert.equal(
        sink.lines.some((line) => /\b(?:DATA|BDAT)\b/.test(line)),
        false,
      )
      golden(`${name}-en`, `${dialScreen(look, 'en')}\n`)
      golden(`${name}-ru`, `${dialScreen(look, 'ru')}\n`)
      const json = JSON.parse(JSON.stringify(dialJson(look))) as { steps: { ms: number }[] }
      assert.ok(json.steps.every(({ ms }) => ms >= 0))
    })

  test('a stranger cannot write on our screen', async () => {
    const { look } = await dial({ script: (stage) => (stage === 'rcpt' ? '550 5.1.1 \u001b[2Jgone' : null) })
    assert.equal(dialScreen(look, 'en').includes('\u001b'), false)
  })
})
