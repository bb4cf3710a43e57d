import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { dkimSign } from 'mailauth/lib/dkim/sign.js'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { DKIM_SIGNATURES_MAX, HEADER_BLOCK_MAX_OCTETS } from '../model/limits.ts'
import { askAtOnce } from './ask.ts'
import type { DkimResult } from './contract.ts'
import { createBodyHash, splitFields, type Canonicalization } from './dkim/canonical.ts'
import { printDkimRecord } from './dkim/key-record.ts'
import { signLetter } from './dkim/sign.ts'
import { createLetterVerifier } from './letter.ts'
import { cannedDns, type Zone } from './testing/canned-dns.ts'

const NOW = Date.UTC(2026, 10, 24)
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ED25519 = generateKeyPairSync('ed25519').privateKey
const ZONE: Zone = {
  'rsa._domainkey.a.test': [['TXT', printDkimRecord(RSA)]],
  'ed._domainkey.a.test': [['TXT', printDkimRecord(ED25519)]],
}

function verify(letter: Buffer, zone: Zone = ZONE, pieces: readonly number[] = [], now = NOW) {
  const verifier = createLetterVerifier()
  let at = 0
  for (const piece of pieces) {
    verifier.push(letter.subarray(at, at + piece))
    at += piece
  }
  verifier.push(letter.subarray(at))
  const { dkim, arc } = verifier.finish(now)
  const dns = cannedDns(zone)
  return { dkim: dkim.map((each) => askAtOnce(each, dns)), arc: askAtOnce(arc, dns) }
}

const results = (letter: string | Buffer, zone: Zone = ZONE): string[] =>
  verify(Buffer.isBuffer(letter) ? letter : Buffer.from(letter, 'latin1'), zone).dkim.map(({ result, why }) =>
    result === 'pass' ? result : `${result}: ${why}`,
  )

function sign(letter: string, key = RSA, selector = 'rsa'): string {
  const at = letter.indexOf('\r\n\r\n')
  const body = createBodyHash('relaxed')
  body.push(Buffer.from(letter.slice(at + 4), 'latin1'))
  const fields = splitFields(Buffer.from(letter.slice(0, at + 2), 'latin1'))
  return signLetter({ domain: 'a.test', selector, key }, { fields, bodyHash: body.finish().hash, now: NOW }) + letter
}

const LETTER =
  'From: Ann <ann@a.test>\r\nTo: bert@b.test\r\nSubject: Words\r\n of two lines\r\n\r\nHello \r\n\r\nyou\t all\r\n\r\n'

/** What mailauth makes of the same letter. */
async function judge(letter: Buffer, zone: Zone = ZONE): Promise<string[]> {
  const dns = cannedDns(zone)
  const { results: found } = (await dkimVerify(letter, {
    resolver: async (name: string) => {
      const answer = dns({ name, type: 'TXT' })
      if (answer.at === 'found') return answer.records.map((text) => [String(text)])
      throw Object.assign(new Error('none'), { code: 'ENOTFOUND' })
    },
    curTime: new Date(NOW),
  })) as { results: { status: { result: string } }[] }
  return found.map(({ status }) => status.result)
}

