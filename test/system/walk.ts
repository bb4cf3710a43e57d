/** What a person would do and see: commands run for real, kept as they looked. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { until } from '../interop/run.ts'
import type { FreshMachine } from './fresh-machine.ts'

export type Walk = {
  /** A line of the teller's own. */
  tell(text: string): void
  /** @param answers typed one by one, each when a question stands there */
  type(command: string, answers?: readonly string[]): Promise<string>
  /** What was typed elsewhere. */
  show(prompt: string, command: string, seen: string): void
  text(): string
}

const WIDTH = 118

export function startWalk(machine: FreshMachine): Walk {
  const lines: string[] = []
  const keep = (prompt: string, command: string, seen: string): void => {
    const shown = seen.trimEnd()
    lines.push('', `${prompt} ${command}`, ...(shown === '' ? [] : shown.split('\n')))
  }
  return {
    text: () => `${lines.join('\n')}\n`,
    tell: (text) => void lines.push('', `── ${text}`),
    async type(command, answers = []) {
      const child = machine.start('sh', ['-c', `exec 2>&1; COLUMNS=${WIDTH}; export COLUMNS; ${command}`], 'pipe')
      const seen = answers.length === 0 ? await readAll(child) : await typeInto(child, answers)
      keep('$', command, seen)
      return seen
    },
    show: keep,
  }
}

async function readAll(child: ChildProcess): Promise<string> {
  let seen = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (seen += text))
  child.stdin?.end()
  await once(child, 'close')
  return seen
}

/** A question is what stands at the end of the output, without a line's end. */
async function typeInto(child: ChildProcess, answers: readonly string[]): Promise<string> {
  let seen = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (seen += text))
  const closed = once(child, 'close')
  for (const answer of answers) {
    await until(`a question\n${seen}`, () => {
      if (child.exitCode !== null) throw new Error(seen)
      return /\]:? $/.test(seen) ? true : null
    })
    seen += `${answer}\n`
    child.stdin?.write(`${answer}\n`)
  }
  child.stdin?.end()
  await closed
  return seen
}

/** What a command printed, without what differs from run to run: keys, the one-time link, the machine itself. */
export function printedBy(text: string, command: string): string {
  const begin = text.indexOf(`\n$ ${command}\n`)
  return text
    .slice(begin, text.indexOf('\n── ', begin))
    .replaceAll(/once=[\w-]{24}/g, 'once=LINK')
    .replaceAll(/p=[\w+/=]{40,}/g, 'p=KEY')
    .replaceAll(/^.* · \d+ cores?, [\d.]+ GB/gm, 'MACHINE')
}

/** What is typed and told, in order. */
export const skeleton = (text: string): string[] => text.split('\n').filter((line) => /^(?:── |\S*\$ )/.test(line))
