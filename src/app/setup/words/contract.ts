/** What setup says, in each language. */
import type { HeldPort } from '../../doctor/contract.ts'
import type { AnswerProblem, Question } from '../answers.ts'
import type { Removal } from '../remove.ts'
import type { Around, Step } from '../contract.ts'

export type Confirmation = 'apply' | 'remove'

export type SetupWords = {
  readonly looking: string
  readonly around: (around: Around) => string
  readonly address: {
    readonly own: (addresses: string) => string
    readonly nat: (inner: string, outer: string) => string
    readonly natUnknown: (inner: string) => string
    readonly none: string
  }
  readonly held: (port: number, holder: HeldPort) => string
  readonly free: (ports: string) => string
  readonly earlier: (path: string) => string
  readonly question: Readonly<Record<Question, (holder: string) => readonly string[]>>
  readonly help: Readonly<Record<Question, string>>
  readonly problem: (problem: AnswerProblem) => string
  readonly problemFix: (problem: AnswerProblem) => string
  readonly keys: string
  readonly plan: string
  readonly nothingToDo: string
  readonly step: (step: Step) => string
  readonly elsewhere: string
  readonly ports: (opened: {
    readonly outside: string
    readonly inside: string
    readonly loopback: string
    readonly off: string
  }) => string
  readonly alreadyThere: (what: string) => string
  readonly dryRun: string
  readonly confirm: Readonly<Record<Confirmation, string>>
  /** As answers to a confirmation, lower-case. */
  readonly yes: readonly string[]
  readonly cancelled: string
  readonly done: (step: Step) => string
  readonly failed: (step: string, cause: string) => string
  readonly takenBack: string
  readonly left: (what: string) => string
  readonly logAt: (path: string) => string
  readonly password: (address: string, password: string) => readonly string[]
  /** @param near the same by an address, for as long as the name leads nowhere; null: it is not known */
  readonly link: (address: string, link: string, near: string | null) => readonly string[]
  readonly certificate: string
  readonly notStarted: (why: string) => readonly string[]
  readonly howToStart: (line: string) => readonly string[]
  readonly restartByHand: (pid: number) => string
  readonly blocked: (port: number, holder: HeldPort) => readonly string[]
  readonly handOn: (holder: string, port: number) => string
  readonly fillInDns: (path: string) => string
  readonly stopByHand: (holder: HeldPort) => string
  readonly dns: {
    readonly head: string
    readonly provider: string
    readonly notAsked: string
    readonly optional: (count: number) => string
    readonly noAddress: string
    readonly hints: string
  }
  readonly next: (firewall: string) => readonly string[]
  readonly firewallHost: string
  readonly firewallRouter: string
  readonly removal: {
    readonly plan: string
    readonly line: (removal: Removal) => string
    readonly done: (removal: Removal) => string
    readonly nothing: string
    readonly dataStays: (dataDir: string) => string
    readonly typeName: (dataDir: string, hostname: string) => string
    readonly notTyped: string
    readonly left: (why: string) => string
    readonly finished: string
  }
  /** What the terminal says of the page. */
  readonly page: {
    readonly configured: (path: string) => readonly [string, string]
    readonly open: (minutes: number) => string
    readonly here: string
    readonly tunnel: (line: string) => string
    readonly warns: (fingerprint: string) => string
    readonly stop: string
    readonly over: string
    readonly stays: (minutes: number) => string
    readonly portHeld: (port: number) => readonly [string, string]
  }
  readonly notRoot: readonly [string, string]
  readonly unreadable: (path: string) => readonly [string, string]
  readonly byHand: (path: string, line: string) => readonly [string, string]
  readonly onePort80: string
}