suite('DKIM', () => {
  test('RFC 8463 appendix A: both signatures, and none of them once a word is changed', () => {
    const vector = readFileSync(new URL('../../test/vectors/dkim/rfc8463.eml', import.meta.url))
    const zone: Zone = {
      'brisbane._domainkey.football.example.com': [
        ['TXT', 'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='],
      ],
      'test._domainkey.football.example.com': [
        [
          'TXT',
          [
            'v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR',
            'iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC',
            'DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3',
            'Ip3G+2kryOTIKT+l/K4w3QIDAQAB',
          ],
        ],
      ],
    }
    assert.deepEqual(results(vector, zone), ['pass', 'pass'])
    const changed = Buffer.from(vector.toString('latin1').replace('hungry', 'Hungry'), 'latin1')
    assert.deepEqual(results(changed, zone), ['fail: the body was changed', 'fail: the body was changed'])
    const renamed = Buffer.from(vector.toString('latin1').replace('Joe SixPack', 'Joe Sixpack'), 'latin1')
    assert.deepEqual(results(renamed, zone), ['fail: the header was changed', 'fail: the header was changed'])
  })

  test('what is signed here passes, here and at mailauth; each octet at a time too', async () => {
    const letter = Buffer.from(sign(sign(LETTER), ED25519, 'ed'), 'latin1')
    assert.deepEqual(results(letter), ['pass', 'pass'])
    assert.deepEqual(await judge(letter), ['pass', 'pass'])
    const byOctet = verify(
      letter,
      ZONE,
      Array.from({ length: letter.length }, () => 1),
    )
    assert.deepEqual(byOctet, verify(letter))
  })

  test('what mailauth signs passes here, in every form; pieces make no difference', async () => {
    const words = fc.constantFrom('a', ' ', '\t', '  ', '\r\n', '\r\n\r\n', 'Ünï', '\r', 'x y', '.', ' \r\n')
    const text = fc.array(words, { maxLength: 40 }).map((parts) => parts.join(''))
    const forms = fc.constantFrom('simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed')
    await fc.assert(
      fc.asyncProperty(
        text,
        forms,
        fc.boolean(),
        fc.array(fc.nat(50), { maxLength: 20 }),
        async (body, form, ed, pieces) => {
          const letter = `From: ann@a.test\r\nSubject:  two  words\t\r\n folded\r\nX: y\r\n\r\n${body.replace(/\r(?!\n)/g, ' ')}`
          const key = ed ? ED25519 : RSA
          const { signatures } = await dkimSign(Buffer.from(letter, 'latin1'), {
            canonicalization: form,
            algorithm: ed ? 'ed25519-sha256' : 'rsa-sha256',
            signTime: new Date(NOW),
            signatureData: [
              {
                signingDomain: 'a.test',
                selector: ed ? 'ed' : 'rsa',
                privateKey: key.export({ type: 'pkcs8', format: 'pem' }),
              },
            ],
          } as unknown as Parameters<typeof dkimSign>[1])
          const signed = Buffer.from(`${signatures.trimEnd()}\r\n${letter}`, 'latin1')
          const found = verify(signed, ZONE, pieces).dkim
          assert.deepEqual(
            found.map(({ result }) => result),
            ['pass'],
            `${found[0]?.why}`,
          )
        },
      ),
      { numRuns: 150 },
    )
  })

  test('a letter changed anywhere is no longer signed, here and at mailauth', async () => {
    const signed = Buffer.from(sign(LETTER), 'latin1')
    await fc.assert(
      fc.asyncProperty(fc.nat(signed.length - 1), fc.integer({ min: 33, max: 126 }), async (at, octet) => {
        const changed = Buffer.from(signed)
        changed[at] = octet
        const [result] = verify(changed).dkim
        const [other] = await judge(changed)
        if (other !== 'pass' && result !== undefined) assert.notEqual(result.result, 'pass', `octet ${at}`)
      }),
      { numRuns: 200 },
    )
  })
})

