import { assert } from '../../std/assert.ts'
import { HOUR, type Clock } from '../../std/clock.ts'
import { silentLog, type Log } from '../../std/log.ts'
import { token, type Random } from '../../std/random.ts'
import type { Address, ReversePath } from '../../model/address.ts'
import type { Envelope, Recipient } from '../../model/envelope.ts'
import type { AccountId, MailboxId, QueueId, Uid } from '../../model/ids.ts'
import type { Answer } from '../../model/queue.ts'
import { printPath } from '../../format/address/address.ts'
import { printTraceDate } from '../../format/trace/received.ts'
import { StoreError, type Store } from '../../store/contract.ts'
import type { Intake, MessageSink, RecipientLookup } from '../contract.ts'
import type { Filters } from '../filters/filter.ts'
import type { JunkJudge } from '../junk/contract.ts'
import { makeNotice, wants, type Reported, type Subject } from '../queue/notices.ts'
import { canonicalDomain } from '../directory/canonical.ts'
import { createRoutes, type Route } from '../directory/routes.ts'
import type { Srs } from '../forwarding/srs.ts'
import { createHeaderCompleter } from './header-completer.ts'
import { createResultsRemover } from './results-remover.ts'
import { distribute } from './distribution.ts'
import { createRelayPlan, type SentOnAs } from './relay.ts'
import { openSink } from './sink.ts'

const returnPath = (reversePath: Address | null): string => `Return-Path: ${printPath(reversePath)}\r\n`

const leadsNowhere = ({ accounts, foreign }: Route): boolean => accounts.length === 0 && foreign.length === 0

function judge(route: Route, sizeOctets: number): RecipientLookup['at'] {
  if (!route.hosted) return 'foreign'
  if (route.cut || (route.looped && leadsNowhere(route))) return 'loop'
  if (leadsNowhere(route)) return 'unknown'
  const full = route.accounts.every(({ quotaOctets, usedOctets, quotaMessages, usedMessages }) => {
    const tooLarge = quotaOctets !== null && usedOctets + sizeOctets > quotaOctets
    return tooLarge || (quotaMessages !== null && usedMessages >= quotaMessages)
  })
  return full && route.foreign.length === 0 ? 'over-quota' : 'local'
}

async function stageWhole(sink: MessageSink, content: Uint8Array): ReturnType<MessageSink['finish']> {
  try {
    await sink.write(content)
    return await sink.finish()
  } catch (error) {
    await sink.abort()
    throw error
  }
}

/** Where a message was kept; for reading it back. */
type Kept = { readonly skipOctets: number } & (
  | { readonly place: { readonly accountId: AccountId; readonly mailboxId: MailboxId; readonly uid: Uid } }
  | { readonly place: null; readonly queueId: QueueId }
)

/** Whose mail has arrived as far as it goes, and is to be told of. What is relayed to one address is reported from there. */
function succeeded(routed: readonly { asked: Recipient; route: Route }[]): Reported[] {
  const answer: Answer = { code: 250, status: '2.0.0', text: 'Kept', remote: null }
  return routed.flatMap(({ asked, route: { accounts, foreign } }): Reported[] => {
    const group = accounts.length + foreign.length > 1 // RFC 3461 §5.2.7.3
    if ((accounts.length === 0 && !group) || !wants(asked, 'success')) return []
    return [{ recipient: asked, action: group ? 'expanded' : 'delivered', answer }]
  })
}

/**
 * @param options.postmaster who reads mail for a postmaster that is neither account nor alias; null: nobody
 * @param options.hostname the server's own name; `postmaster` of it is always ours
 */
