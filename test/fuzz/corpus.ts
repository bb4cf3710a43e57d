/** What the mutations start from: letters, and what clients say in the transcripts. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseTranscript } from '../transcript.ts'

const TEST = join(import.meta.dirname, '..')

export const LETTER_FILES: readonly Buffer[] = readdirSync(join(TEST, 'corpus'))
  .filter((name) => name.endsWith('.eml'))
  .map((name) => readFileSync(join(TEST, 'corpus', name)))

/** Header fields of the letters, without their names. */
export const FIELD_BODIES: readonly Buffer[] = LETTER_FILES.flatMap((letter) => {
  const text = letter.toString('latin1')
  const head = text.slice(0, Math.max(0, text.search(/\r?\n\r?\n/)))
  return head
    .split(/\r?\n(?![ \t])/)
    .filter((field) => field.includes(':'))
    .map((field) => Buffer.from(field.slice(field.indexOf(':') + 1).trim(), 'latin1'))
})

/** What the client says in each transcript of a protocol, as one stream. */
export function clientStreams(protocol: 'smtp' | 'imap' | 'pop3'): readonly Buffer[] {
  const folder = join(TEST, 'transcripts', protocol)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => {
      const { steps } = parseTranscript(name, readFileSync(join(folder, name), 'utf8'))
      const said = steps.map((step) => (step.do === 'send' ? (step.raw ? step.text : `${step.text}\r\n`) : ''))
      return Buffer.from(said.join(''))
    })
    .filter((stream) => stream.length > 0)
}

export const lines = (...texts: readonly string[]): readonly Buffer[] => texts.map((text) => Buffer.from(text))
