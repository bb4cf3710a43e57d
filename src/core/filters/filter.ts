/** An account's active script, run for a letter that comes to it. It says what is to be done, and does nothing itself. */
import { token, type Random } from '../../std/random.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { Address, ReversePath } from '../../model/address.ts'
import type { TraceId } from '../../model/ids.ts'
import { FILTER_FAILURE_TOLD_EVERY_MS, FILTER_PROGRAMS_MAX, SIEVE_REDIRECTS_MAX } from '../../model/limits.ts'
import type { Flag, MailboxInfo, SpecialUse } from '../../model/mailbox.ts'
import { printAddress } from '../../format/address/address.ts'
import { printDate } from '../../format/dsn/dsn.ts'
import type { Compiled, Environment, FileCopy, FileInto, Letter, Outcome } from '../../sieve/contract.ts'
import { type AccountInfo, type LocalDelivery, type Remembered, type Store, StoreError } from '../../store/contract.ts'
import type { AccountRef, Mailboxes, StagedMessage } from '../contract.ts'
import type { SieveEngine } from './engine.ts'

/** The letter, as a filter is given it. */
export type FilteredLetter = {
  readonly message: StagedMessage
  readonly reversePath: ReversePath
  readonly traceId: TraceId
  /** What no script decides about goes to \Junk, and nobody is answered. */
  readonly junk: boolean
  /** Epoch milliseconds. */
  readonly now: number
}

/** One form of the letter, and where it goes. */
export type FilteredCopy = {
  /** The whole header instead of the letter's own, with its empty line; null: as it came. */
  readonly header: Buffer | null
  readonly local: readonly LocalDelivery[]
  readonly redirects: readonly Address[]
}

export type Filtered = {
  readonly copies: readonly FilteredCopy[]
  /** RFC 5429: the letter is to be refused, and goes nowhere. */
  readonly refused: string | null
  /** Letters of its own that it has sent, from `<>`. */
  readonly sends: readonly { readonly to: Address; readonly content: Buffer }[]
  /** Letters of its own that go to a mailbox of the account. */
  readonly files: readonly { readonly content: Buffer; readonly delivery: LocalDelivery }[]
  readonly remember: readonly Remembered[]
}

export type Filters = {
  /**
   * @param to the recipient as the sender named it
   * @returns null when the account has no filter: its mail goes to the inbox. @throws StoreError
   */
  run(account: AccountInfo, to: Address, letter: FilteredLetter): Promise<Filtered | null>
}