suite('S8: what does not count as signed', () => {
  const field = (letter: string): string => letter.slice(0, letter.indexOf('\r\nFrom:') + 2)
  const with_ = (change: (signature: string) => string): string => {
    const signed = sign(LETTER)
    return change(field(signed)) + signed.slice(field(signed).length)
  }
  const cases: Record<string, readonly [letter: string, expected: string, zone?: Zone]> = {
    'another From above': [`From: eve@e.test\r\n${sign(LETTER)}`, 'fail: the header was changed'],
    'another From below': [sign(LETTER).replace('To:', 'From: eve@e.test\r\nTo:'), 'fail: the header was changed'],
    'another Subject': [`Subject: Other\r\n${sign(LETTER)}`, 'fail: the header was changed'],
    'a Content-Type added': [`Content-Type: text/html\r\n${sign(LETTER)}`, 'fail: the header was changed'],
    'a Reply-To added': [`Reply-To: eve@e.test\r\n${sign(LETTER)}`, 'fail: the header was changed'],
    'octets after the body': [`${sign(LETTER)}more\r\n`, 'fail: the body was changed'],
    'l= shorter than the body': [
      with_((text) => text.replace(/\bt=(?=\d)/, 'l=3; t=')),
      'policy: a part of the body is not signed',
    ],
    'l= longer than the body': [
      with_((text) => text.replace(/\bt=(?=\d)/, 'l=9999; t=')),
      'permerror: more is signed than there is',
    ],
    'rsa-sha1': [with_((text) => text.replace('rsa-sha256', 'rsa-sha1')), 'policy: SHA-1 proves nothing'],
    'an algorithm nobody knows': [
      with_((text) => text.replace('rsa-sha256', 'rsa-md5')),
      'permerror: the algorithm is not known',
    ],
    'another version': [with_((text) => text.replace('v=1', 'v=2')), 'permerror: the signature is of another version'],
    'From not signed': [with_((text) => text.replace('h=from:from:', 'h=')), 'permerror: From is not signed'],
    'a tag twice': [with_((text) => text.replace('v=1;', 'v=1; v=1;')), 'permerror: the signature is no list of tags'],
    'no domain': [with_((text) => text.replace('d=a.test', 'd=')), 'permerror: the domain or selector is none'],
    'an identity of another domain': [
      with_((text) => text.replace('v=1;', 'v=1; i=x@b.test;')),
      'permerror: the identity is of another domain',
    ],
    'a key not in DNS': [with_((text) => text.replace('v=1;', 'v=1; q=web;')), 'permerror: the key is not in DNS'],
    'no key': [sign(LETTER), 'permerror: there is no key at rsa._domainkey.a.test', {}],
    'a revoked key': [
      sign(LETTER),
      'permerror: the key is revoked',
      { 'rsa._domainkey.a.test': [['TXT', 'v=DKIM1; p=']] },
    ],
    'a key of the other kind': [
      sign(LETTER),
      'permerror: the key is of another kind',
      { 'rsa._domainkey.a.test': [['TXT', printDkimRecord(ED25519)]] },
    ],
    'a key for other services': [
      sign(LETTER),
      'permerror: the key is not for mail',
      { 'rsa._domainkey.a.test': [['TXT', `${printDkimRecord(RSA)}; s=tlsrpt`]] },
    ],
    'DNS that does not answer': [
      sign(LETTER),
      'temperror: TXT of rsa._domainkey.a.test: timeout',
      { 'rsa._domainkey.a.test': [['TIMEOUT', null]] },
    ],
  }
  for (const [name, [letter, expected, zone]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(results(letter, zone ?? ZONE), [expected]))
  }

  test('a key of 512 bits; one of 1024 is taken', () => {
    for (const [bits, expected] of [
      [512, 'policy: the key has 512 bits only'],
      [1024, 'pass'],
    ] as const) {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits })
      const zone: Zone = { 'rsa._domainkey.a.test': [['TXT', printDkimRecord(privateKey)]] }
      assert.deepEqual(results(sign(LETTER, privateKey), zone), [expected])
    }
  })

  test('after its end, and before it was made', () => {
    const letter = Buffer.from(sign(LETTER), 'latin1')
    const at = (days: number): DkimResult | undefined => verify(letter, ZONE, [], NOW + days * 24 * 3600_000).dkim[0]
    assert.equal(at(6)?.result, 'pass')
    assert.equal(at(8)?.why, 'the signature has expired')
    assert.equal(at(-1)?.why, 'the signature is of the future')
  })

  test('so many signatures are looked at', () => {
    const one = field(sign(LETTER))
    assert.equal(results(one.repeat(DKIM_SIGNATURES_MAX + 1) + LETTER).length, DKIM_SIGNATURES_MAX)
  })
})

