import {
  SIEVE_ACTIONS_MAX,
  SIEVE_BODY_MAX_OCTETS,
  SIEVE_DUPLICATE_MAX_MS,
  SIEVE_REDIRECTS_MAX,
  SIEVE_STEPS_MAX,
  SIEVE_VACATION_MAX_MS,
  SIEVE_VACATION_MIN_MS,
} from '../model/limits.ts'
import type { Environment, Letter, Outcome, Program, Run, RunLimits } from './contract.ts'
import { runBlock } from './evaluate.ts'
import { ScriptError, type Machine, type Question, spend } from './machine.ts'
import { createEditedHeader } from './message/edited-header.ts'
import { oneLine } from './message/print.ts'
import { insideOf } from './program.ts'

/** What asking costs whoever answers. */
const QUESTION_STEPS = 500

const DEFAULTS: RunLimits = {
  steps: SIEVE_STEPS_MAX,
  actions: SIEVE_ACTIONS_MAX,
  redirects: SIEVE_REDIRECTS_MAX,
  vacationMinMs: SIEVE_VACATION_MIN_MS,
  vacationMaxMs: SIEVE_VACATION_MAX_MS,
  duplicateMaxMs: SIEVE_DUPLICATE_MAX_MS,
}

/** Runs a program for one letter. What the environment throws ends the run as an error of it, so that the letter is kept. */
export const run: Run = async (program, letter, environment) => {
  const machine = createMachine(program, letter, environment)
  try {
    const steps = runBlock(machine, insideOf(program).commands)
    for (let next = steps.next(); next.done !== true;) {
      if (next.value.ask !== 'pause') spend(machine, QUESTION_STEPS)
      next = steps.next(await answer(environment, letter, next.value))
    }
  } catch (error) {
    return failed(machine, error)
  }
  return finished(machine)
}

function createMachine(program: Program, letter: Letter, environment: Environment): Machine {
  const { available } = insideOf(program)
  return {
    letter,
    environment,
    limits: { ...DEFAULTS, ...environment.limits },
    now: environment.now(),
    header: createEditedHeader(letter.header),
    frame: { script: null, variables: new Map(), enabled: new Set(), available, reasons: [] },
    line: 1,
    globals: new Map(),
    matched: [],
    flags: [],
    actions: [],
    keeps: true,
    remember: new Map(),
    trace: [],
    parts: [],
    texts: new Map(),
    bodyOctetsLeft: SIEVE_BODY_MAX_OCTETS,
    partFields: new Map(),
    regexes: new Map(),
    answered: false,
    notified: [],
    included: new Map(),
    running: [],
    includes: 0,
    redirects: 0,
    steps: 0,
    pausedAt: 0,
    enteredAt: 0,
  }
}

async function answer(environment: Environment, letter: Letter, question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'octets':
      return await letter.read(question.start, question.end)
    case 'script':
      return (await environment.include?.(question.name)) ?? null
    case 'mailbox':
      return (await environment.mailboxExists?.(question.mailbox)) ?? false
    case 'special-use':
      return (await environment.specialUseExists?.(question.use, question.mailbox)) ?? false
    case 'seen':
      return (await environment.seen?.(question.what)) ?? false
    case 'pause':
      await environment.pause?.()
      return null
  }
}

function finished(machine: Machine): Outcome {
  const { actions, keeps, flags, remember, trace, steps } = machine
  // RFC 5293 §7: done at the end, with the header as it is then. RFC 5232 §3: so are the flags.
  const header = machine.header.version()
  return {
    actions,
    implicitKeep: keeps ? { do: 'keep', line: 0, header, flags } : null,
    headers: machine.header.versions,
    remember: [...remember.values()],
    error: null,
    trace,
    steps,
  }
}

/** RFC 5228 §2.10.6: nothing of it is done, the letter is kept as it came (RFC 5293 §7), and the owner is told. */
function failed(machine: Machine, error: unknown): Outcome {
  const own = error instanceof ScriptError
  const message = own ? oneLine(error.message) : 'something that it needs cannot be had now'
  const { trace, steps, line } = machine
  const { script } = machine.frame
  return {
    actions: [],
    implicitKeep: { do: 'keep', line: 0, header: 0, flags: [] },
    headers: [machine.header.versions[0]!],
    remember: [],
    error: { script, line, message, cause: own ? null : error },
    trace,
    steps,
  }
}
