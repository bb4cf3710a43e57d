/** `gavan setup`: from answers and what is there already to steps, and from steps to a machine that runs a mail server. */
import type { Clients, HostFacts } from '../../exposure/contract.ts'
import type { HeldPort } from '../doctor/contract.ts'

/** What to do about a port 80 that another program holds. */
export type Port80 = 'stop' | 'keep' | 'dns'

/** The four questions, answered. */
export type Answers = {
  readonly hostname: string
  readonly domain: string
  /** The first mailbox; warnings and mail for the postmaster go there. */
  readonly first: string
  readonly clients: Clients
  /** Null: nobody else holds it, so nobody was asked. */
  readonly port80: Port80 | null
  /** Under which the internet reaches this host; empty: its own, or not known. */
  readonly publicAddresses: readonly string[]
}

/** As flags give them: text, unchecked. */
export type GivenAnswers = {
  readonly [K in 'hostname' | 'domain' | 'first' | 'clients' | 'port80']?: string | undefined
} & { readonly publicAddresses?: readonly string[] | undefined }

/** What setup saw before it asked anything. */
export type Around = {
  /** As os-release calls it: `Debian GNU/Linux 13 (trixie)`. */
  readonly system: string
  readonly cores: number
  readonly memoryOctets: number
  readonly facts: HostFacts
  /** Who holds a port that we want, our own server left out. */
  readonly held: ReadonlyMap<number, HeldPort>
  /** Of our server, when it runs already. */
  readonly ownPid: number | null
  /** systemd is this machine's service manager. */
  readonly systemd: boolean
}

/** Where everything lies. Under `--root`, all of it below that folder. */
export type Places = {
  readonly config: string
  readonly configDir: string
  readonly record: string
  readonly dataDir: string
  readonly unit: string
  readonly log: string
  /** Null: the usual place, which no file need name. */
  readonly dataDirSetting: string | null
  /** Users and services of this machine are touched; not under `--root`. */
  readonly wholeSystem: boolean
}

/** What of it is there already. */
export type Found = {
  /** Text of gavan.toml. */
  readonly config: string | null
  /** Text of the unit that systemd would start, and whether a package brought it. */
  readonly unit: { readonly text: string; readonly packaged: boolean } | null
  readonly user: boolean
  readonly dataDir: boolean
  readonly keys: boolean
  readonly account: boolean
  /** The service runs now. */
  readonly running: boolean
  readonly enabled: boolean
}

export const NOTHING_FOUND: Found = {
  config: null,
  unit: null,
  user: false,
  dataDir: false,
  keys: false,
  account: false,
  running: false,
  enabled: false,
}

/** One thing to do; in the order in which they are done. */
export type Step =
  | { readonly do: 'make-user' }
  | { readonly do: 'make-directory'; readonly path: string; readonly mode: number; readonly owner: 'gavan' | 'group' }
  | {
      readonly do: 'write-file'
      readonly what: 'config' | 'unit'
      readonly path: string
      readonly mode: number
      /** `group`: root's, readable by gavan. */
      readonly owner: 'group' | 'root'
      readonly before: string | null
      readonly after: string
    }
  | { readonly do: 'make-keys'; readonly domain: string }
  | { readonly do: 'make-account'; readonly address: string }
  | { readonly do: 'stop-other'; readonly unit: string }
  | { readonly do: 'start'; readonly restart: boolean }

export type StepName = Step['do']

/** How the owner of the first account comes in: by a link that works once; by a password where no link can lead anywhere. */
export type FirstSignIn =
  | { readonly by: 'link'; readonly link: string; readonly expiresAt: string }
  | { readonly by: 'password'; readonly password: string }

/** What setup made, kept beside the configuration, so that `--remove` takes away that and nothing else. */
export type MadeRecord = {
  readonly user: boolean
  readonly unit: boolean
  /** Services of others that setup stopped. */
  readonly stopped: readonly string[]
}
