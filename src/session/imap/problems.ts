import type { MailboxView, StoreError } from '../../core/contract.ts'
import type { Right } from '../../model/rights.ts'
import { no, type Tagged } from './command.ts'

/** Outcomes of the core that are a NO with the same code wherever they occur (RFC 5530 §3, docs/rules.md, codes). */
export type Problem =
  | { readonly at: 'bad-name'; readonly why: string }
  | { readonly at: 'bad-special-use' }
  | { readonly at: 'denied' }
  | { readonly at: 'exists' }
  | { readonly at: 'not-found' }
  | { readonly at: 'over-quota' }
  | { readonly at: 'special-use-taken' }
  | { readonly at: 'too-many' }
  | { readonly at: 'too-many-keywords' }

export function problem(outcome: Problem): Tagged {
  switch (outcome.at) {
    case 'bad-name':
      return no(`Mailbox name refused: ${outcome.why}`, 'CANNOT')
    case 'bad-special-use':
      return no('No such special use', 'USEATTR') // RFC 6154 §3
    case 'denied':
      return no('Not permitted', 'NOPERM') // RFC 5530 §3
    case 'exists':
      return no('Mailbox exists already', 'ALREADYEXISTS')
    case 'not-found':
      return no('No such mailbox', 'NONEXISTENT')
    case 'over-quota':
      return no('Mailbox is over quota', 'OVERQUOTA')
    case 'special-use-taken':
      return no('Another mailbox has this use', 'USEATTR') // RFC 6154 §3
    case 'too-many':
      return no('Too many mailboxes', 'LIMIT')
    case 'too-many-keywords':
      return no('Too many keywords in this mailbox', 'LIMIT')
  }
}

/** Null: the right is there. Of what one may not look up, it is not told that it exists (RFC 4314 §6). */
export function lacks(mailbox: MailboxView | null, right: Right): Tagged | null {
  if (mailbox === null) return problem({ at: 'not-found' })
  if (mailbox.rights.has(right)) return null
  return problem({ at: mailbox.rights.has('l') ? 'denied' : 'not-found' })
}

/** RFC 9051 §6.3.12, §6.4.7: the target is missing and could be made. */
export const tryCreate = (): Tagged => no('No such mailbox', 'TRYCREATE')

/** docs/rules.md, codes; the reason is the operator's (it is logged), not the client's. */
export const unavailable = (error: StoreError): Tagged =>
  error.kind === 'damaged'
    ? no('Stored data is damaged', 'CORRUPTION')
    : no('Temporary failure, try again later', 'UNAVAILABLE')
