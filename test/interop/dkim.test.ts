/** Signatures of ours verified by dkimpy; its ARC chains verified by ours. No DNS is asked: both read the same table. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { askAtOnce } from '../../src/mailauth/ask.ts'
import type { ArcResult } from '../../src/mailauth/contract.ts'
import { createBodyHash, splitFields } from '../../src/mailauth/dkim/canonical.ts'
import { printDkimRecord } from '../../src/mailauth/dkim/key-record.ts'
import { signLetter } from '../../src/mailauth/dkim/sign.ts'
import { createLetterVerifier } from '../../src/mailauth/letter.ts'
import { cannedDns } from '../../src/mailauth/testing/canned-dns.ts'
import { peerTest } from './peers.ts'
import { run } from './run.ts'

/** Debian's modules are those of Debian's Python, whichever is first on the PATH. */
const PYTHON = '/usr/bin/python3'
const NOW = Date.now() // dkimpy looks at the clock of the machine.

async function dkimpy(work: unknown): Promise<unknown> {
  const ran = await run(PYTHON, [join(import.meta.dirname, 'python/dkim_peer.py')], { input: JSON.stringify(work) })
  assert.equal(ran.code, 0, ran.all)
  return JSON.parse(ran.stdout)
}

peerTest(['dkimverify'], 'dkimpy finds our signatures good, and changed letters not', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const ed25519 = generateKeyPairSync('ed25519').privateKey
  const sign = (letter: string): string => {
    const at = letter.indexOf('\r\n\r\n')
    const body = createBodyHash('relaxed')
    body.push(Buffer.from(letter.slice(at + 4), 'latin1'))
    const fields = splitFields(Buffer.from(letter.slice(0, at + 2), 'latin1'))
    const facts = { fields, bodyHash: body.finish().hash, now: NOW }
    const keys = { rsa, ed: ed25519 }
    return (
      Object.entries(keys)
        .map(([selector, key]) => signLetter({ domain: 'a.test', selector, key }, facts))
        .join('') + letter
    )
  }
  const letters: Record<string, string> = {
    plain: 'From: Ann <ann@a.test>\r\nTo: bert@b.test\r\nSubject: Words\r\n\r\nHello\r\n',
    'folds, tabs, repeated fields, empty lines':
      'Received: x\r\nFrom:  Ann\t<ann@a.test>\r\nSubject: two\r\n\tlines \r\nTo: a@b.test,\r\n c@b.test\r\nCc: \r\nList-Id: <a>\r\nList-Id: <b>\r\n\r\n\r\n Hello \t you \r\n\r\n\r\n',
    'octets beyond ASCII, a long line, no last line end': `From: ann@a.test\r\nSubject: Ünï\r\n\r\n${'ö'.repeat(2000)}\r\n.\r\nend`,
    'no body': 'From: ann@a.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n\r\n',
  }
  const zone = {
    'rsa._domainkey.a.test': printDkimRecord(rsa),
    'ed._domainkey.a.test': printDkimRecord(ed25519),
  }
  const signed = Object.values(letters).map(sign)
  const changed = [
    signed[0]!.replace('Hello', 'Hullo'),
    signed[0]!.replace('Subject: Words', 'Subject: Swords'),
    `From: eve@e.test\r\n${signed[0]!}`,
    signed[0]!.replace('\r\n\r\n', '\r\nReply-To: eve@e.test\r\n\r\n'),
  ]
  const results = (await dkimpy({ zone, verify: [...signed, ...changed] })) as unknown[][]
  for (const [index, name] of Object.keys(letters).entries()) assert.deepEqual(results[index], [true, true], name)
  for (const each of results.slice(signed.length)) {
    assert.equal(each.length, 2)
    assert.ok(!each.includes(true), JSON.stringify(each))
  }
})

peerTest(
  ['dkimverify', 'authres'],
  'ARC: chains that dkimpy sealed pass, and fail when they were changed',
  async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const record = printDkimRecord(privateKey)
    const sealers = ['a.test', 'b.test', 'c.test']
    const zone = Object.fromEntries(sealers.map((domain) => [`arc._domainkey.${domain}`, record]))
    const made = (await dkimpy({
      zone,
      sealers,
      key: privateKey.export({ type: 'pkcs1', format: 'pem' }),
      seal: 'From: ann@a.test\r\nSubject: Words\r\n of two lines\r\n\r\nHello\r\n\r\n',
    })) as { letter: string; says: string }
    assert.equal(made.says, 'pass')

    function arcOf(letter: string, there: Record<string, string> = zone): ArcResult {
      const verifier = createLetterVerifier()
      verifier.push(Buffer.from(letter, 'latin1'))
      const table = Object.fromEntries(Object.entries(there).map(([name, text]) => [name, [['TXT', text] as const]]))
      return askAtOnce(verifier.finish(NOW).arc, cannedDns(table))
    }
    const whole = arcOf(made.letter)
    assert.deepEqual(whole, { result: 'pass', instance: 3, domain: 'c.test', why: 'sealed by c.test' })

    const { letter } = made
    const seal = (instance: number): RegExp => new RegExp(`ARC-Seal: i=${instance};(?:.*\\r\\n)(?:[ \\t].*\\r\\n)*`)
    const changed: Record<string, string> = {
      'the body': letter.replace('Hello', 'Hullo'),
      'the Subject': letter.replace('Words', 'Swords'),
      'what the first says it found': letter.replace(/(ARC-Authentication-Results: i=1;[^:]*)pass/, '$1fail'),
      'a seal gone': letter.replace(seal(2), ''),
      'a seal twice': letter.replace(seal(2), '$&$&'),
      'a chain that says it was broken': letter.replace(/(ARC-Seal: i=3;[^:]*cv=)pass/, '$1fail'),
      'a chain that begins with pass': letter.replace(/(ARC-Seal: i=1;[^:]*cv=)none/, '$1pass'),
      'an instance of 51': letter.replaceAll('i=3;', 'i=51;'),
    }
    for (const [name, text] of Object.entries(changed)) {
      assert.notEqual(text, letter, name)
      assert.equal(arcOf(text).result, 'fail', name)
    }
    assert.equal(arcOf(letter, { ...zone, 'arc._domainkey.b.test': 'v=DKIM1; p=' }).result, 'fail', 'a key taken back')
    assert.equal(arcOf('From: ann@a.test\r\n\r\nHello\r\n').result, 'none')
  },
)
