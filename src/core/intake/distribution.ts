/** Where a letter goes: by its recipients, their aliases, and what the accounts' filters say. */
import type { Log } from '../../std/log.ts'
import { assert } from '../../std/assert.ts'
import type { Address } from '../../model/address.ts'
import type { Envelope, Recipient } from '../../model/envelope.ts'
import type { AccountId, TraceId } from '../../model/ids.ts'
import { READ_AT_ONCE_MAX_OCTETS } from '../../model/limits.ts'
import {
  StoreError,
  type AcceptInput,
  type AccountInfo,
  type LocalDelivery,
  type Remembered,
  type Store,
} from '../../store/contract.ts'
import type { Intake, StagedMessage } from '../contract.ts'
import type { Brought, JunkJudge } from '../junk/contract.ts'
import type { Route, Routes } from '../directory/routes.ts'
import type { Filtered, FilteredCopy, Filters } from '../filters/filter.ts'
import { createRelayPlan, type RelayPlan, type SentOnAs } from './relay.ts'
import { openSink } from './sink.ts'

export type Routed = { readonly asked: Recipient; readonly route: Route }

export type Distribution = {
  readonly local: readonly LocalDelivery[]
  readonly relay: RelayPlan
  /** Kept with the letter: edited copies, answers, notices. */
  readonly further: readonly AcceptInput[]
  readonly remember: readonly Remembered[]
  /** The only recipient's filter refuses the letter (RFC 5429). */
  readonly refused: string | null
}

export type Letter = {
  readonly envelope: Omit<Envelope, 'recipients'>
  readonly message: StagedMessage
  readonly traceId: TraceId
  readonly senderVerified: boolean
  readonly pathVerified: boolean
  /** Null: what is sent on keeps its reverse-path. */
  readonly sentOnAs: SentOnAs | null
  readonly junk: boolean
  /** Null: each account goes by `junk`. */
  readonly brought: Brought | null
  readonly now: number
}

export type DistributionParts = {
  readonly store: Store
  readonly routes: Routes
  /** Null: nobody has any. */
  readonly filters: Filters | null
  /** Null: no account has a say. */
  readonly judge: JunkJudge | null
  readonly log: Log
  readonly prepareNotice: Intake['prepareNotice']
}