suite('what a stranger sends costs no more than its octets', () => {
  const size = HEADER_BLOCK_MAX_OCTETS - 1000
  const from = 'From: ann@a.test\r\n\r\nHello\r\n'
  /** Quadratic in a header of this size would be 30 s and more; the bound leaves a slow machine its time. */
  const cheap = (run: () => void): void => {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    assert.ok(user + system < 5_000_000, `${(user + system) / 1000} ms`)
  }
  const headers: Record<string, string> = {
    'folds in a value': `DKIM-Signature: v=1; b=a${'\r\n '.repeat(size / 3)}a\r\n`,
    'folds before a tag': `DKIM-Signature: v=1;${'\r\n '.repeat(size / 3)}a\r\n`,
    'spaces in a name': `X${' '.repeat(size)}y: z\r\n`,
    semicolons: `DKIM-Signature: v=1${';'.repeat(size)}\r\n`,
    'a long list of fields': `DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=rsa; b=a; bh=a; h=${'from:'.repeat(size / 5)}from\r\n`,
    'many signatures': 'DKIM-Signature: v=1\r\n'.repeat(size / 21),
    'ARC sets': 'ARC-Seal: i=1\r\n'.repeat(size / 15),
  }
  for (const [name, header] of Object.entries(headers))
    test(name, () => cheap(() => void verify(Buffer.from(header + from, 'latin1'))))
  test('a header that comes octet by octet', () => {
    const letter = Buffer.from(`Subject: ${'a\r\n '.repeat(size / 4)}a\r\n${from}`)
    cheap(
      () =>
        void verify(
          letter,
          ZONE,
          Array.from({ length: letter.length }, () => 1),
        ),
    )
  })
})

test('signatures and keys of random text: an answer, never an error', () => {
  const tag = fc.constantFrom(
    'v',
    'a',
    'b',
    'bh',
    'c',
    'd',
    'h',
    'i',
    'l',
    'q',
    's',
    't',
    'x',
    'z',
    'k',
    'p',
    'g',
    'n',
    '',
  )
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('1', 'DKIM1', 'rsa-sha256', 'ed25519-sha256', 'relaxed/simple', 'a.test', 'rsa', 'ed', 'from:to'),
    fc.constantFrom('@a.test', 'dns/txt', '0', '99999999999999999999', 'AAAA', 'y:s', 'rsa:', ' \r\n '),
  )
  const list = fc
    .array(fc.tuple(tag, value), { maxLength: 14 })
    .map((tags) => tags.map(([name, text]) => `${name}=${text}`).join(';'))
  fc.assert(
    fc.property(list, list, (signature, key) => {
      const letter = `DKIM-Signature: ${signature}\r\nARC-Seal: ${signature}\r\nFrom: ann@a.test\r\n\r\nHello\r\n`
      const zone: Zone = { 'rsa._domainkey.a.test': [['TXT', key]], 'ed._domainkey.a.test': [['TXT', key]] }
      for (const { result } of verify(Buffer.from(letter, 'latin1'), zone).dkim) assert.notEqual(result, 'pass')
    }),
    { numRuns: 1000 },
  )
})

suite('canonical bodies', () => {
  const hashed = (as: Canonicalization, body: string, pieces: readonly number[] = []) => {
    const hash = createBodyHash(as)
    let at = 0
    for (const piece of pieces) {
      hash.push(Buffer.from(body.slice(at, at + piece), 'latin1'))
      at += piece
    }
    hash.push(Buffer.from(body.slice(at), 'latin1'))
    const { hash: digest, octets } = hash.finish()
    return { digest: digest.toString('hex'), octets }
  }
  /** RFC 6376 §3.4.3, §3.4.4, said plainly. */
  function plainly(as: Canonicalization, body: string): string {
    let text = body
    if (as === 'relaxed')
      text = text
        .replace(/[ \t]+(?=\r\n)/g, '')
        .replace(/[ \t]+$/, '')
        .replace(/[ \t]+/g, ' ')
    while (text.endsWith('\r\n')) text = text.slice(0, -2)
    return text === '' && as === 'relaxed' ? '' : `${text}\r\n`
  }
  for (const as of ['simple', 'relaxed'] as const) {
    test(`${as}: as the RFC says, in any pieces`, () => {
      const parts = fc.constantFrom('a', ' ', '\t', '\r\n', '\r', '\n', '\r\r\n', ' \r\n')
      fc.assert(
        fc.property(fc.array(parts, { maxLength: 30 }), fc.array(fc.nat(5), { maxLength: 30 }), (all, pieces) => {
          const body = all.join('')
          const wanted = plainly(as, body)
          assert.equal(hashed(as, body, pieces).octets, wanted.length, JSON.stringify([body, wanted]))
          assert.equal(hashed(as, body, pieces).digest, createHash('sha256').update(wanted, 'latin1').digest('hex'))
        }),
        { numRuns: 500 },
      )
    })
  }
})
