import { IMAP_NESTING_BEFORE_LOGIN_MAX, IMAP_NESTING_MAX } from '../../model/limits.ts'

/** How deep parentheses may go (CVE-2026-27857). */
export const nestingMax = (loggedIn: boolean): number => (loggedIn ? IMAP_NESTING_MAX : IMAP_NESTING_BEFORE_LOGIN_MAX)