export function createIntake(options: {
  store: Store
  clock: Clock
  random: Random
  hostname: string
  postmaster: Address | null
  /** What accounts have their letters done with; null: nobody has any. */
  filters?: Filters | null
  /** What accounts have learnt of junk; null: nothing. */
  judge?: JunkJudge | null
  /** Null: strangers' letters are sent on in their own name. */
  srs?: Srs | null
  log?: Log
}): Intake {
  const { store, clock, random, hostname } = options
  const log = options.log ?? silentLog
  const routes = createRoutes({
    directory: store.directory,
    hostname: canonicalDomain(options.hostname),
    postmaster: options.postmaster,
    now: clock.now,
  })

  const srs = options.srs ?? null
  const ours = async (domain: string): Promise<boolean> =>
    canonicalDomain(hostname) === domain || (await store.directory.domain(domain)) !== null

  /** @throws StoreError */
  async function routeTo(address: Address, reversePath: ReversePath | undefined): Promise<Route> {
    const opened = srs?.open(address.localPart, clock.now()) ?? null
    if (opened === null || !(await ours(canonicalDomain(address.domain))))
      return routes.resolve(address, { fallbacks: true })
    // Only notices come back this way (RFC 5321 §4.5.5); anything else would make an open relay of a name once seen.
    if (opened.at === 'wrong' || reversePath !== null)
      return { hosted: true, accounts: [], foreign: [], looped: false, cut: false }
    const route = await routes.resolve(opened.address, { fallbacks: true })
    return { ...route, hosted: true, foreign: route.foreign.map((target) => ({ ...target, forwarded: true })) }
  }

  async function sentOnAs(sender: ReversePath, now: number): Promise<SentOnAs | null> {
    if (srs === null || sender === null || (await ours(canonicalDomain(sender.domain)))) return null
    return (domain) => srs.rewrite(sender, domain, now)
  }

  const prepareNotice: Intake['prepareNotice'] = async ({ to, content, traceId, smtputf8, requireTls }) => {
    const route = await routeTo(to, null)
    if (route.cut || leadsNowhere(route)) return null
    const sink = openSink({ store, prefix: { returnPath: returnPath(null), received: '' }, nulInBody: false })
    const message = await stageWhole(sink, content)
    assert(!('at' in message), 'a notice of our own is well-formed')
    const now = clock.now()
    const asked: Recipient = { address: to, notify: 'never' }
    const relay = createRelayPlan()
    for (const target of route.foreign) relay.add(asked, target)
    // Choice: no filter sees what is sent from `<>`, so that none answers another.
    const local = route.accounts.map(({ accountId }) => ({ accountId, mailbox: 'INBOX' as const, flags: [] }))
    const envelope: Omit<Envelope, 'recipients'> = {
      reversePath: null, // RFC 3464 §2, RFC 5321 §6.1: nobody answers a notice.
      body: content.some((octet) => octet > 0x7f) ? '8BITMIME' : '7BIT',
      smtputf8,
      requireTls,
    }
    return {
      message: { body: message.body, summary: message.summary },
      traceId,
      acceptedAt: now,
      local,
      // Ours, so it is signed; nobody is told of what becomes of it, as it comes from `<>`.
      relay: relay.drafts({ envelope, skipOctets: message.skipOctets, now, senderVerified: true }),
    }
  }

  /** The content as it was relayed, read back from where it is kept. */
  const readBack = async (kept: Kept, start: number, end: number): Promise<Uint8Array> => {
    const { skipOctets } = kept
    if (kept.place === null) return store.queue.read(kept.queueId, start, end)
    const { accountId, mailboxId, uid } = kept.place
    for await (const [entry] of store.mail.entries(accountId, mailboxId, [{ from: uid, to: uid }])) {
      if (entry !== undefined) return store.mail.read(accountId, entry.messageKey, skipOctets + start, skipOctets + end)
    }
    return new Uint8Array() // Read and expunged already.
  }

  /**
   * RFC 3461 §5.2.3, §5.2.7: tells a sender who asked that the message has arrived. The message is kept already, so what
   * fails here is logged and nothing more; a crash in between leaves the sender without the notice, never without the mail.
   */
  const reportSuccess = async (about: Subject, reported: readonly Reported[], kept: Kept): Promise<void> => {
    try {
      const now = clock.now()
      const notice = await makeNotice(about, reported, {
        read: (start, end) => readBack(kept, start, end),
        prepareNotice,
        hostname,
        random,
        now,
        retryUntil: now,
      })
      if (notice !== null) await store.run({ do: 'accept', ...notice })
    } catch (error) {
      log.warn({ event: 'intake.notice.failed', traceId: about.traceId, cause: String(error) })
    }
  }

  const parts = { store, routes, filters: options.filters ?? null, judge: options.judge ?? null, log, prepareNotice }

  return {
    async lookup(address, sizeOctets, reversePath) {
      // An undeclared size counts as one octet: a mailbox that is full takes no more.
      return { at: judge(await routeTo(address, reversePath), sizeOctets ?? 1) }
    },

    open({ envelope, received, complete, authservId }) {
      const rewriter =
        complete === null
          ? authservId === undefined
            ? null
            : createResultsRemover(authservId)
          : createHeaderCompleter({
              date: printTraceDate(complete.date),
              messageId: `<${token(random, 26)}@${canonicalDomain(complete.messageIdDomain)}>`,
            })
      return openSink({
        store,
        // Choice: a Return-Path in a stranger's content stays below ours; RFC 5321 §4.4 lets us remove it, and says MAY.
        prefix: { returnPath: returnPath(envelope.reversePath), received },
        rewriter,
        nulInBody: envelope.body === 'BINARYMIME',
      })
    },

    async accept({
      envelope,
      message,
      traceId,
      senderVerified,
      pathVerified = false,
      junk = false,
      brought = null,
      sentBy,
    }) {
      const { recipients, ...rest } = envelope
      assert(recipients.length > 0, 'a message is accepted for somebody')
      const routed: { asked: Recipient; route: Route }[] = []
      for (const asked of recipients) {
        const route = await routeTo(asked.address, envelope.reversePath)
        if (route.cut || leadsNowhere(route)) {
          // It was there at RCPT. A later try gets the right refusal for this one, and the others their mail.
          await store.discard(message.body)
          throw new StoreError('busy', 'a recipient is gone since RCPT')
        }
        routed.push({ asked, route })
      }
      const now = clock.now()
      const as = await sentOnAs(rest.reversePath, now)
      const letter = {
        envelope: rest,
        message,
        traceId,
        senderVerified,
        pathVerified,
        sentOnAs: as,
        junk,
        brought,
        now,
      }
      const { local, relay, further, remember, refused } = await distribute(letter, routed, parts).catch(
        async (error: unknown) => {
          await store.discard(message.body)
          throw error
        },
      )
      if (refused !== null) {
        await store.discard(message.body)
        log.info({ event: 'intake.refused-by-filter', traceId })
        return { at: 'refused', text: refused }
      }
      const drafts = relay.drafts({
        envelope: rest,
        skipOctets: message.skipOctets,
        now,
        senderVerified,
        pathVerified,
      })
      const outward = drafts.reduce((sum, { recipients: each }) => sum + each.length, 0)
      const counted = sentBy !== undefined && outward > 0
      const outcome = await store.run({
        do: 'accept',
        message: { body: message.body, summary: message.summary },
        traceId,
        acceptedAt: now,
        local,
        relay: drafts,
        ...(further.length === 0 ? {} : { further }),
        ...(remember.length === 0 ? {} : { remember }),
        ...(counted ? { sentBy: { ...sentBy, hour: Math.floor(now / HOUR), recipients: outward } } : {}),
      })
      if (outcome.at === 'over-limit') {
        await store.discard(message.body)
        log.warn({ event: 'sending.refused', traceId, accountId: sentBy?.accountId, recipients: outward })
        return outcome
      }
      if (outcome.at === 'over-quota') {
        await store.discard(message.body)
        log.info({ event: 'intake.over-quota', traceId })
        return outcome
      }
      const kept = outcome.local.flatMap((place, index) => {
        return place === null ? [] : [{ accountId: local[index]!.accountId, ...place }]
      })
      const { queueIds } = outcome
      log.info({ event: 'intake.accepted', traceId, sizeOctets: message.summary.sizeOctets, local: kept, queueIds })
      const reported = senderVerified ? succeeded(routed) : []
      if (reported.length > 0) {
        const { skipOctets } = message
        const sizeOctets = message.summary.sizeOctets - skipOctets
        const about = { envelope: rest, traceId, senderVerified, acceptedAt: now, sizeOctets }
        const [place] = kept
        const [queueId] = queueIds
        if (place !== undefined) await reportSuccess(about, reported, { place, skipOctets })
        else if (queueId !== undefined) await reportSuccess(about, reported, { place: null, queueId, skipOctets })
      }
      return { at: 'accepted', queueIds, delivered: kept.length }
    },

    prepareNotice,

    readStaged: ({ body, skipOctets }, start, end) => store.readStaged(body, skipOctets + start, skipOctets + end),
    discard: (message) => store.discard(message.body),
  }
}
