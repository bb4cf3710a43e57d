import type { Envelope, Recipient } from '../../model/envelope.ts'
import type { Answer } from '../../model/queue.ts'
import {
  OUT_DATA_TIMEOUT_MS,
  OUT_DOT_TIMEOUT_MS,
  OUT_MAIL_TIMEOUT_MS,
  OUT_QUIT_TIMEOUT_MS,
  OUT_RCPT_TIMEOUT_MS,
} from '../../model/limits.ts'
import { mailCommand, needsSmtpUtf8, rcptCommand, type MailFacts } from './client-commands.ts'
import type { Extensions } from './client-ehlo.ts'
import { judge, type Heard, type Stage, type Verdict } from './client-judge.ts'
import { exchange, type ClientHeard, type Conversation } from './client-open.ts'

export type OutgoingRecipient = Recipient & { readonly index: number }

export type OutgoingMail = {
  readonly envelope: Omit<Envelope, 'recipients'>
  readonly recipients: readonly OutgoingRecipient[]
  readonly sizeOctets: number
  /** Whether the header holds UTF-8, which only an SMTPUTF8 server may be given (RFC 6531 §3.5). */
  readonly utf8Header: boolean
}

export type TransactResult = {
  readonly index: number
  readonly to: 'delivered' | 'failed' | 'waiting'
  readonly answer: Answer
  /** RFC 5321 §4.5.3.1.10: the server takes no more recipients in this transaction; another may follow at once. */
  readonly tooMany?: boolean
}

export type Transacted = {
  readonly results: readonly TransactResult[]
  /** Nothing was said about these and nothing was taken: another host may be asked at once. */
  readonly unanswered: readonly OutgoingRecipient[]
  /** Why, where some are unanswered. */
  readonly lost: Answer | null
  /** Whether another transaction may follow on this connection. */
  readonly usable: boolean
}

const heardOf = (heard: ClientHeard): Heard => (heard.kind === 'key' ? { kind: 'done' } : heard)
const own = (code: number, status: string, text: string): Answer => ({ code, status, text, remote: null })

/**
 * What speaks against giving this mail to this server, before a word of it is said. `elsewhere`: another host may do.
 * @param secure whether the connection is under TLS with a verified name
 */
export function objection(
  mail: Omit<OutgoingMail, 'recipients'>,
  extensions: Extensions,
  options: { remote: string; secure: boolean },
): { readonly answer: Answer; readonly elsewhere: boolean } | null {
  const { envelope, sizeOctets } = mail
  const { remote } = options
  // RFC 8689 §4.2.1: TLS and the server's word, or not at all. Null reverse-paths are sent all the same.
  if (envelope.requireTls && envelope.reversePath !== null) {
    if (!options.secure) {
      return {
        answer: own(550, '5.7.10', `${remote} offers no verified TLS, which this message requires`),
        elsewhere: true,
      }
    }
    if (!extensions.requireTls) {
      return {
        answer: own(550, '5.7.30', `${remote} does not offer REQUIRETLS, which this message requires`),
        elsewhere: true,
      }
    }
  }
  const limit = extensions.sizeOctets ?? 0
  if (limit > 0 && sizeOctets > limit) {
    const answer = own(552, '5.3.4', `The message has ${sizeOctets} octets; ${remote} takes at most ${limit}`)
    return { answer, elsewhere: false }
  }
  // RFC 3030 §3: no conversion of binary bodies here.
  if (envelope.body === 'BINARYMIME' && !extensions.binaryMime) {
    return {
      answer: own(554, '5.6.3', `The message is binary (BINARYMIME), which ${remote} does not take`),
      elsewhere: true,
    }
  }
  const needsUtf8 = mail.utf8Header || needsSmtpUtf8(envelope.reversePath)
  if (envelope.smtputf8 && needsUtf8 && !extensions.smtpUtf8) {
    const what = mail.utf8Header ? 'The message has non-ASCII headers' : 'The sender has a non-ASCII address'
    return { answer: own(550, '5.6.7', `${what}, and ${remote} does not offer SMTPUTF8`), elsewhere: true }
  }
  return null
}

