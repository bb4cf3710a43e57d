import type { DeliveryResult } from '../../core/contract.ts'
import { HEADER_BLOCK_MAX_OCTETS, OUT_ATTEMPT_MAX_MS, OUT_DOT_TIMEOUT_MS } from '../../model/limits.ts'
import type { Answer, QueueEntry, QueuedRecipient } from '../../model/queue.ts'
import { objection, type OutgoingMail, type OutgoingRecipient } from '../../protocol/smtp/client-transact.ts'
import type { OutgoingContent } from '../contract.ts'
import type { Remote } from './remote.ts'
import { createWalk, type Walk, type WalkOptions } from './walk.ts'

export type AttemptOutcome = {
  readonly results: readonly DeliveryResult[]
  /** Ready for another message, or null. */
  readonly remote: Remote | null
  /** No host could be reached: the destination is dead for now (R15). */
  readonly unreachable: boolean
  /** The remote side broke off or asked us to go away: fewer connections to it. */
  readonly trouble: boolean
  /** What failed on our own side: the store, or a mistake of ours. */
  readonly error: unknown
  /** Where it went, for the log. */
  readonly via: { readonly host: string; readonly address: string; readonly tls: string | null } | null
}

export type AttemptOptions = Omit<WalkOptions, 'requireTls' | 'tlsOptional' | 'watch'> & {
  /** A connection kept from an earlier message to the same place. */
  readonly kept: Remote | null
  readonly content: OutgoingContent
}

async function readHeader(content: OutgoingContent): Promise<Buffer> {
  const head = Buffer.from(await content.read(0, Math.min(content.sizeOctets, HEADER_BLOCK_MAX_OCTETS)))
  const end = head.indexOf('\r\n\r\n')
  return head.subarray(0, end === -1 ? head.length : end)
}

/** Whether the header has octets beyond ASCII. Asked only of SMTPUTF8 mail. */
const hasUtf8Header = async (content: OutgoingContent): Promise<boolean> =>
  (await readHeader(content)).some((octet) => octet > 0x7f)

/** RFC 8689 §3: the sender would rather have it arrive. Asked only where a policy stops a letter. */
const isTlsOptional = async (content: OutgoingContent): Promise<boolean> =>
  /^TLS-Required:(?:\r\n)?[ \t]*No[ \t]*\r?$/im.test((await readHeader(content)).toString('latin1'))

/**
 * One attempt to deliver what of an entry still waits: along the hosts, transaction by transaction, until everyone is answered.
 * A recipient who has been taken is never said again, whatever happens behind it (R13). Never throws.
 */
