/** The process that makes the load: one round of one scenario against one server, told and answered by messages. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Measured, Stage } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'
import type { ServerFacts } from './server/server.ts'

export type Task = {
  readonly scenario: string
  readonly round: number
  readonly quick: boolean
  readonly server: ServerFacts
}

type Answer = { readonly measured: readonly Measured[] } | { readonly error: string }

/** Runs a round in a fresh process. @throws what went wrong there */
export function runRound(task: Task): Promise<readonly Measured[]> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url))
    child.once('message', (message) => {
      const answer = message as Answer
      if ('measured' in answer) resolve(answer.measured)
      else reject(new Error(answer.error))
    })
    child.once('exit', (code) => reject(new Error(`the load process ended with ${code}`)))
    child.send(task)
  })
}

async function perform(task: Task): Promise<Answer> {
  const { server, round, quick } = task
  const scenario = SCENARIOS.find(({ name }) => name === task.scenario)!
  const scratch = join(server.folder, `scratch-${scenario.name}-${round}`)
  mkdirSync(scratch, { recursive: true })
  const stage: Stage = {
    server,
    round,
    scratch,
    size: (full, small) => (quick ? small : full),
    user: (index) => server.users[index % server.users.length]!,
  }
  try {
    return { measured: await scenario.run(stage) }
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.once('message', (task) => {
    const answered = perform(task as Task).then((answer) =>
      process.send?.(answer, undefined, undefined, () => process.exit()),
    )
    answered.catch((error: unknown) => {
      console.error(error)
      process.exit(1)
    })
  })
