import type { Program } from './contract.ts'
import type { Command } from './spec.ts'

/** What is behind the opaque type. */
export type Inside = { readonly commands: readonly Command[]; readonly available: ReadonlySet<string> }

type Whole = {
  readonly requires: readonly string[]
  readonly includes: Program['includes']
  readonly readsBody: boolean
} & Inside

/** The one place where programs are minted. */
export const mintProgram = (whole: Whole): Program => whole as unknown as Program

export const insideOf = (program: Program): Inside => program as unknown as Inside