export function createFilters(options: {
  store: Store
  clock: Clock
  random: Random
  log: Log
  hostname: string
  version: string
  /** Loads the room when the first script is there to be run. */
  engine: () => Promise<SieveEngine>
  openMailboxes: (account: AccountRef) => Mailboxes
}): Filters {
  const { store, clock, random, log, hostname, version, engine, openMailboxes } = options
  /** By text: people share scripts, and change them seldom. Oldest first. */
  const programs = new Map<string, Compiled>()

  function compiled(sieve: SieveEngine, text: string): Compiled {
    const known = programs.get(text)
    if (known !== undefined) return known
    const program = sieve.compile(text)
    programs.set(text, program)
    if (programs.size > FILTER_PROGRAMS_MAX) programs.delete(programs.keys().next().value ?? '')
    return program
  }

  /** Addresses that lead to nobody else. */
  async function aliasesOf({ address }: AccountInfo): Promise<Address[]> {
    const own = printAddress(address).toLowerCase()
    const aliases = await store.directory.aliases()
    return aliases
      .filter(({ targets }) => targets.length === 1 && printAddress(targets[0]!).toLowerCase() === own)
      .map((alias) => alias.address)
  }

  function environmentFor(
    sieve: SieveEngine,
    account: AccountInfo,
    { now, aliases, mailboxes }: { now: number; aliases: readonly Address[]; mailboxes: Mailboxes },
  ): Environment {
    const { accountId } = account
    return {
      now: () => now,
      owner: { address: account.address, aliases },
      host: { name: hostname, domain: hostname.slice(hostname.indexOf('.') + 1), version, location: 'MDA' },
      limits: { redirects: SIEVE_REDIRECTS_MAX },
      async include({ location, name }) {
        if (location === 'global') return null
        const text = await store.filters.script(accountId, name.normalize('NFC'))
        if (text === null) return null
        const program = compiled(sieve, text)
        if (program.ok) return program.program
        const [first] = program.errors
        return { why: first === undefined ? 'it cannot be read' : `line ${first.line}: ${first.message}` }
      },
      mailboxExists: async (name) => (await mailboxes.find(name)) !== null,
      async specialUseExists(use, name) {
        const found = bySpecialUse(await mailboxes.list(), use)
        return found !== null && (name === null || found.mailboxId === (await mailboxes.find(name))?.mailboxId)
      },
      seen: ({ what, key }) => store.filters.isRemembered({ accountId, what, key }, now),
      ...(clock.turn === undefined ? {} : { pause: clock.turn }),
    }
  }

  /** A script that cannot be read keeps no mail back: it is as if there were none. */
  async function activeOf({ accountId }: AccountInfo): Promise<{ name: string; text: string } | null> {
    try {
      return await store.filters.activeScript(accountId)
    } catch (error) {
      if (!(error instanceof StoreError) || (error.kind !== 'device' && error.kind !== 'damaged')) throw error
      log.error({ event: 'filter.unreadable', accountId, cause: error.message })
      return null
    }
  }

  /** What a failed run leaves: the letter in the inbox, and now and then a word to the owner (RFC 5228 §2.10.6). */
  async function failure(account: AccountInfo, { now, junk }: FilteredLetter, why: string): Promise<Filtered> {
    const { accountId, address } = account
    const known = { accountId, what: 'error', key: 'run' } as const
    const kept = { header: null, local: [byVerdict(inInbox(account, []), junk)], redirects: [] }
    const nothing = { copies: [kept], refused: null, sends: [], files: [], remember: [] }
    if (await store.filters.isRemembered(known, now)) return nothing
    const lines = [
      `From: "Mail filter" <postmaster@${hostname}>`,
      `To: ${printAddress(address)}`,
      'Subject: Your mail filter failed',
      `Date: ${printDate(now)}`,
      `Message-ID: <${token(random, 24)}@${hostname}>`,
      'Auto-Submitted: auto-generated',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      'A filter of yours could not be run to its end. The letter was kept in your inbox as it came.',
      '',
      why,
      '',
      'You are told of this once a day at most.',
      '',
    ]
    const content = Buffer.from(lines.join('\r\n'))
    return {
      ...nothing,
      files: [{ content, delivery: inInbox(account, []) }],
      remember: [{ ...known, until: now + FILTER_FAILURE_TOLD_EVERY_MS }],
    }
  }

  return {
    async run(account, to, letter) {
      const active = await activeOf(account)
      if (active === null) return null
      const sieve = await engine()
      const { message, reversePath, traceId, now } = letter
      const program = compiled(sieve, active.text)
      const facts = { traceId, accountId: account.accountId, script: active.name }
      if (!program.ok) {
        // It was checked when it was put there, by another release.
        const [first] = program.errors
        log.warn({ event: 'filter.failed', ...facts, why: first?.message ?? null })
        return failure(account, letter, first === undefined ? '' : `Line ${first.line}: ${first.message}`)
      }
      const header = await store.readStaged(message.body, 0, message.summary.root.bodyStart)
      const mailboxes = openMailboxes(account)
      const answers = program.program.requires.some((name) => name.startsWith('vacation'))
      const environment = environmentFor(sieve, account, {
        now,
        aliases: answers ? await aliasesOf(account) : [],
        mailboxes,
      })
      const whole: Letter = {
        header,
        sizeOctets: message.summary.sizeOctets,
        root: message.summary.root,
        envelope: { from: reversePath, to },
        read: (start, end) => store.readStaged(message.body, start, end),
      }
      const outcome = await sieve.run(program.program, whole, environment)
      const done = outcome.trace.map(({ line, text }) => `${line}: ${text}`)
      if (outcome.error !== null) {
        const { line, message: why, script } = outcome.error
        log.warn({
          event: 'filter.failed',
          ...facts,
          line,
          why,
          cause: outcome.error.cause instanceof Error ? outcome.error.cause.message : null,
        })
        return failure(account, letter, `${script === null ? 'Line' : `Script “${script}”, line`} ${line}: ${why}`)
      }
      log.info({ event: 'filter.ran', ...facts, done, steps: outcome.steps })
      const { skipOctets } = message
      return carriedOut(sieve, outcome, { account, mailboxes, header, skipOctets, junk: letter.junk, now })
    },
  }

  async function carriedOut(
    sieve: SieveEngine,
    outcome: Outcome,
    at: {
      account: AccountInfo
      mailboxes: Mailboxes
      header: Uint8Array
      skipOctets: number
      junk: boolean
      now: number
    },
  ): Promise<Filtered> {
    const { account, mailboxes, header, skipOctets, junk, now } = at
    const { accountId, address } = account
    const copies = new Map<number, { local: LocalDelivery[]; redirects: Address[] }>()
    const sends: { to: Address; content: Buffer }[] = []
    const files: { content: Buffer; delivery: LocalDelivery }[] = []
    let refused: string | null = null
    const of = (index: number): { local: LocalDelivery[]; redirects: Address[] } => {
      let copy = copies.get(index)
      if (copy === undefined) copies.set(index, (copy = { local: [], redirects: [] }))
      return copy
    }
    const fresh = (): { now: number; messageId: string } => ({ now, messageId: `<${token(random, 24)}@${hostname}>` })
    const file = async (copy: FileCopy | null, content: Buffer): Promise<void> => {
      if (copy !== null) files.push({ content, delivery: await deliveryInto(account, mailboxes, copy) })
    }
    for (const action of [...outcome.actions, ...(outcome.implicitKeep === null ? [] : [outcome.implicitKeep])]) {
      switch (action.do) {
        case 'keep':
          addOnce(
            of(action.header).local,
            byVerdict(inInbox(account, action.flags), junk && action === outcome.implicitKeep),
          )
          break
        case 'fileinto':
          addOnce(of(action.header).local, await deliveryInto(account, mailboxes, action))
          break
        case 'redirect':
          of(action.header).redirects.push(action.address)
          break
        case 'reject':
          refused = action.text
          break
        case 'vacation': {
          if (junk) break // RFC 3834 §2: nobody is told that somebody reads here.
          const content = sieve.renderVacation(action, fresh())
          sends.push({ to: action.to, content })
          await file(action.fcc, content)
          break
        }
        case 'notify': {
          const content = sieve.renderNotification(action, address, fresh())
          for (const to of [...action.to, ...action.cc, ...action.bcc]) sends.push({ to, content })
          await file(action.fcc, content)
          break
        }
      }
    }
    return {
      copies: [...copies].map(([index, copy]) => ({
        ...copy,
        header: index === 0 ? null : edited(sieve, outcome, index, { header, skipOctets }),
      })),
      refused,
      sends,
      files,
      remember: outcome.remember.map(({ what, key, forMs }) => ({ accountId, what, key, until: now + forMs })),
    }
  }
}

