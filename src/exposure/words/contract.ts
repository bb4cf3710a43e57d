import type { ServiceName, TlsMode } from '../../model/service.ts'
import type { Opening, ReasonId, WarningId } from '../contract.ts'

export type Language = 'en' | 'ru'

/** Everything that people read of the plan. A text that is missing in a language fails the type check. */
export type PlanWords = {
  readonly roles: Readonly<Record<'mta' | 'msa' | 'mda' | 'web' | 'filter', string>>
  /** What a service is, in a line. */
  readonly what: Readonly<Record<ServiceName, string>>
  readonly who: Readonly<Record<ServiceName, string>>
  /** The same as they are named on the map. */
  readonly peers: Readonly<Record<ServiceName, string>>
  /** What no longer works when it is shut. */
  readonly ifShut: Readonly<Record<ServiceName, string>>
  /** What the server itself insists on. */
  readonly insists: Readonly<Record<TlsMode, string>>
  readonly tls: Readonly<Record<TlsMode, string>>
  readonly opening: Readonly<Record<Opening, string>>
  /** As an answer to whether it is open outside. */
  readonly openOutside: Readonly<Record<Opening, string>>
  readonly reason: Readonly<Record<ReasonId, string>>
  readonly warning: Readonly<Record<WarningId, (facts: Readonly<Record<string, string | number>>) => string>>
  readonly submissions: string
  readonly outgoing: {
    readonly what: string
    readonly anywhere: string
    readonly smarthost: (host: string) => string
    readonly why: string
  }
  readonly clients: Readonly<Record<'browser' | 'office' | 'anywhere', string>>
  readonly labels: {
    readonly port: string
    readonly role: string
    readonly protocol: string
    readonly who: string
    readonly open: string
    readonly why: string
    readonly now: string
    readonly nowLong: string
    readonly whoLong: string
    readonly openLong: string
    readonly insists: string
    readonly ifShut: string
    readonly profile: string
    readonly change: string
    readonly rules: string
    readonly outside: string
    readonly inside: string
    readonly server: string
    readonly router: string
    readonly host: string
    readonly allow: string
    readonly shutOnPurpose: string
    readonly serviceOff: string
    readonly open_: string
    readonly mapTitle: string
    readonly listens: string
    readonly silent: string
    readonly heldBy: (name: string) => string
    readonly connections: (n: number) => string
    readonly live: (n: number) => string
    readonly today: (n: number) => string
    readonly refusedToday: (n: number) => string
    readonly seen: (secondsAgo: number, address: string) => string
    readonly stranger: (secondsAgo: number, address: string) => string
    readonly noStranger: string
    /** A listener that this user may not ask about. */
    readonly listensUnasked: string
    readonly heldByUnknown: string
    readonly mayNotAsk: (socket: string) => string
    readonly noFile: string
  }
}
