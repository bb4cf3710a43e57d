/**
 * Plays conversations written down in `test/transcripts/`, whole and octet by octet.
 *
 * `# …`            comment
 * `@key value`     a setting for whoever starts the server, e.g. `@service imaps`
 * `C: …`           the client sends the line with CRLF; `C-raw: …` without, with \r \n \0 \t \\ \xNN
 * `S: …`           the server's next line. `$name` captures up to the next blank or the text that follows, and stands
 *                  for what it captured from then on (also in C lines); `~` at the end matches the rest. `$Name` and `$$`
 *                  (a dollar) are literal, so IMAP's `$Forwarded` is.
 * `C-tls`          the client does its TLS handshake
 * `C-end`          the client half-closes
 * `C-wait 5m`      the clock turns (ms, s, m, h)
 * `S-none`         the server has said nothing more
 * `S-close`        the server closes, and has said nothing more
 * `C2: …`, `S2: …` a second connection, opened at its first line (and so on for C3, …)
 *
 * The server may say nothing that the transcript does not have.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { TestPeer } from '../src/session/test-connection.ts'
import type { TestClock } from '../src/std/test-clock.ts'

export type TranscriptStep =
  | { readonly do: 'send'; readonly peer: number; readonly line: number; readonly text: string; readonly raw: boolean }
  | { readonly do: 'expect'; readonly peer: number; readonly line: number; readonly text: string }
  | { readonly do: 'tls' | 'end' | 'none' | 'close'; readonly peer: number; readonly line: number }
  | { readonly do: 'wait'; readonly peer: number; readonly line: number; readonly ms: number }

export type Transcript = {
  readonly name: string
  readonly settings: ReadonlyMap<string, string>
  readonly steps: readonly TranscriptStep[]
}

/** What a transcript is played against; made anew for each play. */
export type Stage = {
  readonly clock: TestClock
  /** Opens a connection and runs the session on it. */
  connect(): TestPeer
  stop?(): Promise<void>
}

export type Pace = 'whole' | 'octets'

/** How long, in real time, the server may take for one line. */
const PATIENCE_MS = 10_000
/** After this long without a timer that falls due, the clock turns anyway. */
const WAIT_FOR_TIMER_MS = 300
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const LINE = /^([CS])(\d*)(?:-([a-z]+))?(?:: ?| |$)(.*)$/

export function parseTranscript(name: string, text: string): Transcript {
  const settings = new Map<string, string>()
  const steps: TranscriptStep[] = []
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const line = index + 1
    if (content.trim() === '' || content.startsWith('#')) continue
    if (content.startsWith('@')) {
      const [key = '', ...rest] = content.slice(1).split(' ')
      settings.set(key, rest.join(' ').trim())
      continue
    }
    const match = LINE.exec(content)
    assert(match !== null, `${name}:${line}: not a transcript line: ${content}`)
    const [, side, number, directive, rest = ''] = match
    const peer = number === '' ? 1 : Number(number)
    const what = `${side}${directive === undefined ? '' : `-${directive}`}`
    if (what === 'C' || what === 'C-raw') steps.push({ do: 'send', peer, line, text: rest, raw: what === 'C-raw' })
    else if (what === 'S') steps.push({ do: 'expect', peer, line, text: rest })
    else if (what === 'C-tls') steps.push({ do: 'tls', peer, line })
    else if (what === 'C-end') steps.push({ do: 'end', peer, line })
    else if (what === 'S-none') steps.push({ do: 'none', peer, line })
    else if (what === 'S-close') steps.push({ do: 'close', peer, line })
    else if (what === 'C-wait') {
      const [, amount = '', unit = ''] = /^(\d+)(ms|s|m|h)$/.exec(rest.trim()) ?? []
      assert(unit !== '', `${name}:${line}: not a time: ${rest}`)
      steps.push({ do: 'wait', peer, line, ms: Number(amount) * UNITS[unit]! })
    } else assert.fail(`${name}:${line}: unknown directive ${what}`)
  }
  return { name, settings, steps }
}

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', 0: '\0', '\\': '\\' }

const unescape = (text: string): Buffer =>
  Buffer.concat(
    text
      .split(/(\\x[0-9a-fA-F]{2}|\\[rnt0\\])/)
      .map((piece) =>
        piece.startsWith('\\x')
          ? Buffer.from(piece.slice(2), 'hex')
          : Buffer.from(piece.startsWith('\\') ? (ESCAPES[piece.slice(1)] ?? piece) : piece),
      ),
  )

const NAME = /(\$\$|\$[a-z][a-z0-9]*)/

/** Puts captured values in for their names. */
function fill(text: string, captured: ReadonlyMap<string, string>): string {
  return text
    .split(NAME)
    .map((piece) => (piece === '$$' ? '$' : NAME.test(piece) ? (captured.get(piece.slice(1)) ?? piece) : piece))
    .join('')
}