export async function attempt(entry: QueueEntry, options: AttemptOptions): Promise<AttemptOutcome> {
  const { clock, content } = options
  const started = clock.monotonic()
  const results: DeliveryResult[] = []
  let pending: OutgoingRecipient[] = entry.recipients.filter(({ state }) => state.at === 'waiting').map(outgoing)
  let remote = options.kept
  let isKept = remote !== null
  let walk: Walk | null = null
  let tlsOptional = false
  /** Connections that a policy would not have allowed are for this letter alone. */
  let lax: Remote | null = null
  let lastLost: Answer | null = null
  let lastObjection: Answer | null = null
  let unreachable = false
  let trouble = false
  let via: AttemptOutcome['via'] = null
  let error: unknown = null
  const mail = { envelope: entry.envelope, sizeOctets: content.sizeOctets, utf8Header: false }
  const requireTls = entry.envelope.requireTls && entry.envelope.reversePath !== null
  const record = (recipients: readonly OutgoingRecipient[], to: DeliveryResult['to'], answer: Answer): void => {
    for (const { index } of recipients) results.push({ index, to, answer })
  }

  /** Sends to the next of the pending; what was not answered is pending again. */
  const transactOnce = async (to: Remote): Promise<void> => {
    const batch = pending.slice(0, to.recipientsMax)
    const rest = pending.slice(batch.length)
    const wholeMail: OutgoingMail = { ...mail, recipients: batch }
    // A transaction that hangs must end before the lease does.
    const cancel = clock.timer(started + OUT_ATTEMPT_MAX_MS + OUT_DOT_TIMEOUT_MS - clock.monotonic(), to.destroy)
    const outcome = await to.send(wholeMail, content).finally(cancel)
    const stale = isKept && outcome.results.length === 0 && outcome.unanswered.length === batch.length
    isKept = false
    via = { host: to.host, address: to.endpoint.address, tls: to.tls?.version ?? null }
    const progress = outcome.results.some((result) => result.to === 'delivered')
    const again: OutgoingRecipient[] = []
    for (const { index, to: came, answer, tooMany } of outcome.results) {
      if (tooMany === true && progress) again.push(batch.find((recipient) => recipient.index === index)!)
      else if (came === 'delivered' && to.extensions.dsn) results.push({ index, to: came, answer, dsnPassedOn: true })
      else results.push({ index, to: came, answer })
    }
    pending = [...outcome.unanswered, ...again, ...rest]
    if (!outcome.usable && !stale) trouble = true
    if (outcome.lost !== null && !stale) lastLost = outcome.lost
    if (!to.usable || (outcome.unanswered.length > 0 && pending.length > 0)) {
      await to.close()
      remote = null
    }
  }

  try {
    if (mail.envelope.smtputf8) mail.utf8Header = await hasUtf8Header(content)
    while (pending.length > 0) {
      if (options.signal.aborted || clock.monotonic() - started > OUT_ATTEMPT_MAX_MS) {
        record(pending, 'waiting', lastLost ?? own('4.4.7', 'The attempt took too long and was given up for now'))
        break
      }
      if (remote === null) {
        walk ??= createWalk(entry.destination, { ...options, requireTls, tlsOptional })
        remote = await walk.next()
        if (tlsOptional) lax = remote
        if (remote === null) {
          const failure = walk.failure()
          // RFC 8689 §4.2.2: policies are followed, but they do not stop this one. REQUIRETLS goes before (§3).
          if (failure.byPolicy && !tlsOptional && !entry.envelope.requireTls && (await isTlsOptional(content))) {
            tlsOptional = true
            walk = null
            options.log.info({
              event: 'relay.tls.optional',
              traceId: entry.traceId,
              queueId: entry.queueId,
              destination: entry.destination,
              why: failure.answer.text,
            })
            continue
          }
          unreachable = failure.unreachable && results.length === 0 && lastLost === null && lastObjection === null
          const temporary = lastLost ?? (failure.permanent ? null : failure.answer)
          // What one host objects to, none of the others could be asked about: the objection stands.
          if (lastObjection !== null) record(pending, 'failed', lastObjection)
          else if (temporary !== null) record(pending, 'waiting', temporary)
          else record(pending, 'failed', failure.answer)
          break
        }
      }
      const against = objection(mail, remote.extensions, { remote: remote.host, secure: remote.secure })
      if (against === null) {
        await transactOnce(remote)
        continue
      }
      via = { host: remote.host, address: remote.endpoint.address, tls: remote.tls?.version ?? null }
      if (!against.elsewhere) {
        record(pending, 'failed', against.answer)
        break
      }
      if (!isKept) lastObjection = against.answer
      isKept = false
      await remote.close()
      remote = null
    }
  } catch (thrown) {
    remote?.destroy()
    remote = null
    error = thrown
    record(pending, 'waiting', own('4.3.0', 'A local error; it is tried again later'))
  }
  if (remote !== null && remote === lax) {
    await remote.close()
    remote = null
  }
  return { results, remote, unreachable, trouble, error, via }
}

const own = (status: string, text: string): Answer => ({ code: 451, status, text, remote: null })

function outgoing(recipient: QueuedRecipient): OutgoingRecipient {
  const { address, index, notify, originalRecipient } = recipient
  return {
    address,
    index,
    ...(notify === undefined ? {} : { notify }),
    ...(originalRecipient === undefined ? {} : { originalRecipient }),
  }
}
