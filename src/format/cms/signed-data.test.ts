/** Verified by openssl, for keys and chains that it made itself. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { der, elementsOf, oid, TAG, time } from './der.ts'
import { printSignedData } from './signed-data.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

suite('DER', () => {
  test('lengths, identifiers and times as X.690 and RFC 5280 write them', () => {
    assert.equal(hex(der(TAG.octetString, Buffer.alloc(0))), '0400')
    assert.equal(hex(der(TAG.octetString, Buffer.alloc(127)).subarray(0, 2)), '047f')
    assert.equal(hex(der(TAG.octetString, Buffer.alloc(128)).subarray(0, 3)), '048180')
    assert.equal(hex(der(TAG.octetString, Buffer.alloc(65_536)).subarray(0, 5)), '0483010000')
    assert.equal(hex(oid('1.2.840.113549.1.7.2')), '06092a864886f70d010702')
    assert.equal(hex(oid('2.16.840.1.101.3.4.2.1')), '0609608648016503040201')
    const text = (at: string): string => Buffer.from(elementsOf(time(Date.parse(at)))![0]!.content).toString()
    assert.equal(text('2026-11-24T12:00:01.5Z'), '261124120001Z')
    assert.equal(text('2049-12-31T23:59:59Z'), '491231235959Z')
    assert.equal(text('2050-01-01T00:00:00Z'), '20500101000000Z')
  })

  test('what is cut short, endless or of high tags is none', () => {
    assert.equal(elementsOf(Buffer.from('02010102', 'hex')), null)
    assert.equal(elementsOf(Buffer.from('020201', 'hex')), null)
    assert.equal(elementsOf(Buffer.from('3080', 'hex')), null)
    assert.equal(elementsOf(Buffer.from('1f0100', 'hex')), null)
    assert.equal(elementsOf(Buffer.from('0485ffffffffff', 'hex')), null)
    assert.deepEqual(elementsOf(Buffer.alloc(0)), [])
  })
})

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const required = process.env['GAVAN_REQUIRE_PEERS'] === '1'
const skip = hasOpenssl || required ? false : 'needs openssl'

suite('signed data', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'gavan-cms-'))
  after(() => rmSync(folder, { recursive: true }))
  const at = (name: string): string => join(folder, name)
  const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const pairs: Record<string, readonly string[]> = {
    rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    p384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
    ed25519: ['-algorithm', 'ED25519'],
  }

  /** A root, one in between, and a certificate for TLS servers, as a public CA gives it. */
  const chain = (kind: string): { key: string; certificates: [Uint8Array, ...Uint8Array[]] } => {
    const name = (file: string): string => `${kind}-${file}`
    for (const who of ['root', 'middle', 'leaf']) openssl('genpkey', ...(pairs[kind] ?? []), '-out', name(`${who}.key`))
    openssl('req', '-x509', '-new', '-key', name('root.key'), '-subj', '/CN=Test root', '-out', name('root.pem'))
    const issue = (who: string, by: string, extensions: string): void => {
      writeFileSync(at(name(`${who}.ext`)), extensions)
      openssl(
        'req',
        '-new',
        '-key',
        name(`${who}.key`),
        '-subj',
        `/O=Gavan/CN=${who}.example.org`,
        '-out',
        name(`${who}.csr`),
      )
      const ca = ['-CA', name(`${by}.pem`), '-CAkey', name(`${by}.key`), '-extfile', name(`${who}.ext`)]
      openssl('x509', '-req', '-in', name(`${who}.csr`), ...ca, '-out', name(`${who}.pem`))
    }
    issue('middle', 'root', 'basicConstraints=critical,CA:true\nkeyUsage=keyCertSign\n')
    issue(
      'leaf',
      'middle',
      'subjectAltName=DNS:mail.example.org\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n',
    )
    const certificate = (who: string): Uint8Array => new X509Certificate(readFileSync(at(name(`${who}.pem`)))).raw
    return {
      key: readFileSync(at(name('leaf.key')), 'utf8'),
      certificates: [certificate('leaf'), certificate('middle')],
    }
  }

  const verify = (root: string, signed: Uint8Array): { status: number | null; out: Buffer; said: string } => {
    writeFileSync(at('signed.der'), signed)
    const ran = spawnSync(
      'openssl',
      [
        'cms',
        '-verify',
        '-inform',
        'DER',
        '-in',
        'signed.der',
        '-CAfile',
        `${root}-root.pem`,
        '-purpose',
        'any',
        '-binary',
      ],
      { cwd: folder },
    )
    return { status: ran.status, out: ran.stdout, said: ran.stderr.toString() }
  }

  for (const kind of ['rsa', 'p256', 'p384'])
    test(`openssl verifies it and gives the content back, octet by octet: ${kind}`, () => {
      const { key, certificates } = chain(kind)
      for (const content of [Buffer.from('<plist>\r\nПочта\n</plist>'), Buffer.alloc(0), Buffer.alloc(70_000, 0xff)]) {
        const signed = printSignedData({ content, certificates, key: createPrivateKey(key), signedAt: Date.now() })
        assert.ok(signed !== null)
        const good = verify(kind, signed)
        assert.equal(good.status, 0, good.said)
        assert.ok(good.out.equals(content))
        const older = spawnSync(
          'openssl',
          [
            'smime',
            '-verify',
            '-inform',
            'DER',
            '-in',
            'signed.der',
            '-CAfile',
            `${kind}-root.pem`,
            '-purpose',
            'any',
            '-binary',
          ],
          { cwd: folder },
        )
        assert.equal(older.status, 0, older.stderr.toString())
        assert.ok(older.stdout.equals(content))
      }
    })

  test('another content, another root, or no chain: refused', () => {
    const { key, certificates } = chain('p256')
    chain('rsa')
    const content = Buffer.from('imap.example.org')
    const options = { content, key: createPrivateKey(key), signedAt: Date.now() }
    const signed = Buffer.from(printSignedData({ ...options, certificates })!)
    const bent = Buffer.from(signed)
    bent.write('evil', bent.indexOf(content))
    assert.notEqual(verify('p256', bent).status, 0)
    assert.notEqual(verify('rsa', signed).status, 0)
    const alone = printSignedData({ ...options, certificates: [certificates[0]] })!
    assert.match(verify('p256', alone).said, /unable to get.*issuer/)
  })

  test('a key that CMS does not sign with here, or no certificate: none', () => {
    const { certificates } = chain('p256')
    openssl('genpkey', '-algorithm', 'ED25519', '-out', 'ed.key')
    const ed = createPrivateKey(readFileSync(at('ed.key')))
    const content = Buffer.from('x')
    assert.equal(printSignedData({ content, certificates, key: ed, signedAt: 0 }), null)
    const key = createPrivateKey(readFileSync(at('p256-leaf.key')))
    for (const wrong of [Buffer.alloc(0), Buffer.from('3003020101', 'hex'), Buffer.from('no certificate')])
      assert.equal(printSignedData({ content, certificates: [wrong], key, signedAt: 0 }), null)
  })
})
