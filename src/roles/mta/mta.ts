import type { Intake, MessageSink, StagedMessage } from '../../core/contract.ts'
import type { Strangers } from '../../core/guard/contract.ts'
import type { Brought } from '../../core/junk/contract.ts'
import type { Examined, Examiners, Screening, Verdict } from '../../core/screening/contract.ts'
import type { Envelope } from '../../model/envelope.ts'
import type { TraceId } from '../../model/ids.ts'
import { JUNK_POINTS, MESSAGE_MAX_OCTETS, RECIPIENTS_MAX } from '../../model/limits.ts'
import { reply, type SmtpReply } from '../../model/reply.ts'
import { never } from '../../std/assert.ts'
import type { Clock } from '../../std/clock.ts'
import type { SmtpFacts, SmtpPolicy } from '../contract.ts'
import { pathIsVerified } from './path-verified.ts'
import { ADDRESS_LOOP, commit, hopsRefusal, OVER_QUOTA, receivedFor, UNKNOWN } from '../intake.ts'

export type MtaOptions = {
  readonly hostname: string
  readonly intake: Intake
  readonly clock: Clock
  /** Where `<Postmaster>` goes. Default: the hostname. */
  readonly postmasterDomain?: string
  readonly messageMaxOctets?: number
  readonly recipientsMax?: number
  /** Absent: no letter is looked at. */
  readonly screening?: Screening
  /** Other programs that look at letters; absent: none does. */
  readonly examiners?: Examiners
  /** Absent: visitors are not remembered. */
  readonly strangers?: Strangers
}

/** RFC 5321 §3.6.2; D5 says how clients do it instead. */
const NO_RELAY = reply(
  550,
  '5.7.1',
  'Relaying denied: this port takes mail for its own domains only; mail clients send through port 587 after logging in',
)
const NOT_EXAMINED = { refused: null, points: 0 } as const
const GUESSING = reply(421, '4.7.0', 'Too many recipients that are not here, try again later')
const TWO_FROM = reply(550, '5.6.0', 'More than one From field')

/** What the accounts' own judgement begins with. */
function broughtBy(remoteAddress: string, { authentication, points }: Verdict, examined: number): Brought {
  const { result, fromDomain } = authentication.dmarc
  const provenDomain = result === 'pass' ? fromDomain : null
  return { provenDomain, forged: result === 'fail', remoteAddress, points: points + examined }
}

/** 25 (D1–D5): servers bring mail for the people here. No AUTH, no relaying, encrypted when the peer can. */
export function createMtaPolicy(options: MtaOptions): SmtpPolicy {
  const { hostname, intake, clock, postmasterDomain, screening, strangers, examiners } = options
  /** What was found out about letters that are there and not kept yet. */
  const verdicts = new WeakMap<StagedMessage, Verdict>()
  return {
    role: 'mta',
    hostname,
    ...(postmasterDomain === undefined ? {} : { postmasterDomain }),
    messageMaxOctets: options.messageMaxOctets ?? MESSAGE_MAX_OCTETS,
    recipientsMax: options.recipientsMax ?? RECIPIENTS_MAX,
    mechanisms: () => null,
    authenticator: null,
    ...(strangers === undefined
      ? {}
      : {
          greetingDelayMs: ({ remote }) => strangers.greetingDelayMs(remote.address),
          onSilence: ({ remote }) => strangers.wasSilent(remote.address),
          mustWait: ({ remote }) => !strangers.isExempt(remote.address),
        }),
    async onMail() {
      return null
    },
    async onRecipient(facts, mail, recipient): Promise<SmtpReply | null> {
      const { address } = facts.connection.remote
      // Asked before: whether a name is here is just what a guesser wants to hear.
      if (strangers?.mayName(address) === false) return GUESSING
      const { at } = await intake.lookup(recipient.address, mail.sizeOctets, mail.reversePath)
      switch (at) {
        case 'local':
          return null
        case 'foreign':
          return NO_RELAY
        case 'unknown':
          strangers?.namedUnknown(address)
          return UNKNOWN
        case 'over-quota':
          return OVER_QUOTA
        case 'loop':
          return ADDRESS_LOOP
        default:
          return never(at)
      }
    },
    openMessage(facts, envelope, traceId) {
      const received = receivedFor(facts, envelope, { hostname, traceId, now: clock.now() })
      if (screening === undefined) return intake.open({ envelope, received, complete: null })
      const { authservId } = screening
      const sink = intake.open({ envelope, received, complete: null, authservId })
      const remoteAddress = facts.connection.remote.address
      const letter = screening.begin({ remoteAddress, helo: facts.helo, envelope, traceId })
      if (letter === null) return sink
      return {
        get sizeOctets() {
          return sink.sizeOctets
        },
        async write(chunk) {
          letter.push(chunk)
          await sink.write(chunk)
        },
        async finish() {
          let verdict: Verdict | null = null
          const message = await sink.finish(async (seen) => {
            const found = await letter.finish(seen)
            verdict = found.verdict
            return found.fields
          })
          if (!('at' in message) && verdict !== null) verdicts.set(message, verdict)
          else letter.abort()
          return message
        },
        async abort() {
          letter.abort()
          await sink.abort()
        },
      } satisfies MessageSink
    },
    async onMessage(facts, envelope, message, traceId) {
      // Choice: none at all is taken (old programs send such mail; DMARC has nothing to be fooled by), two are not (S9).
      const verdict = verdicts.get(message)
      const refusal = hopsRefusal(message) ?? (message.fromCount > 1 ? TWO_FROM : (verdict?.refused ?? null))
      const examined = refusal === null ? await examine(facts, { envelope, message, traceId }) : NOT_EXAMINED
      const junk = (verdict?.points ?? 0) + examined.points >= JUNK_POINTS
      const why = refusal ?? examined.refused
      if (why === null) {
        const pathVerified = verdict !== undefined && pathIsVerified(verdict.authentication, envelope.reversePath)
        const { address } = facts.connection.remote
        const brought = verdict === undefined ? null : broughtBy(address, verdict, examined.points)
        const taken = { envelope, message, traceId, senderVerified: false, pathVerified, junk }
        const answer = await commit(intake, { ...taken, ...(brought === null ? {} : { brought }) })
        if (answer.code === 250 && !junk) strangers?.brought(address, envelope.recipients.length)
        return answer
      }
      await intake.discard(message)
      return why
    },
  }

  /** Choice: what other programs find is in the log; the letter's own header was written before they could read it. */
  async function examine(
    facts: SmtpFacts,
    letter: { envelope: Envelope; message: StagedMessage; traceId: TraceId },
  ): Promise<Pick<Examined, 'refused'> & { readonly points: number }> {
    if (examiners === undefined) return NOT_EXAMINED
    const { envelope, message, traceId } = letter
    const arrival = { remoteAddress: facts.connection.remote.address, helo: facts.helo, envelope, traceId }
    const sizeOctets = message.summary.sizeOctets - message.skipOctets
    const read = (start: number, end: number): Promise<Uint8Array> => intake.readStaged(message, start, end)
    const { findings, refused } = await examiners.examine({ arrival, sizeOctets, read })
    return { refused, points: findings.reduce((sum, { points }) => sum + points, 0) }
  }
}
