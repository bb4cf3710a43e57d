/**
 * Sieve (RFC 5228): a script is compiled once (`compile.ts`) and run for each letter (`run.ts`). A run decides and does nothing:
 * its outcome says in plain data what is to be done, remembered and told. Whoever delivers does it.
 */
import type { Address } from '../model/address.ts'
import type { Part } from '../model/message.ts'
import type { Brand } from '../std/brand.ts'

// Scripts ----------------------------------------------------------------------------------------------------------------

/** What is wrong with a script, or odd about it, and where. Lines and columns count from 1; columns in UTF-16 units. */
export type ScriptProblem = { readonly line: number; readonly column: number; readonly message: string }

/** A checked script. Opaque, immutable, kept in memory only: what is stored is the text. */
export type Program = Brand<
  {
    /** Capabilities that the script requires, in its order. */
    readonly requires: readonly string[]
    /** Scripts that it includes (RFC 6609), each once; none of them has been looked at. */
    readonly includes: readonly IncludedName[]
    /** Whether it may ask for octets of a body: when not, `Letter.read` is never called. */
    readonly readsBody: boolean
  },
  'SieveProgram'
>

export type IncludedName = {
  readonly location: 'personal' | 'global'
  readonly name: string
  /** RFC 6609 §3.2: a missing script is no error. */
  readonly optional: boolean
}

export type CompileOptions = {
  /** Capabilities that a script may require; `SIEVE_EXTENSIONS` (`extensions.ts`) are all there are. Default: all. */
  readonly allowed?: ReadonlySet<string>
}

/** At most SIEVE_PROBLEMS_MAX problems; warnings are about scripts that do run. */
export type Compiled =
  | { readonly ok: true; readonly program: Program; readonly warnings: readonly ScriptProblem[] }
  | { readonly ok: false; readonly errors: readonly ScriptProblem[] }

/** Never throws; linear in the text, which may have SIEVE_SCRIPT_MAX_OCTETS. */
export type Compile = (script: string, options?: CompileOptions) => Compiled

// What a run is given ----------------------------------------------------------------------------------------------------

export type Letter = {
  /** Octets of the header with its empty line, as stored: at least the first HEADER_BLOCK_MAX_OCTETS. */
  readonly header: Uint8Array
  readonly sizeOctets: number
  /** `MessageSummary.root`. Offsets are those of the letter that `header` starts. */
  readonly root: Part
  readonly envelope: {
    /** RFC 5321 reverse-path; null for `<>`. */
    readonly from: Address | null
    /** The recipient for whom the script runs, as in RCPT TO. */
    readonly to: Address
    /** RFC 6009 and RFC 4954 AUTH=, when known. */
    readonly auth?: string
  }
  /** Octets [start, end) of the letter. Called only for tests of bodies; what it throws ends the run as `error`. */
  read(start: number, end: number): Promise<Uint8Array>
}

/** What was done before, by which it is decided whether to do it again. Keys are printable ASCII of at most 80 characters. */
export type Remembered = { readonly what: 'vacation' | 'duplicate'; readonly key: string }

export type Environment = {
  /** Epoch milliseconds. */
  now(): number
  /** How far the owner's clock is ahead of UTC at a moment. Default: UTC. */
  readonly zoneMinutes?: (epochMs: number) => number
  readonly owner: {
    /** The address of the account: From of what is sent in its name, unless the letter's recipient is better. */
    readonly address: Address
    /** All others that are his (RFC 5230 §4.5, case 1). */
    readonly aliases: readonly Address[]
    /** Display name for From, or null. */
    readonly name?: string | null
  }
  /** Between user and detail (RFC 5233 §4); null when there are no details. Default: `+`. */
  readonly detailSeparator?: string | null
  /** RFC 5183 §4.1. Default of `location` is MDA, of `phase` during. `host` also signs notifications. */
  readonly host: {
    readonly name: string
    readonly domain: string
    readonly version: string
    readonly location?: 'MTA' | 'MDA' | 'MUA' | 'MS'
    readonly phase?: 'pre' | 'during' | 'post'
    readonly remoteHost?: string
    readonly remoteIp?: string
  }
  /** RFC 6609. Null: there is no such script. `why` is told to the owner. Asked once for each name of a run. */
  include?(name: IncludedName): Promise<Program | { readonly why: string } | null>
  /** RFC 5490 §3.1: exists, and the owner may add to it. Names as IMAP shows them, Unicode. Default: none exists. */
  mailboxExists?(mailbox: string): Promise<boolean>
  /**
   * RFC 8579 §3: a special-use mailbox, its flag with backslash as the script has it (compare without case); with `mailbox`,
   * whether that one has the flag. Default: none exists.
   */
  specialUseExists?(use: string, mailbox: string | null): Promise<boolean>
  /** Whether it was remembered, and its time has not run out. Default: no. */
  seen?(what: Remembered): Promise<boolean>
  /** Called after each SIEVE_STEPS_PER_TURN_MAX steps, so that other work of the thread has its turn. */
  pause?(): Promise<void>
  readonly limits?: Partial<RunLimits>
}