/** Each account and each foreign address once. @throws StoreError; then nothing that was staged here is left */
export async function distribute(
  letter: Letter,
  routed: readonly Routed[],
  parts: DistributionParts,
): Promise<Distribution> {
  const { store, filters } = parts
  const local: LocalDelivery[] = []
  const relay = createRelayPlan(letter.sentOnAs)
  const further: AcceptInput[] = []
  const remember: Remembered[] = []
  const visited = new Set<AccountId>()
  const [first] = routed
  const alone =
    routed.length === 1 && first !== undefined && first.route.accounts.length === 1 && first.route.foreign.length === 0
  let refused: string | null = null

  /** An account that a filter's redirect leads back to has the letter in its inbox at least. */
  function again(account: AccountInfo): void {
    if (!local.some(({ accountId }) => accountId === account.accountId)) local.push(inInbox(account.accountId))
  }

  /** What an account itself knows decides with the rest. No letter is lost over it. */
  async function isJunkFor(accountId: AccountId): Promise<boolean> {
    const { judge, log } = parts
    const { brought, message, traceId } = letter
    if (judge === null || brought === null) return letter.junk
    try {
      const read = (start: number, end: number): Promise<Uint8Array> => store.readStaged(message.body, start, end)
      const verdict = await judge.judge(accountId, { ...brought, summary: message.summary, read })
      const { result, points, findings } = verdict
      const why = findings.map(({ by, points: each, says }) => `${by} ${each}: ${says}`)
      if (why.length > 0) log.info({ event: 'junk.verdict', traceId, accountId, result, points, why })
      return result === 'junk'
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      log.warn({ event: 'junk.verdict.failed', traceId, accountId, kind: error.kind, error: error.message })
      return letter.junk
    }
  }

  async function visit(account: AccountInfo, asked: Recipient): Promise<void> {
    const { accountId } = account
    if (visited.has(accountId)) return
    visited.add(accountId)
    const { message, envelope, traceId, now } = letter
    const junk = await isJunkFor(accountId)
    const of = { message, reversePath: envelope.reversePath, traceId, junk, now }
    const filtered = (await filters?.run(account, asked.address, of)) ?? null
    if (filtered === null) local.push({ ...inInbox(accountId), mailbox: junk ? 'Junk' : 'INBOX' })
    else await follow(account, asked, filtered)
  }

  async function follow(account: AccountInfo, asked: Recipient, filtered: Filtered): Promise<void> {
    if (filtered.refused !== null) {
      if (alone && visited.size === 1) refused = filtered.refused
      else {
        // Choice: what was accepted for others too cannot be refused any more, and a notice may go to a forged sender
        // (R22): it is kept.
        parts.log.info({ event: 'filter.refusal.kept', traceId: letter.traceId, accountId: account.accountId })
        local.push(inInbox(account.accountId))
      }
      return
    }
    remember.push(...filtered.remember)
    for (const copy of filtered.copies) {
      if (copy.header === null) {
        local.push(...copy.local)
        for (const address of copy.redirects) await redirect(account, asked, address)
      } else if (!(await addEdited(account, asked, copy, copy.header))) {
        parts.log.warn({ event: 'filter.header.unfit', traceId: letter.traceId, accountId: account.accountId })
        local.push(...copy.local)
        for (const address of copy.redirects) await redirect(account, asked, address)
      }
    }
    for (const { to, content } of filtered.sends) {
      const ascii = content.every((octet) => octet < 0x80)
      const notice = await parts.prepareNotice({
        to,
        content,
        traceId: letter.traceId,
        smtputf8: !ascii,
        requireTls: false,
      })
      if (notice !== null) further.push(notice)
    }
    for (const { content, delivery } of filtered.files) {
      const message = await stage(store, [content])
      assert(message !== null, 'a letter of our own is well-formed')
      further.push({ ...common(letter), message, local: [delivery], relay: [] })
    }
  }

  /** To our own people the letter goes as if it had come for them; RFC 5228 §4.2. */
  async function redirect(from: AccountInfo, asked: Recipient, address: Address): Promise<void> {
    const route = await parts.routes.resolve(address, { fallbacks: true })
    const { accounts, foreign } = route
    if (leadsNowhere(route)) {
      local.push(nowhere(from))
      return
    }
    for (const target of foreign) relay.add(asked, { ...target, forwarded: true })
    for (const account of accounts) {
      if (visited.has(account.accountId)) again(account)
      else await visit(account, { ...asked, address })
    }
  }

  /**
   * A letter with another header is a letter of its own. Redirected, it goes to the inbox of our own people.
   * @returns false when a letter may not have such a header
   */
  async function addEdited(from: AccountInfo, asked: Recipient, copy: FilteredCopy, header: Buffer): Promise<boolean> {
    const { message } = letter
    const { root, sizeOctets } = message.summary
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      yield header
      for (let at = root.bodyStart; at < sizeOctets; at += READ_AT_ONCE_MAX_OCTETS)
        yield await store.readStaged(message.body, at, Math.min(sizeOctets, at + READ_AT_ONCE_MAX_OCTETS))
    }
    const plan = createRelayPlan(letter.sentOnAs)
    const to = [...copy.local]
    for (const address of copy.redirects) {
      const route = await parts.routes.resolve(address, { fallbacks: true })
      if (leadsNowhere(route)) to.push(nowhere(from))
      for (const target of route.foreign) plan.add(asked, { ...target, forwarded: true })
      for (const { accountId } of route.accounts) to.push(inInbox(accountId))
    }
    const drafted = await stage(store, pieces())
    if (drafted === null) return false
    const { skipOctets } = message
    further.push({ ...common(letter), message: drafted, local: to, relay: plan.drafts({ ...letter, skipOctets }) })
    return true
  }

  /** A redirect that nobody would get stays with who has set it up. */
  function nowhere({ accountId }: AccountInfo): LocalDelivery {
    parts.log.warn({ event: 'filter.redirect.nowhere', traceId: letter.traceId, accountId })
    return inInbox(accountId)
  }

  try {
    for (const { asked, route } of routed) {
      for (const account of route.accounts) await visit(account, asked)
      for (const target of route.foreign) relay.add(asked, target)
    }
  } catch (error) {
    for (const { message } of further) await store.discard(message.body)
    throw error
  }
  if (refused !== null) assert(further.length === 0 && local.length === 0, 'who refuses does nothing else')
  return { local, relay, further, remember, refused }
}

const inInbox = (accountId: AccountId): LocalDelivery => ({ accountId, mailbox: 'INBOX', flags: [] })

const common = ({ traceId, now }: Letter): Pick<AcceptInput, 'traceId' | 'acceptedAt'> => ({ traceId, acceptedAt: now })

const leadsNowhere = ({ accounts, foreign, cut }: Route): boolean => cut || accounts.length + foreign.length === 0

/** @returns null when it may not be taken: its header is too large. @throws StoreError */
async function stage(
  store: Store,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<AcceptInput['message'] | null> {
  const sink = openSink({ store, prefix: null, nulInBody: true })
  try {
    for await (const piece of pieces) await sink.write(piece)
    const message = await sink.finish()
    return 'at' in message ? null : { body: message.body, summary: message.summary }
  } catch (error) {
    await sink.abort()
    throw error
  }
}
