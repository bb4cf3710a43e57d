import type { Answer } from '../../model/queue.ts'
import type { RemoteReply } from './client-reply.ts'

/** Where in the conversation something was heard. */
export type Stage =
  | 'greeting'
  | 'ehlo'
  | 'helo'
  | 'starttls'
  | 'tls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'content'
  | 'dot'
  | 'rset'
  | 'quit'

export type BrokenWhy = 'closed' | 'timed-out' | 'malformed' | 'tls-failed'

/** What comes back for something the client asked of its driver. */
export type Heard =
  | { readonly kind: 'reply'; readonly reply: RemoteReply }
  | { readonly kind: 'done' }
  /** The connection is of no more use. */
  | { readonly kind: 'broken'; readonly why: BrokenWhy; readonly detail: string }

export type Verdict = {
  /** `ok`: the class that was hoped for. */
  readonly to: 'ok' | 'waiting' | 'failed'
  readonly answer: Answer
  /** 421, a broken stream or a reply out of place: nothing more can be said here. */
  readonly close: boolean
}

const SAID: Record<Stage, string> = {
  greeting: 'before its greeting',
  ehlo: 'after EHLO',
  helo: 'after HELO',
  starttls: 'after STARTTLS',
  tls: 'during the TLS handshake',
  auth: 'during AUTH',
  mail: 'after MAIL',
  rcpt: 'after RCPT',
  data: 'after DATA',
  content: 'while the message was being sent',
  dot: 'after the end of the message, before it said whether it took it',
  rset: 'after RSET',
  quit: 'after QUIT',
}

function brokenAnswer(heard: Heard & { kind: 'broken' }, stage: Stage, remote: string): Answer {
  const own = (status: string, text: string): Answer => ({ code: 451, status, text: `${remote} ${text}`, remote: null })
  switch (heard.why) {
    case 'closed':
      return own('4.4.2', `closed the connection ${SAID[stage]}`)
    case 'timed-out':
      return own('4.4.2', `did not answer in time ${SAID[stage]}`)
    case 'malformed':
      return own('4.5.0', `sent something that is not SMTP ${SAID[stage]} (${heard.detail})`)
    case 'tls-failed':
      return own('4.7.5', `and we could not agree on TLS (${heard.detail})`)
  }
}

/** A remote's own words; without an enhanced status the class alone (RFC 3463 §3.1, X.0.0). */
export function answerOf(reply: RemoteReply, remote: string): Answer {
  return {
    code: reply.code,
    status: reply.status ?? `${Math.floor(reply.code / 100)}.0.0`,
    text: reply.lines.join(' ').trim(),
    remote,
  }
}

/**
 * What a reply means (R17): the hoped-for class goes on, 4yz waits, 5yz fails, 421 closes and waits, what makes no sense waits.
 * @param hopedFor first digit of the code that lets the conversation go on
 */
export function judge(heard: Heard, stage: Stage, options: { hopedFor: 2 | 3; remote: string }): Verdict {
  const { remote } = options
  if (heard.kind === 'broken') return { to: 'waiting', answer: brokenAnswer(heard, stage, remote), close: true }
  if (heard.kind === 'done') {
    return { to: 'ok', answer: { code: 250, status: '2.0.0', text: '', remote: null }, close: false }
  }
  const { reply } = heard
  const answer = answerOf(reply, remote)
  // RFC 5321 §3.8, §4.2.1: 421 may answer anything, and the server is about to close.
  if (reply.code === 421) return { to: 'waiting', answer, close: true }
  switch (Math.floor(reply.code / 100)) {
    case options.hopedFor:
      return { to: 'ok', answer, close: false }
    case 4:
      return { to: 'waiting', answer, close: false }
    case 5:
      return { to: 'failed', answer, close: false }
    default:
      return {
        to: 'waiting',
        answer: {
          code: 451,
          status: '4.5.0',
          text: `${remote} answered ${reply.code} ${SAID[stage]}, which makes no sense there`,
          remote: null,
        },
        close: true,
      }
  }
}
