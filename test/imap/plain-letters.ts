/** Letters made by chance for SORT and THREAD: few words, ids and dates, so that they meet. */
import * as fc from 'fast-check'
import type { PlainLetter } from './naive-sort.ts'

export const SUBJECTS = [
  'one',
  'One',
  'Re: one',
  'Fwd: [x] one',
  '[fwd: one]',
  'two',
  'TWO (fwd)',
  '[x] two',
  'Re[2]: two',
  '',
  'Re:',
  'жук',
  'Re: Жук',
  'ёж',
]
const IDS = Array.from({ length: 9 }, (_, i) => `<${i}@x.test>`)

export const plainLetter: fc.Arbitrary<PlainLetter> = fc.record({
  subject: fc.option(fc.constantFrom(...SUBJECTS)),
  sent: fc.option(fc.integer({ min: 1_700_000_000, max: 1_700_000_005 })),
  from: fc.option(fc.constantFrom('b@a.test', 'A@b.test', 'ä@a.test', 'c@a.test')),
  to: fc.option(fc.constantFrom('x@a.test', 'Y@a.test')),
  id: fc.option(fc.constantFrom(...IDS)),
  references: fc.array(fc.constantFrom(...IDS), { maxLength: 4 }),
  inReplyTo: fc.array(fc.constantFrom(...IDS), { maxLength: 2 }),
})

const encoded = (text: string): string =>
  Buffer.byteLength(text) === text.length ? text : `=?utf-8?b?${Buffer.from(text).toString('base64')}?=`

export function writeLetter(one: PlainLetter): string {
  const lines: string[] = []
  const field = (name: string, value: string | null): void => void (value === null || lines.push(`${name}: ${value}`))
  field('Subject', one.subject === null ? null : encoded(one.subject))
  field('Date', one.sent === null ? null : new Date(one.sent * 1000).toUTCString().replace('GMT', '+0000'))
  field('From', one.from)
  field('To', one.to)
  field('Message-ID', one.id)
  field('References', one.references.length === 0 ? null : one.references.join('\r\n '))
  field('In-Reply-To', one.inReplyTo.length === 0 ? null : one.inReplyTo.join(' '))
  return `${lines.join('\r\n')}\r\n\r\nbody\r\n`
}
