/** Every cell of a plan, held against real connections. */
import assert from 'node:assert/strict'
import type { ExposurePlan, PlanRow } from '../../src/exposure/contract.ts'
import type { Answer, Door, Lab } from './firewall-lab.ts'

/** Somebody else's: SSH, and a port that no catalog has. */
export const SSH = 22
export const OTHER = 8080

export const portsOf = (plan: ExposurePlan): number[] => [...plan.rows.map(({ port }) => port), SSH, OTHER]

export type Side = {
  readonly host: string
  readonly at: readonly string[]
  readonly from?: string
  /** Whether somebody there may reach a port of gavan's that is on. */
  readonly may: (row: PlanRow) => boolean
  /** What the host's other rules do with ports that are not gavan's. */
  readonly others: readonly number[]
  /** By which port the row is known there. */
  readonly asked?: 'port' | 'standardPort'
}

export const OUTSIDE = ({ opening }: PlanRow): boolean => opening === 'outside'
export const INSIDE = ({ opening }: PlanRow): boolean => opening === 'outside' || opening === 'inside'
export const SELF = ({ opening }: PlanRow): boolean => opening !== 'off'

/** @returns how many doors were tried; throws naming each that is not as planned */
export async function holdAgainst(lab: Lab, plan: ExposurePlan, side: Side): Promise<number> {
  const off = plan.rows.filter(({ opening }) => opening === 'off').map(({ port }) => port)
  const ports = plan.rows.filter(({ opening }) => opening !== 'off')
  const asked = side.asked ?? 'port'
  const may = [...ports.filter(side.may).map((row) => row[asked]), ...side.others]
  const mayNot = [...ports.map((row) => row[asked]), ...off, SSH, OTHER].filter((port) => !may.includes(port))
  const doors = (list: readonly number[]): Door[] =>
    side.at.flatMap((host) =>
      list.map((port) => ({ host, port, ...(side.from === undefined ? {} : { from: side.from }) })),
    )
  const wrong: string[] = []
  const tell = (tried: readonly Door[], answers: readonly Answer[], open: boolean): void => {
    assert.equal(answers.length, tried.length)
    for (const [at, { host, port }] of tried.entries())
      if (answers[at]!.open !== open)
        wrong.push(`${side.host} → ${host} ${port} ${open ? 'should pass' : 'should not pass'}`)
  }
  const [pass, shut] = [doors(may), doors(mayNot)]
  tell(pass, await lab.probe(side.host, pass, 'open'), true)
  tell(shut, await lab.probe(side.host, shut, 'shut'), false)
  assert.deepEqual(wrong, [])
  return pass.length + shut.length
}
