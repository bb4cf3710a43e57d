import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { NO_EXTENSIONS, parseEhlo } from './client-ehlo.ts'

const of = (...keywords: string[]) => parseEhlo(['mx.example says hello', ...keywords])

suite('EHLO keywords', () => {
  test('none', () => assert.deepEqual(of(), { ...NO_EXTENSIONS, esmtp: true }))

  test('all, in any case', () => {
    assert.deepEqual(
      of(
        'pipelining',
        'STARTTLS',
        '8BitMime',
        'SMTPUTF8',
        'CHUNKING',
        'BINARYMIME',
        'DSN',
        'REQUIRETLS',
        'SIZE 1000',
        'AUTH plain LOGIN',
        'LIMITS RCPTMAX=20 MAILMAX=5',
        'X-OTHER',
      ),
      {
        esmtp: true,
        pipelining: true,
        startTls: true,
        eightBitMime: true,
        smtpUtf8: true,
        chunking: true,
        binaryMime: true,
        dsn: true,
        requireTls: true,
        sizeOctets: 1000,
        auth: ['PLAIN', 'LOGIN'],
        recipientsMax: 20,
        messagesMax: 5,
      },
    )
  })

  test('oddities', () => {
    assert.equal(of('SIZE').sizeOctets, 0)
    assert.equal(of('SIZE 0').sizeOctets, 0)
    assert.equal(of('SIZE 9'.padEnd(400, '9')).sizeOctets, 0)
    assert.equal(of('SIZE -5').sizeOctets, 0)
    assert.deepEqual(of('AUTH=PLAIN LOGIN', 'AUTH PLAIN SCRAM-SHA-256').auth, ['PLAIN', 'LOGIN', 'SCRAM-SHA-256'])
    assert.equal(of('BINARYMIME').binaryMime, false, 'needs CHUNKING')
    assert.equal(of('LIMITS RCPTMAX=0').recipientsMax, null)
    assert.equal(of('__proto__', 'constructor').esmtp, true)
    // The first line is the greeting, whatever it says.
    assert.equal(parseEhlo(['PIPELINING']).pipelining, false)
  })
})
