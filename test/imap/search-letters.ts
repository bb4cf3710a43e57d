/** Random letters in many charsets, whose maker knows what can be read in them. */
import * as fc from 'fast-check'
import iconv from 'iconv-lite'

/** What a person who reads the letter sees: header lines, decoded; texts of parts; names of parts. */
export type ReadableLetter = {
  readonly octets: Buffer
  readonly headers: readonly string[]
  readonly bodies: readonly string[]
  readonly names: readonly string[]
}

const CHARSETS = {
  'utf-8': ['Ёлка', 'ёжик', 'Straße', 'ﬁnance', '日本語', 'テスト', 'naïve', 'İstanbul', 'Ναός', '😀 ok', 'и\u0306од', 'ГРУЗ', 'x']
  , 'koi8-r': ['Ёлка', 'съешь', 'ещё', 'МЯГКИХ', 'груз', 'ок']
  , 'windows-1251': ['Ёлка', '№ 7', 'выпей', 'ЧАЮ', 'край']
  , 'iso-8859-1': ['Straße', 'naïve', 'été', 'GROSS', 'ok']
  , shift_jis: ['日本語', 'テスト', 'mail']
  , 'us-ascii': ['harbour', 'Anchor', 'price 5 < 6', 'a&b', 'strasse']
} as const // prettier-ignore

export const WORDS: readonly string[] = [...new Set(Object.values(CHARSETS).flat())]

type Charset = keyof typeof CHARSETS
type Texted = { readonly charset: Charset; readonly text: string }

const texted: fc.Arbitrary<Texted> = fc
  .constantFrom(...(Object.keys(CHARSETS) as Charset[]))
  .chain((charset) =>
    fc
      .array(fc.constantFrom(...CHARSETS[charset]), { minLength: 1, maxLength: 8 })
      .chain((words) => fc.constantFrom(' ', '  ', '\r\n').map((gap): Texted => ({ charset, text: words.join(gap) }))),
  )

const word = ({ charset, text }: Texted): string =>
  `=?${charset}?B?${iconv.encode(text.replace(/\s+/g, ' '), charset).toString('base64')}?=`
const plain = ({ text }: Texted): string => text.replace(/\s+/g, ' ')

function quotedPrintable(octets: Buffer): string {
  return [...octets].map((octet) => `=${octet.toString(16).toUpperCase().padStart(2, '0')}`).reduce((all, one, i) => all + (i > 0 && i % 20 === 0 ? '=\r\n' : '') + one, '') // prettier-ignore
}

type Part = { readonly lines: readonly (string | Buffer)[]; readonly bodies: readonly string[]; readonly headers: readonly string[]; readonly names: readonly string[] } // prettier-ignore

const encoding = fc.constantFrom('8bit', 'base64', 'quoted-printable')

function encoded(octets: Buffer, how: string): string | Buffer {
  if (how === 'base64') return octets.toString('base64').replace(/(.{60})/g, '$1\r\n')
  return how === '8bit' ? octets : quotedPrintable(octets)
}

const textPart: fc.Arbitrary<Part> = fc.tuple(texted, encoding).map(([one, how]) => ({
  lines: [
    `Content-Type: text/plain; charset="${one.charset}"\r\nContent-Transfer-Encoding: ${how}\r\n\r\n`,
    encoded(iconv.encode(one.text, one.charset), how),
  ],
  bodies: [one.text],
  headers: [],
  names: [],
}))

/** Tags within words: found as written, and without them. */
const htmlPart: fc.Arbitrary<Part> = fc.tuple(texted, encoding).map(([{ charset, text }, how]) => {
  const safe = text.replace(/[&<]/g, '+')
  const html = `<p>${safe.slice(0, 2)}<b>${safe.slice(2)}</b></p><script>var hidden</script>`
  return {
    lines: [
      `Content-Type: text/html; charset=${charset}\r\nContent-Transfer-Encoding: ${how}\r\n\r\n`,
      encoded(iconv.encode(html, charset), how),
    ],
    bodies: [html, safe],
    headers: [],
    names: [],
  }
})

const filePart: fc.Arbitrary<Part> = texted.map((name) => ({
  lines: [
    `Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n`,
    `Content-Disposition: attachment; filename="${word(name)}"\r\n\r\nQW5jaG9y`,
  ],
  bodies: [],
  headers: [],
  names: [plain(name)],
}))

const insidePart: fc.Arbitrary<Part> = fc.tuple(texted, textPart).map(([subject, inner]) => ({
  lines: ['Content-Type: message/rfc822\r\n\r\n', `Subject: ${word(subject)}\r\n`, ...inner.lines],
  bodies: [`Subject: ${plain(subject)}`, ...inner.bodies],
  headers: [],
  names: [],
}))

const part = fc.oneof(textPart, htmlPart, filePart, insidePart)

export const letters: fc.Arbitrary<ReadableLetter> = fc
  .tuple(texted, texted, texted, fc.array(part, { minLength: 1, maxLength: 4 }))
  .map(([subject, from, extra, parts]) => {
    const lines: (string | Buffer)[] = [
      `From: ${word(from)} <${from.charset}@far.test>\r\n`,
      `To: Reader <reader@here.test>, boris@here.test\r\nCc: ${word(extra)} <copy@here.test>\r\n`,
      `Subject: ${word(subject)}\r\nX-Extra: ${word(extra)}\r\n`,
    ]
    if (parts.length === 1) lines.push(...parts[0]!.lines)
    else {
      lines.push('Content-Type: multipart/mixed; boundary=-=edge\r\n\r\n')
      for (const each of parts) lines.push('\r\n---=edge\r\n', ...each.lines)
      lines.push('\r\n---=edge--\r\n')
    }
    return {
      octets: Buffer.concat(lines.map((line) => (typeof line === 'string' ? Buffer.from(line) : line))),
      headers: [
        `From: ${plain(from)} <${from.charset}@far.test>`,
        'To: Reader <reader@here.test>, boris@here.test',
        `Cc: ${plain(extra)} <copy@here.test>`,
        `Subject: ${plain(subject)}`,
        `X-Extra: ${plain(extra)}`,
      ],
      bodies: parts.flatMap(({ bodies }) => bodies),
      names: parts.flatMap(({ names }) => names),
    }
  })
