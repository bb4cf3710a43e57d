/** Runs checked commands. What is not asked for costs no promise and no generator of its own. */
import { ask, isPauseDue, ScriptError, spend, type Flow, type Machine } from './machine.ts'
import type { Command, Steps, Test } from './spec.ts'

export function* runBlock(machine: Machine, commands: readonly Command[]): Steps<Flow> {
  for (const command of commands) {
    if (isPauseDue(machine)) {
      machine.pausedAt = machine.steps
      yield* ask<null>({ ask: 'pause' })
    }
    enter(machine, command)
    const result = command.spec.run(machine, command)
    const flow = isSteps(result) ? yield* result : result
    if (flow !== null) return flow
  }
  return null
}

export function* runTest(machine: Machine, test: Test): Steps<boolean> {
  enter(machine, test)
  const result = test.spec.run(machine, test)
  return typeof result === 'boolean' ? result : yield* result
}

const isSteps = (result: Flow | Steps<Flow>): result is Steps<Flow> =>
  typeof result === 'object' && result !== null && 'next' in result

/** Whose line an error is in. */
function enter(machine: Machine, node: Command | Test): void {
  machine.line = node.line
  machine.enteredAt = machine.steps
  spend(machine, 1)
  for (const capability of node.guards) {
    // RFC 5463 §4 (1): not before `ihave` has said so.
    if (!machine.frame.enabled.has(capability))
      throw new ScriptError(`“${node.name}” is used before ihave "${capability}" was true`)
  }
}