/**
 * One mail transaction (RFC 5321 §3.3), pipelined where the server offers it (RFC 2920). `objection` has been asked before.
 * Every recipient ends in `results` or in `unanswered`.
 */
export function* transact(mail: OutgoingMail, extensions: Extensions, remote: string): Conversation<Transacted> {
  const results: TransactResult[] = []
  const record = (recipients: Iterable<OutgoingRecipient>, to: TransactResult['to'], answer: Answer): void => {
    for (const { index } of recipients) results.push({ index, to, answer })
  }
  const smtputf8 = mail.envelope.smtputf8 && extensions.smtpUtf8
  const asked: OutgoingRecipient[] = []
  for (const recipient of mail.recipients) {
    if (smtputf8 || !needsSmtpUtf8(recipient.address)) asked.push(recipient)
    else
      record(
        [recipient],
        'failed',
        own(550, '5.6.7', `The address is not ASCII, and ${remote} does not offer SMTPUTF8`),
      )
  }
  if (asked.length === 0) return { results, unanswered: [], lost: null, usable: true }

  const facts: MailFacts = { envelope: mail.envelope, sizeOctets: mail.sizeOctets, smtputf8 }
  const binary = mail.envelope.body === 'BINARYMIME'
  const lines = [
    mailCommand(facts, extensions),
    ...asked.map((recipient) => rcptCommand(recipient, { smtputf8, dsn: extensions.dsn })),
  ]
  if (!binary) lines.push('DATA')
  const say = speaker(lines, extensions.pipelining)

  const sender = judge(yield* say('mail', OUT_MAIL_TIMEOUT_MS), 'mail', { hopedFor: 2, remote })
  if (sender.close) return { results, unanswered: asked, lost: sender.answer, usable: false }
  const refusedSender = sender.to !== 'ok'
  if (refusedSender) record(asked, sender.to === 'failed' ? 'failed' : 'waiting', sender.answer)
  if (refusedSender && !extensions.pipelining) return { results, unanswered: [], lost: null, usable: yield* reset() }

  const accepted: OutgoingRecipient[] = []
  for (const [i, recipient] of asked.entries()) {
    const heard = yield* say('rcpt', OUT_RCPT_TIMEOUT_MS)
    const verdict = judge(heard, 'rcpt', { hopedFor: 2, remote })
    if (verdict.close) {
      const unanswered = refusedSender ? [] : [...accepted, ...asked.slice(i)]
      return { results, unanswered, lost: verdict.answer, usable: false }
    }
    if (refusedSender) continue // Their 503s say nothing new.
    if (verdict.to === 'ok') accepted.push(recipient)
    else results.push(refusedRecipient(recipient, verdict, heard))
  }

  if (binary) {
    if (accepted.length === 0) return { results, unanswered: [], lost: null, usable: yield* reset() }
    return yield* ending('chunks')
  }
  if (accepted.length === 0 && !extensions.pipelining)
    return { results, unanswered: [], lost: null, usable: yield* reset() }
  const data = judge(yield* say('data', OUT_DATA_TIMEOUT_MS), 'data', { hopedFor: 3, remote })
  if (accepted.length === 0) {
    if (data.close) return { results, unanswered: [], lost: null, usable: false }
    // RFC 2920 §3.1: a server that says 354 without recipients gets the bare end; whatever it says then counts for nothing.
    if (data.to !== 'ok') return { results, unanswered: [], lost: null, usable: yield* reset() }
    const empty = judge(yield* exchange('.', 'dot', OUT_DOT_TIMEOUT_MS), 'dot', { hopedFor: 2, remote })
    return { results, unanswered: [], lost: null, usable: !empty.close && (yield* reset()) }
  }
  if (data.close) return { results, unanswered: accepted, lost: data.answer, usable: false }
  if (data.to !== 'ok') {
    record(accepted, data.to, data.answer)
    return { results, unanswered: [], lost: null, usable: yield* reset() }
  }
  return yield* ending('content')

  function* ending(how: 'content' | 'chunks'): Conversation<Transacted> {
    const sent = heardOf(yield { ask: how })
    // Choice: lost while sending counts as unknown, like lost after the dot: the end may have been on its way (RFC 1047).
    let verdict: Verdict
    if (sent.kind !== 'done') verdict = judge(sent, sent.kind === 'reply' ? 'dot' : 'content', { hopedFor: 2, remote })
    else {
      const heard = heardOf(yield { ask: 'reply', stage: 'dot', timeoutMs: OUT_DOT_TIMEOUT_MS })
      verdict = judge(heard, 'dot', { hopedFor: 2, remote })
    }
    record(accepted, verdict.to === 'ok' ? 'delivered' : verdict.to, verdict.answer)
    const usable = !verdict.close && (verdict.to === 'ok' || (yield* reset()))
    return { results, unanswered: [], lost: null, usable }
  }
}

