/**
 * The corpus: an outline of every message, read by eye once and kept as a golden file, and the same messages through two
 * parsers that others wrote.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { inspect, isDeepStrictEqual } from 'node:util'
import PostalMime, { type Address } from 'postal-mime'
import type { HeaderAddress, MessageSummary, Part } from '../../model/message.ts'
import { decodeCharset } from '../charset/charset.ts'
import { decodeBody } from '../charset/transfer.ts'
import { parameterValue } from '../header/parameters.ts'
import { decodeWords } from '../header/words.ts'
import { allParts, scan } from './testing.ts'

const CORPUS = new URL('../../../test/corpus/', import.meta.url)
const NAMES = readdirSync(CORPUS)
  .filter((name) => name.endsWith('.eml'))
  .map((name) => name.slice(0, -4))
  .toSorted()

const load = (name: string): Buffer => readFileSync(new URL(`${name}.eml`, CORPUS))

test('every message of the corpus has the outline that was checked by eye', () => {
  const golden = new URL('outline.txt', CORPUS)
  const outlines = NAMES.map((name) => outline(name, load(name))).join('\n')
  if (process.env['GAVAN_UPDATE_GOLDEN'] === '1') writeFileSync(golden, outlines)
  assert.ok(NAMES.length >= 40)
  assert.equal(outlines, readFileSync(golden, 'utf8'))
})

function outline(name: string, octets: Buffer): string {
  const { summary, receivedCount, fromCount } = scan(octets)
  const { header } = summary
  const lines = [`# ${name}: ${summary.sizeOctets} octets, ${receivedCount} Received, ${fromCount} From`]
  lines.push(
    `subject ${JSON.stringify(header.subject)}, sent ${summary.sentAt}, preview ${JSON.stringify(summary.preview)}`,
  )
  for (const field of ['from', 'sender', 'replyTo', 'to', 'cc', 'bcc'] as const) {
    for (const { name: display, mailbox, host } of header[field])
      lines.push(`${field} ${JSON.stringify([display, mailbox, host])}`)
  }
  if (summary.references.length > 0) lines.push(`references ${summary.references.join(' ')}`)
  return [...lines, ...outlinePart(summary.root, octets, '  '), ''].join('\n')
}

function outlinePart(part: Part, octets: Buffer, indent: string): string[] {
  const facts = { ...part, parts: undefined, message: undefined, type: undefined, subtype: undefined }
  const kept = Object.entries(facts).filter(
    ([, value]) => value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0),
  )
  const body = octets.toString('latin1', part.bodyStart, part.bodyEnd)
  const lines = [`${indent}${part.type}/${part.subtype} ${JSON.stringify(Object.fromEntries(kept))}`]
  if (part.parts.length === 0)
    lines.push(`${indent}| ${JSON.stringify(body.length > 80 ? `${body.slice(0, 40)}…${body.slice(-30)}` : body)}`)
  if (part.message !== null) lines.push(...outlinePart(part.message.root, octets, `${indent}  > `))
  return [...lines, ...part.parts.flatMap((child) => outlinePart(child, octets, `${indent}  `))]
}

// Others' parsers ------------------------------------------------------------------------------------------------------

type Seen = { subject: string; from: string[]; to: string[]; text: string; files: string[] }

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()
const flat = (list: readonly HeaderAddress[]): string[] =>
  list
    .filter(({ host }) => host !== null)
    .map(({ name, mailbox, host }) => `${decodeWords(name ?? '')} ${mailbox}@${host}`)

/** What a reader of the message sees, by our scanner. */
function seenByUs(octets: Buffer, summary: MessageSummary): Seen {
  const parts = allParts(summary.root).filter((part) => part.parts.length === 0 && part.message === null)
  const text = parts.find(
    (part) => part.type === 'text' && part.subtype === 'plain' && part.disposition?.type !== 'attachment',
  )
  return {
    subject: oneLine(decodeWords(summary.header.subject ?? '')),
    from: flat(summary.header.from),
    to: flat(summary.header.to),
    text: text === undefined ? '' : oneLine(decodeText(octets, text)),
    files: parts.map(fileName).filter((name) => name !== null),
  }
}

function decodeText(octets: Buffer, part: Part): string {
  const body = octets.subarray(part.bodyStart, part.bodyEnd)
  return decodeCharset(decodeBody(body, part.encoding) ?? body, parameterValue(part.parameters, 'charset'))
}

