/** Letters of an exact size, each with a Message-ID of its own, made of words so that text search has something to read. */

const WORDS =
  'harbour anchor ledger morning window paper signal copper meadow engine letter answer bridge winter garden copper ticket summer record number silver region market orange planet vessel castle forest island mirror'.split(
    ' ',
  )

/** A small generator that always says the same (Lehmer, modulus 2^31 − 1): both servers get the same letters. */
function lehmer(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1
  return () => (state = (state * 48_271) % 2_147_483_647)
}

function textOf(octets: number, seed: number): string {
  const next = lehmer(seed)
  let text = ''
  let column = 0
  while (text.length < octets) {
    const word = WORDS[next() % WORDS.length]!
    if (column + word.length > 70) {
      text += '\r\n'
      column = 0
    }
    text += `${word} `
    column += word.length + 1
  }
  // No dot begins a line, and nothing but the last CRLF is needed to end one.
  return `${text.slice(0, octets - 2).replace(/\r$/, ' ')}\r\n`
}

let serial = 0

/** Bodies are few and reused: the generator must not be what is measured. */
const bodies = new Map<string, string>()

/**
 * @param octets the whole letter's size
 * @param options.from its author; by default one of fifty strangers
 * @param options.word a word that no other letter has
 */
export function makeLetter(octets: number, options: { from?: string; word?: string } = {}): Buffer {
  const { word = '' } = options
  const id = ++serial
  const variant = id % 50
  const from = options.from ?? `sender${variant}@far.test`
  const headers = [
    'Received: from relay.far.test (relay.far.test [192.0.2.7]) by mx.far.test with ESMTPS; Tue, 24 Nov 2026 10:00:00 +0000',
    `From: Sender ${variant} <${from}>`,
    `To: Reader <reader@gavan.test>`,
    `Subject: Letter ${String(id).padStart(8, '0')} about the ${WORDS[id % WORDS.length]!.padEnd(8)} ${word}`,
    `Message-ID: <${process.pid}.${Date.now()}.${String(id).padStart(8, '0')}@far.test>`,
    `Date: Tue, 24 Nov 2026 ${String(id % 24).padStart(2, '0')}:${String(id % 60).padStart(2, '0')}:00 +0000`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 7bit',
    '',
    '',
  ].join('\r\n')
  const left = octets - headers.length
  const key = `${left} ${variant}`
  let body = bodies.get(key)
  if (body === undefined) {
    body = textOf(left, variant)
    bodies.set(key, body)
  }
  return Buffer.from(headers + body, 'latin1')
}
