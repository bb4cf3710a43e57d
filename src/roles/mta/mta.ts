import type { Intake } from '../../core/contract.ts'
import { MESSAGE_MAX_OCTETS, RECIPIENTS_MAX } from '../../model/limits.ts'
import { reply, type SmtpReply } from '../../model/reply.ts'
import { never } from '../../std/assert.ts'
import type { Clock } from '../../std/clock.ts'
import type { SmtpPolicy } from '../contract.ts'
import { ADDRESS_LOOP, commit, hopsRefusal, OVER_QUOTA, receivedFor, UNKNOWN } from '../intake.ts'

export type MtaOptions = {
  readonly hostname: string
  readonly intake: Intake
  readonly clock: Clock
  /** Where `<Postmaster>` goes. Default: the hostname. */
  readonly postmasterDomain?: string
  readonly messageMaxOctets?: number
  readonly recipientsMax?: number
}

/** RFC 5321 §3.6.2; D5 says how clients do it instead. */
const NO_RELAY = reply(
  550,
  '5.7.1',
  'Relaying denied: this port takes mail for its own domains only; mail clients send through port 587 after logging in',
)
const TWO_FROM = reply(550, '5.6.0', 'More than one From field')

/** 25 (D1–D5): servers bring mail for the people here. No AUTH, no relaying, encrypted when the peer can. */
export function createMtaPolicy(options: MtaOptions): SmtpPolicy {
  const { hostname, intake, clock, postmasterDomain } = options
  return {
    role: 'mta',
    hostname,
    ...(postmasterDomain === undefined ? {} : { postmasterDomain }),
    messageMaxOctets: options.messageMaxOctets ?? MESSAGE_MAX_OCTETS,
    recipientsMax: options.recipientsMax ?? RECIPIENTS_MAX,
    mechanisms: () => null,
    authenticator: null,
    async onMail() {
      return null
    },
    async onRecipient(_facts, mail, recipient): Promise<SmtpReply | null> {
      const { at } = await intake.lookup(recipient.address, mail.sizeOctets)
      switch (at) {
        case 'local':
          return null
        case 'foreign':
          return NO_RELAY
        case 'unknown':
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
      return intake.open({ envelope, received, complete: null })
    },
    async onMessage(_facts, envelope, message, traceId) {
      // Choice: none at all is taken (old programs send such mail; DMARC has nothing to be fooled by), two are not (S9).
      const refusal = hopsRefusal(message) ?? (message.fromCount > 1 ? TWO_FROM : null)
      if (refusal === null) return commit(intake, { envelope, message, traceId, senderVerified: false })
      await intake.discard(message)
      return refusal
    },
  }
}