function fileName(part: Part): string | null {
  const name = parameterValue(part.disposition?.parameters ?? [], 'filename') ?? parameterValue(part.parameters, 'name')
  return name === null ? null : decodeWords(name)
}

test('mailparser and we see the same', async (t) => {
  type Mail = {
    subject?: string
    text?: string
    from?: Addresses
    to?: Addresses | Addresses[]
    attachments: { filename?: string }[]
  }
  type Addresses = { value: { name: string; address?: string; group?: Addresses['value'] }[] }
  const { simpleParser } = createRequire(import.meta.url)('mailparser') as {
    simpleParser(input: Buffer, options: object): Promise<Mail>
  }
  const list = (field: Addresses | Addresses[] | undefined): string[] =>
    [field ?? []]
      .flat()
      .flatMap(({ value }) => value.flatMap((one) => one.group ?? [one]).map((one) => `${one.name} ${one.address}`))
  for (const name of NAMES) {
    await t.test(name, async () => {
      const octets = load(name)
      const mail = await simpleParser(octets, { skipHtmlToText: true, skipTextToHtml: true })
      const theirs: Seen = {
        subject: oneLine(mail.subject ?? ''),
        from: list(mail.from),
        to: list(mail.to),
        text: oneLine(mail.text ?? ''),
        files: mail.attachments.map((file) => file.filename ?? '').filter((file) => file !== ''),
      }
      compare(theirs, seenByUs(octets, scan(octets).summary), MAILPARSER[name] ?? {})
    })
  }
})

test('postal-mime and we see the same', async (t) => {
  const list = (addresses: readonly Address[]): string[] =>
    addresses
      .flatMap((one): { name: string; address?: string }[] => one.group ?? [one])
      .map((one) => `${one.name} ${one.address}`)
  for (const name of NAMES) {
    await t.test(name, async () => {
      const octets = load(name)
      const mail = await PostalMime.parse(octets)
      const theirs: Seen = {
        subject: oneLine(mail.subject ?? ''),
        from: list(mail.from === undefined ? [] : [mail.from]),
        to: list(mail.to ?? []),
        text: oneLine(mail.text ?? ''),
        files: mail.attachments.map((file) => file.filename ?? '').filter((file) => file !== ''),
      }
      compare(theirs, seenByUs(octets, scan(octets).summary), POSTAL_MIME[name] ?? {})
    })
  }
})

/** Where we differ on purpose, or they cannot answer: field and why. */
type Differences = { [Field in keyof Seen]?: string }

const NO_TYPE = 'they drop a part whose type is wrong or whose multipart has no parts; RFC 2045 §5.2 shows it as text'
const BOTH: Record<string, Differences> = {
  'bad-content-type': { text: NO_TYPE },
  'multipart-empty-boundary': { text: NO_TYPE },
  'multipart-no-boundary': { text: NO_TYPE },
  'multipart-without-parts': { text: NO_TYPE },
  digest: { text: 'they show the messages inside in the text' },
  'format-flowed': { text: 'they undo format=flowed' },
  'raw-8bit-header': {
    subject: 'they do not try the charset of the body',
    from: 'they do not try the charset of the body',
  },
  'utf-7': { text: 'they do not know UTF-7' },
}
const MAILPARSER: Record<string, Differences> = {
  ...BOTH,
  'obsolete-syntax': { from: 'they do not know routes (RFC 5322 §4.4)', to: 'nor blanks around dots' },
  'rfc822-root': { text: 'they keep the message as a file' },
  'rfc822-twice': { text: 'they keep the message as a file' },
}
const POSTAL_MIME: Record<string, Differences> = {
  ...BOTH,
  'obsolete-syntax': { from: 'they do not know routes (RFC 5322 §4.4)', to: 'nor blanks around dots' },
  'rfc822-root': { text: 'they show the header of the message inside in the text' },
  'rfc822-twice': { text: 'they show the header of the message inside in the text' },
}

function compare(theirs: Seen, ours: Seen, differences: Differences): void {
  for (const field of ['subject', 'from', 'to', 'text', 'files'] as const) {
    // They join all texts of a message; ours is the first.
    const same =
      field === 'text'
        ? theirs.text.startsWith(ours.text) && (ours.text !== '' || theirs.text === '')
        : isDeepStrictEqual(theirs[field], ours[field])
    if (differences[field] === undefined) assert.ok(same, inspect({ field, ours: ours[field], theirs: theirs[field] }))
    else assert.ok(!same, `${field}: no longer different (${differences[field]})`)
  }
}
