import type { Accounts, AccountRef, Intake, StagedMessage, UrlAccess } from '../../core/contract.ts'
import type { Sending, SendingLimit, SendingRefusal } from '../../core/sending/contract.ts'
import { parseAddress, printAddress } from '../../format/address/address.ts'
import { printTraceDate } from '../../format/trace/received.ts'
import type { Address } from '../../model/address.ts'
import { MESSAGE_MAX_OCTETS, SUBMISSION_RECIPIENTS_MAX } from '../../model/limits.ts'
import type { HeaderAddress } from '../../model/message.ts'
import { reply, type SmtpReply } from '../../model/reply.ts'
import { never } from '../../std/assert.ts'
import type { Clock } from '../../std/clock.ts'
import type { Authenticator, SmtpFacts, SmtpPolicy } from '../contract.ts'
import { ADDRESS_LOOP, commit, hopsRefusal, OVER_LIMIT, OVER_QUOTA, receivedFor, UNKNOWN } from '../intake.ts'
import { mechanismsFor } from '../mechanisms.ts'

export type MsaOptions = {
  readonly hostname: string
  readonly intake: Intake
  readonly accounts: Accounts
  readonly authenticator: Authenticator
  readonly clock: Clock
  readonly postmasterDomain?: string
  readonly messageMaxOctets?: number
  readonly recipientsMax?: number
  readonly urls?: UrlAccess
  /** Absent: everybody sends as much as he likes. `usual`: what all may in a day. */
  readonly limits?: { readonly sending: Sending; readonly usual: SendingLimit }
}

const NEEDS_TLS = reply(530, '5.7.0', 'Must issue a STARTTLS command first')
const NEEDS_AUTH = reply(530, '5.7.0', 'Authentication required')
const NOT_YOURS = reply(553, '5.7.1', 'Sender address does not belong to this account')
const FROM_NOT_YOURS = reply(550, '5.7.1', 'From address does not belong to this account')
const ONE_FROM = reply(550, '5.6.0', 'A message needs exactly one From field')

/** 587 and 465 (D6): the users' clients send mail anywhere. TLS before AUTH, AUTH before MAIL, and only in one's own name. */
export function createMsaPolicy(options: MsaOptions): SmtpPolicy {
  const { hostname, intake, accounts, authenticator, clock, postmasterDomain, limits } = options
  return {
    role: 'msa',
    hostname,
    ...(postmasterDomain === undefined ? {} : { postmasterDomain }),
    messageMaxOctets: options.messageMaxOctets ?? MESSAGE_MAX_OCTETS,
    recipientsMax: options.recipientsMax ?? SUBMISSION_RECIPIENTS_MAX,
    mechanisms: (connection) => (connection.tls === null ? [] : mechanismsFor(connection, authenticator)),
    authenticator,
    ...(options.urls === undefined ? {} : { urls: options.urls }),
    async onMail(facts, mail) {
      const refusal = mayBegin(facts)
      if (refusal !== null) return refusal
      // Choice: the null sender is open to clients (RFC 8098 §2: receipts); the From field is still checked.
      if (mail.reversePath === null || facts.account === null) return null
      return (await accounts.maySendAs(facts.account, mail.reversePath)) ? null : NOT_YOURS
    },
    async onRecipient({ account }, mail, recipient): Promise<SmtpReply | null> {
      const { at } = await intake.lookup(recipient.address, mail.sizeOctets, mail.reversePath)
      switch (at) {
        case 'local':
          return null
        case 'foreign': {
          // Said here already, so that a program shows it; what counts is looked at with the letter.
          const over = account === null ? null : await limits?.sending.refusal(account.accountId, limits.usual, 1)
          return over === null || over === undefined ? null : overLimit(over)
        }
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
      const now = clock.now()
      const received = receivedFor(facts, envelope, { hostname, traceId, now })
      return intake.open({ envelope, received, complete: { date: now, messageIdDomain: hostname } }) // RFC 6409 §8
    },
    async onMessage({ account }, envelope, message, traceId) {
      const refusal = hopsRefusal(message) ?? (await fromRefusal(accounts, account, message))
      if (refusal === null && account !== null) {
        const { accountId } = account
        const sentBy = limits === undefined ? {} : { sentBy: { accountId, usual: limits.usual } }
        const answer = await commit(intake, { envelope, message, traceId, senderVerified: true, ...sentBy })
        if (answer !== OVER_LIMIT || limits === undefined) return answer
        const over = await limits.sending.refusal(accountId, limits.usual, envelope.recipients.length)
        return over === null ? answer : overLimit(over)
      }
      await intake.discard(message)
      return refusal ?? NEEDS_AUTH
    },
  }
}

const STOPPED = reply(550, '5.7.1', 'This account may not send mail to other servers; ask your postmaster')

/** RFC 3463 §3.6, §3.8. */
function overLimit({ what, max, freeAt }: SendingRefusal): SmtpReply {
  if (max === 0) return STOPPED
  const when = freeAt === null ? '' : `; there is room again at ${printTraceDate(freeAt)}`
  return what === 'messages'
    ? reply(450, '4.7.1', `This account may send ${max} messages a day to other servers${when}`)
    : reply(452, '4.5.3', `This account may send to ${max} recipients a day on other servers${when}`)
}

function mayBegin({ connection, account }: SmtpFacts): SmtpReply | null {
  if (connection.tls === null) return NEEDS_TLS
  return account === null ? NEEDS_AUTH : null
}

async function fromRefusal(
  accounts: Accounts,
  account: AccountRef | null,
  message: StagedMessage,
): Promise<SmtpReply | null> {
  if (account === null) return NEEDS_AUTH
  if (message.fromCount !== 1) return ONE_FROM
  const { from } = message.summary.header
  const addresses = from.filter((each) => each.host !== null)
  if (addresses.length === 0) return FROM_NOT_YOURS
  // Every author must be the account's: who reads the message may be shown any of them (S9).
  for (const each of addresses) {
    const address = addressOf(each)
    if (address === null || !(await accounts.maySendAs(account, address))) return FROM_NOT_YOURS
  }
  return null
}

/** The local part of a header may stand quoted or bare. */
function addressOf({ mailbox, host }: HeaderAddress): Address | null {
  if (mailbox === null || host === null) return null
  const asWritten = parseAddress(`${mailbox}@${host}`)
  if (asWritten.ok) return asWritten.value
  const quoted = parseAddress(printAddress({ localPart: mailbox, domain: host }))
  return quoted.ok ? quoted.value : null
}
