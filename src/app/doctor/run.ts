import { DOCTOR_CHECK_TIMEOUT_MS } from '../../model/limits.ts'
import { sleep, type Clock } from '../../std/clock.ts'
import { certificateChecks } from './checks/certificate.ts'
import { machineChecks } from './checks/machine.ts'
import { nameChecks } from './checks/names.ts'
import { networkChecks } from './checks/network.ts'
import { outsideChecks } from './checks/outside.ts'
import { reputationChecks } from './checks/reputation.ts'
import { GROUPS, text, type Check, type DoctorInput, type Finding, type Group, type State } from './contract.ts'

/** All checks, beside one another; one that throws or takes too long is told as not checked. In the order of GROUPS. */
export async function runDoctor(input: DoctorInput, clock: Clock): Promise<Finding[]> {
  const checks = [
    ...machineChecks(input),
    ...outsideChecks(input),
    ...nameChecks(input),
    ...certificateChecks(input),
    ...reputationChecks(input),
    ...networkChecks(input),
  ]
  const found = await Promise.all(checks.map((check) => runCheck(check, clock)))
  return GROUPS.flatMap((group) => found.flat().filter((finding) => finding.group === group))
}

/** One that throws or takes too long is told as not checked. */
export async function runCheck({ name, group, run }: Check, clock: Clock): Promise<readonly Finding[]> {
  const done = new AbortController()
  const given = sleep(clock, DOCTOR_CHECK_TIMEOUT_MS, done.signal).then((): readonly Finding[] => [
    notChecked({ name, group }, 'took too long'),
  ])
  try {
    return await Promise.race([run(), given])
  } catch (error) {
    return [notChecked({ name, group }, error instanceof Error ? error.message : String(error))]
  } finally {
    done.abort()
  }
}

function notChecked({ name, group }: Pick<Check, 'name' | 'group'>, why: string): Finding {
  return {
    id: name,
    group,
    state: 'not-checked',
    label: text(name, name),
    says: text(`could not be checked: ${why}`, `не удалось проверить: ${why}`),
    flaky: true,
  }
}

/** What this machine alone cannot tell. */
const OF_OTHERS: readonly Group[] = ['outside', 'names', 'reputation']

/** As monitoring plugins say it: 0 all well, 1 warnings, 2 problems, 3 not known, as nothing beyond this machine could be checked. */
export function doctorExitCode(findings: readonly Pick<Finding, 'group' | 'state'>[]): 0 | 1 | 2 | 3 {
  const has = (state: State): boolean => findings.some((each) => each.state === state)
  if (has('problem')) return 2
  if (has('warning')) return 1
  const beyond = findings.filter(({ group }) => OF_OTHERS.includes(group))
  return beyond.length > 0 && beyond.every(({ state }) => state === 'not-checked') ? 3 : 0
}
