import { createRequire } from 'node:module'

type Saslprep = (text: string) => string

// Its tables are unpacked when it is loaded: not before somebody's password asks for them.
const require = createRequire(import.meta.url)
let loaded: Saslprep | null = null

/** RFC 4013 §2: neither mapping, normalization, prohibition nor the check of directions touches these. */
const UNTOUCHED = /^[ -~]*$/

/** SASLprep (RFC 4013). @throws when a character is prohibited */
export function saslprep(text: string): string {
  if (UNTOUCHED.test(text)) return text
  loaded ??= require('@mongodb-js/saslprep') as Saslprep
  return loaded(text)
}
