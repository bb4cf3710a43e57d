import { PASSWORD_CHOSEN_MIN_CHARACTERS, PASSWORD_MAX_OCTETS } from '../../model/limits.ts'
import type { Secret } from '../../std/secret.ts'

// Choice: no rule of length or kinds of characters for what an administrator sets; only what no client could send is refused.
/** @returns how the sentence about it ends, or null when it can be one */
export function whyUnfit(password: Secret): string | null {
  const text = password.reveal()
  if (text === '') return 'it is empty'
  if (Buffer.byteLength(text) > PASSWORD_MAX_OCTETS) return `it is longer than ${PASSWORD_MAX_OCTETS} octets`
  if (!text.isWellFormed() || /[\0-\x1f\x7f]/.test(text)) return 'it contains a control character' // RFC 4616 §2.
  return null
}

/** What is wrong with a password that a person chose. */
export type ChosenProblem = 'too-short' | 'is-the-address' | 'unfit'

/** NIST SP 800-63B: a least length, what stands beside it refused, and no kinds of characters asked for. */
export function chosenProblem(password: Secret, address: string): ChosenProblem | null {
  const text = password.reveal()
  if ([...text].length < PASSWORD_CHOSEN_MIN_CHARACTERS) return 'too-short'
  if (whyUnfit(password) !== null) return 'unfit'
  const said = text.toLowerCase()
  return said === address.toLowerCase() || said === address.slice(0, address.lastIndexOf('@')).toLowerCase()
    ? 'is-the-address'
    : null
}