const quote = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')

/** Matches one line, adding to `captured`. */
function matches(pattern: string, line: string, captured: Map<string, string>): boolean {
  const rest = pattern.endsWith('~')
  const names: string[] = []
  let source = ''
  for (const piece of (rest ? pattern.slice(0, -1) : pattern).split(NAME)) {
    const name = piece.slice(1)
    if (piece === '$$') source += '\\$'
    else if (!NAME.test(piece)) source += quote(piece)
    else if (captured.has(name)) source += quote(captured.get(name)!)
    else if (names.includes(name)) source += `\\${names.indexOf(name) + 1}`
    else {
      names.push(name)
      source += '([^ ]+?)'
    }
  }
  const match = new RegExp(`^${source}${rest ? '.*' : ''}$`, 's').exec(line)
  if (match === null) return false
  for (const [index, name] of names.entries()) captured.set(name, match[index + 1]!)
  return true
}

/** Lets all that is ready run, file and thread answers included as far as they have come. */
export async function settle(rounds = 20): Promise<void> {
  for (let i = 0; i < rounds; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Waits, in real time, for a timer that the turn of the clock would set off; a server may hash a password before it sleeps. */
async function untilDue(clock: TestClock, ms: number): Promise<void> {
  for (const begun = performance.now(); performance.now() - begun < WAIT_FOR_TIMER_MS;) {
    await settle()
    if (clock.nextDueMs !== null && clock.nextDueMs <= ms) return
  }
}

async function patiently<T>(promise: Promise<T>, complaint: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: complaint() })), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

export async function playTranscript(transcript: Transcript, stage: Stage, pace: Pace): Promise<Map<string, string>> {
  const captured = new Map<string, string>()
  const peers = new Map<number, TestPeer>()
  const peerOf = (number: number): TestPeer => {
    const known = peers.get(number) ?? stage.connect()
    peers.set(number, known)
    return known
  }
  const send = (peer: TestPeer, bytes: Buffer): void => {
    if (pace === 'whole') peer.send(bytes)
    else for (const octet of bytes) peer.send(Uint8Array.of(octet))
  }
  for (let i = 0; i < transcript.steps.length; i++) {
    const step = transcript.steps[i]!
    const peer = peerOf(step.peer)
    const where = `${transcript.name}:${step.line} (${pace})`
    switch (step.do) {
      case 'send': {
        // Lines that follow one another travel together.
        const parts: Buffer[] = []
        for (let next: TranscriptStep | undefined = step; next?.do === 'send' && next.peer === step.peer;) {
          const text = fill(next.text, captured)
          parts.push(next.raw ? unescape(text) : Buffer.from(`${text}\r\n`))
          next = transcript.steps[i + 1]
          if (next?.do === 'send' && next.peer === step.peer) i++
        }
        send(peer, Buffer.concat(parts))
        break
      }
      case 'expect': {
        const line = await patiently(peer.line(), () => `${where}: no answer, expected: ${step.text}`)
        if (line === null || !matches(step.text, line, captured)) {
          assert.equal(line ?? '(closed)', fill(step.text, captured), where)
          assert.fail(`${where}: got ${line}, expected ${step.text}`)
        }
        break
      }
      case 'tls':
        await patiently(peer.startTls(), () => `${where}: the server does not start TLS`)
        break
      case 'end':
        peer.end()
        break
      case 'wait':
        await untilDue(stage.clock, step.ms)
        stage.clock.advance(step.ms)
        await settle()
        break
      case 'none':
        await settle()
        assert.equal(peer.unread().toString(), '', where)
        break
      case 'close':
        assert.equal(await patiently(peer.line(), () => `${where}: the server does not close`), null, where)
        break
    }
  }
  await settle()
  for (const [number, peer] of peers) {
    assert.equal(peer.unread().toString(), '', `${transcript.name} (${pace}): peer ${number} has unread answers`)
    peer.end()
  }
  return captured
}

/** Registers two tests, whole and octet by octet, for each `.txt` in the folder. */
export function transcriptTests(folder: string, open: (transcript: Transcript) => Promise<Stage>): void {
  const files = readdirSync(folder).filter((file) => file.endsWith('.txt'))
  assert(files.length > 0, `no transcripts in ${folder}`)
  for (const file of files.toSorted()) {
    const transcript = parseTranscript(file, readFileSync(join(folder, file), 'utf8'))
    for (const pace of ['whole', 'octets'] as const) {
      test(`${file}, ${pace}`, async () => {
        const stage = await open(transcript)
        try {
          await playTranscript(transcript, stage, pace)
        } finally {
          await stage.stop?.()
        }
      })
    }
  }
}
