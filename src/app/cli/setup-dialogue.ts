/** The four questions at a terminal: Enter accepts, b goes back, ? explains. */
import { createInterface } from 'node:readline'
import type { Result } from '../../std/result.ts'
import {
  CLIENTS,
  completeAnswers,
  DEFAULT_PORT80,
  defaultDomain,
  defaultFirst,
  PORT80,
  QUESTIONS,
  readClients,
  readDomain,
  readFirst,
  readPort80,
  type AnswerProblem,
  type Question,
} from '../setup/answers.ts'
import type { Answers, GivenAnswers } from '../setup/contract.ts'
import type { SetupWords } from '../setup/words/contract.ts'
import { say } from './output.ts'

export type Terminal = Disposable & {
  /** @returns null when there is nobody (any more) */
  ask(prompt: string): Promise<string | null>
}

export function openTerminal(): Terminal {
  const lines = createInterface({ input: process.stdin, terminal: false })
  const each = lines[Symbol.asyncIterator]()
  return {
    async ask(prompt) {
      process.stderr.write(`${prompt} `)
      const next = await each.next()
      return next.done === true ? null : next.value
    },
    [Symbol.dispose]: () => {
      lines.close()
      process.stdin.destroy()
    },
  }
}

export type Asked = {
  readonly hostname: string
  readonly given: GivenAnswers
  readonly earlier: Partial<Answers>
  /** Who holds port 80; null: nobody, and then it is not asked about. */
  readonly holder: string | null
  readonly words: SetupWords
}

/** Asks what no flag answers. @returns null when the person went away */
export async function askQuestions(terminal: Terminal, asked: Asked): Promise<Result<Answers, AnswerProblem> | null> {
  const { hostname, given, earlier, holder, words } = asked
  const answers: { -readonly [K in Question]?: string } = {}
  const open = QUESTIONS.filter(
    (question) => given[question] === undefined && (question !== 'port80' || holder !== null),
  )
  const domainNow = (): string => answers.domain ?? given.domain ?? earlier.domain ?? defaultDomain(hostname)
  const otherwise: Record<Question, () => string> = {
    domain: () => earlier.domain ?? defaultDomain(hostname),
    first: () => (earlier.first?.endsWith(`@${domainNow()}`) === true ? earlier.first : defaultFirst(domainNow())),
    clients: () => earlier.clients ?? 'office',
    port80: () => earlier.port80 ?? DEFAULT_PORT80,
  }
  const check: Record<Question, (text: string) => Result<string, AnswerProblem>> = {
    domain: readDomain,
    first: (text) => readFirst(text, domainNow()),
    clients: readClients,
    port80: readPort80,
  }
  if (open.length > 0) say(words.keys)
  for (let at = 0; at < open.length;) {
    const question = open[at]!
    const preset = answers[question] ?? otherwise[question]()
    const [title = '', ...choices] = words.question[question](holder ?? '')
    say(`${at + 1}/${open.length} ${title}`)
    for (const choice of choices) say(`    ${choice}`)
    const text = await terminal.ask(`    [${numbered(question, preset)}]:`)
    if (text === null) return null
    const answer = text.trim()
    if (answer === '?') {
      say(`    ${words.help[question]}`)
      continue
    }
    if (answer.toLowerCase() === 'b' || answer.toLowerCase() === 'и') {
      at = Math.max(0, at - 1)
      continue
    }
    const checked = check[question](answer === '' ? preset : answer)
    if (!checked.ok) {
      say(`    ✗ ${words.problem(checked.error)}`)
      continue
    }
    answers[question] = checked.value
    at += 1
  }
  return completeAnswers({ ...given, ...answers, hostname }, earlier, holder !== null)
}

/** As the list numbers it. */
function numbered(question: Question, preset: string): string {
  const choices: readonly string[] = question === 'clients' ? CLIENTS : question === 'port80' ? PORT80 : []
  const index = choices.indexOf(preset)
  return index === -1 ? preset : String(index + 1)
}