/** Says the next line and hears its answer; pipelined: says all lines at once, then hears one after the other. */
function speaker(
  lines: readonly string[],
  pipelined: boolean,
): (stage: Stage, timeoutMs: number) => Conversation<Heard> {
  let next = 0
  return function* say(stage, timeoutMs) {
    if (!pipelined) return yield* exchange(lines[next++]!, stage, timeoutMs)
    if (next++ === 0) {
      const sent = heardOf(yield { ask: 'send', text: `${lines.join('\r\n')}\r\n`, stage })
      if (sent.kind === 'broken') return sent
    }
    return heardOf(yield { ask: 'reply', stage, timeoutMs })
  }
}

function refusedRecipient(recipient: OutgoingRecipient, verdict: Verdict, heard: Heard): TransactResult {
  const { index } = recipient
  const { answer } = verdict
  const status = heard.kind === 'reply' ? heard.reply.status : null
  // RFC 5321 §4.5.3.1.10: 552 to RCPT has meant "too many recipients" for long, and is not the end of it then.
  const tooMany =
    (answer.code === 452 && status === '4.5.3') || (answer.code === 552 && (status === null || status === '5.5.3'))
  if (tooMany) return { index, to: 'waiting', answer, tooMany }
  return { index, to: verdict.to === 'failed' ? 'failed' : 'waiting', answer }
}

/** Ends a transaction that came to nothing. @returns whether another may follow */
function* reset(): Conversation<boolean> {
  const verdict = judge(yield* exchange('RSET', 'rset', OUT_MAIL_TIMEOUT_MS), 'rset', { hopedFor: 2, remote: '' })
  return verdict.to === 'ok'
}

/** Answers to MAIL and RCPT of a transaction that is not meant; null: it was not asked. */
export type Inquired = { readonly mail: Verdict; readonly rcpt: Verdict | null; readonly usable: boolean }

/** Asks whether an address would be taken, from the null reverse-path, and takes it back (RFC 5321 §4.1.1.5). */
export function* inquire(recipient: Recipient, extensions: Extensions, remote: string): Conversation<Inquired> {
  const smtputf8 = extensions.smtpUtf8 && needsSmtpUtf8(recipient.address)
  const options = { hopedFor: 2, remote } as const
  const from = yield* exchange(`MAIL FROM:<>${smtputf8 ? ' SMTPUTF8' : ''}`, 'mail', OUT_MAIL_TIMEOUT_MS)
  const mail = judge(from, 'mail', options)
  if (mail.to !== 'ok') return { mail, rcpt: null, usable: !mail.close }
  const line = rcptCommand(recipient, { smtputf8, dsn: false })
  const rcpt = judge(yield* exchange(line, 'rcpt', OUT_RCPT_TIMEOUT_MS), 'rcpt', options)
  return { mail, rcpt, usable: !rcpt.close && (yield* reset()) }
}

/** RFC 5321 §4.1.1.10; the answer is waited for, but not long. */
export function* quit(): Conversation<void> {
  yield* exchange('QUIT', 'quit', OUT_QUIT_TIMEOUT_MS)
}