/** What goes before the letter (Return-Path) stays before what a script puts first. */
function edited(
  sieve: SieveEngine,
  { headers }: Outcome,
  index: number,
  { header, skipOctets }: { header: Uint8Array; skipOctets: number },
): Buffer {
  const { first = '', last = '', removed = [] } = headers[index] ?? {}
  const own = header.subarray(skipOctets)
  const hasEnd = own.length >= 2 && own[own.length - 2] === 13 && own[own.length - 1] === 10
  const shifted = removed
    .filter(({ start }) => start >= skipOctets)
    .map(({ start, end }) => ({ start: start - skipOctets, end: end - skipOctets }))
  const octets = sieve.editHeader(own, own.length - (hasEnd ? 2 : 0), { first, last, removed: shifted })
  return Buffer.concat([header.subarray(0, skipOctets), octets])
}

const inInbox = ({ accountId }: AccountInfo, flags: readonly Flag[]): LocalDelivery => ({
  accountId,
  mailbox: 'INBOX',
  flags,
})

const byVerdict = (delivery: LocalDelivery, junk: boolean): LocalDelivery =>
  junk ? { ...delivery, mailbox: 'Junk' } : delivery

const SPECIAL_USES: Readonly<Record<string, SpecialUse>> = {
  '\\archive': 'Archive',
  '\\drafts': 'Drafts',
  '\\junk': 'Junk',
  '\\sent': 'Sent',
  '\\trash': 'Trash',
}

const bySpecialUse = (all: readonly MailboxInfo[], use: string): MailboxInfo | null =>
  all.find(({ specialUse }) => specialUse !== null && specialUse === SPECIAL_USES[use.toLowerCase()]) ?? null

/** The mailbox, made when that is asked for; the inbox when there is none (RFC 5490 §3.2). @throws StoreError */
async function deliveryInto(
  account: AccountInfo,
  mailboxes: Mailboxes,
  { mailbox, flags, create, specialUse }: Pick<FileInto, 'mailbox' | 'flags' | 'create' | 'specialUse'>,
): Promise<LocalDelivery> {
  const special = specialUse === null ? null : bySpecialUse(await mailboxes.list(), specialUse)
  let found = special ?? (await mailboxes.find(mailbox))
  if (found === null && create) {
    const use = specialUse === null ? null : (SPECIAL_USES[specialUse.toLowerCase()] ?? null)
    const made = await mailboxes.create(mailbox, use)
    if (made.at === 'done') await mailboxes.setSubscribed(mailbox, true)
    found = await mailboxes.find(mailbox)
  }
  if (found === null) return inInbox(account, flags)
  const { accountId } = account
  return { accountId, mailbox: found.name === 'INBOX' ? 'INBOX' : { mailboxId: found.mailboxId }, flags }
}

/** Two names may have come to one mailbox: the letter is there once, with the flags of both. */
function addOnce(local: LocalDelivery[], delivery: LocalDelivery): void {
  const same = local.findIndex(({ mailbox }) => keyOf(mailbox) === keyOf(delivery.mailbox))
  if (same === -1) local.push(delivery)
  else local[same] = { ...delivery, flags: [...new Set([...local[same]!.flags, ...delivery.flags])] }
}

const keyOf = (mailbox: LocalDelivery['mailbox']): string =>
  typeof mailbox === 'string' ? mailbox : String(mailbox.mailboxId)
