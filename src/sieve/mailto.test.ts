import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printAddress } from '../format/address/address.ts'
import { parseMailto } from './mailto.ts'

function parse(uri: string): unknown {
  const found = parseMailto(uri)
  if (!found.ok) return null
  const { to, cc, bcc, subject, body, fields } = found.value
  const lists = [to, cc, bcc].map((list) => list.map(printAddress).join(' '))
  return [...lists, subject, body, fields.map(([name, value]) => `${name}=${value}`).join('&')]
}

test('mailto URIs (RFC 6068, RFC 5436 §2.1)', () => {
  for (const [uri, expected] of [
    ['mailto:a@b.org', ['a@b.org', '', '', null, null, '']],
    ['MAILTO:a@b.org,c@d.org', ['a@b.org c@d.org', '', '', null, null, '']],
    ['mailto:a@b.org%2Cc@d.org', ['a@b.org c@d.org', '', '', null, null, '']],
    ['mailto:?to=a@b.org&CC=c@d.org&bcc=e@f.org', ['a@b.org', 'c@d.org', 'e@f.org', null, null, '']],
    ['mailto:a%2Bb@c.org?subject=A%20b&body=x%0D%0Ay', ['a+b@c.org', '', '', 'A b', 'x\r\ny', '']],
    ['mailto:a@b.org?subject=%D0%9F', ['a@b.org', '', '', 'П', null, '']],
    ['mailto:a@b.org?subject=1&subject=2', ['a@b.org', '', '', '1', null, '']],
    ['mailto:a@b.org?cc=a@b.org,a@B.org', ['a@b.org', '', '', null, null, '']],
    ['mailto:a@b.org?x-a=1&keywords=2', ['a@b.org', '', '', null, null, 'x-a=1&keywords=2']],
    [
      'mailto:a@b.org?from=x@y&Date=x&Message-ID=x&Received=x&Auto-Submitted=no&Content-Type=x&resent-to=x&reply-to=x',
      ['a@b.org', '', '', null, null, ''],
    ],
  ] as const)
    assert.deepEqual(parse(uri), expected, uri)
})

test('what is none', () => {
  for (const uri of [
    '',
    'a@b.org',
    'tel:+1',
    'http://a.org',
    'mailto:',
    'mailto:?subject=x',
    'mailto:a',
    'mailto:a@b.org?x',
    'mailto:a@b.org?=x',
    'mailto:a@b.org?subject=%zz',
    'mailto:a@b.org?subject=%ff',
    'mailto:a b@c.org',
    'mailto:a@b.org?a b=c',
    'mailto:a@b.org\r\nx',
    `mailto:a@b.org?body=${'x'.repeat(20_000)}`,
  ])
    assert.equal(parse(uri), null, uri)
})