/** Defaults are in `model/limits.ts`. */
export type RunLimits = {
  readonly steps: number
  readonly actions: number
  readonly redirects: number
  /** RFC 5230 §4.1, RFC 6131 §2. */
  readonly vacationMinMs: number
  readonly vacationMaxMs: number
  /** RFC 7352 §3.1. */
  readonly duplicateMaxMs: number
}

/** Resolves always; a promise is made only where the script asks for something. */
export type Run = (program: Program, letter: Letter, environment: Environment) => Promise<Outcome>

// What comes of it -------------------------------------------------------------------------------------------------------

export type Outcome = {
  /**
   * To be done, in this order. No two name one mailbox. Empty, with `implicitKeep` null: the letter is dropped because the
   * script said so (its `discard` is in the trace).
   */
  readonly actions: readonly Action[]
  /** RFC 5228 §2.10.2: when not null, the letter also goes to INBOX. */
  readonly implicitKeep: Keep | null
  /** RFC 5293: `Action.header` counts in here; 0 is the letter as it came. */
  readonly headers: readonly HeaderVersion[]
  /** To be remembered when all the rest is done, and no earlier (RFC 7352 §3). The one of a vacation: when it was sent. */
  readonly remember: readonly (Remembered & { readonly forMs: number })[]
  /** RFC 5228 §2.10.6: the run failed. `actions` are then empty, the implicit keep stands, and the owner is to be told. */
  readonly error: ScriptFailure | null
  /** Explains to the owner what was done and why, line by line. */
  readonly trace: readonly TraceLine[]
  /** Steps that were counted. */
  readonly steps: number
}

export type ScriptFailure = {
  readonly script: string | null
  readonly line: number
  readonly message: string
  /** What `read` or the environment threw, to be logged; null when the script is at fault. */
  readonly cause: unknown
}
export type TraceLine = {
  /** Name of the included script; null for the one that was run. */
  readonly script: string | null
  readonly line: number
  /** `warning`: done, but not as written; `note`: nothing done, and why. */
  readonly kind: 'action' | 'note' | 'warning'
  readonly text: string
}

/**
 * The header of a letter after edits (RFC 5293): the octet ranges `removed` left out, `first` before all that is left, `last`
 * after it. Lines end with CRLF. `editHeader` (`edited-header.ts`) makes the octets.
 */
export type HeaderVersion = {
  readonly removed: readonly { readonly start: number; readonly end: number }[]
  readonly first: string
  readonly last: string
}

type Common = {
  /** Where in the script. */
  readonly line: number
  /** Index into `Outcome.headers`: the letter as it was when the action was met. */
  readonly header: number
}

/** IMAP flags and keywords, each once: `\Seen`, `$label`. Of system flags only those that a client may set. */
export type Flags = readonly string[]

/** Into INBOX. */
export type Keep = Common & { readonly do: 'keep'; readonly flags: Flags }

export type FileInto = Common & {
  readonly do: 'fileinto'
  /** Unicode, as IMAP shows it, `/` between levels. */
  readonly mailbox: string
  readonly flags: Flags
  /** RFC 5490 §3.2: make it when there is none. Without it a missing mailbox means INBOX. */
  readonly create: boolean
  /** RFC 8579 §4: when a mailbox with this flag exists, that one; else `mailbox`, and with `create` it gets the flag. */
  readonly specialUse: string | null
}

/** To the queue, with the letter's own reverse-path rules (RFC 5228 §4.2: loops are ours to stop). */
export type Redirect = Common & { readonly do: 'redirect'; readonly address: Address }

/** RFC 5429. `reject`: a notice or a refusal in SMTP, as the place allows; `ereject`: refuse in SMTP whenever it can be. */
export type Reject = Common & { readonly do: 'reject'; readonly kind: 'reject' | 'ereject'; readonly text: string }

/** RFC 8580: a copy of what is sent. */
export type FileCopy = Omit<FileInto, 'do' | 'line' | 'header'>

/** An answer, all rules of RFC 5230 §4 asked and answered: send it, from `<>`, NOTIFY=NEVER. `renderVacation` makes the letter. */
export type Vacation = Common & {
  readonly do: 'vacation'
  readonly to: Address
  /** A header's From, Unicode: `Display name <a@b>` or `a@b`. */
  readonly from: string
  /** Unicode, one line. */
  readonly subject: string
  /** Text of the answer, or with `mime` a whole MIME entity with its header. Lines end with CRLF. */
  readonly body: string
  readonly mime: boolean
  /** With brackets; null when the letter has none. */
  readonly inReplyTo: string | null
  readonly references: readonly string[]
  readonly fcc: FileCopy | null
}

/** RFC 5435 with the method mailto (RFC 5436): one letter to all of these. `renderNotification` makes it. */
export type Notify = Common & {
  readonly do: 'notify'
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly bcc: readonly Address[]
  /** A header's From, Unicode. */
  readonly from: string
  readonly subject: string
  /** Text, lines end with CRLF. */
  readonly body: string
  /** RFC 5435 §3.4: 1 is high. */
  readonly importance: 1 | 2 | 3
  /** Further header fields of the URI that RFC 5436 §2.3 lets through. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly references: readonly string[]
  readonly fcc: FileCopy | null
}

export type Action = Keep | FileInto | Redirect | Reject | Vacation | Notify
