import { SIEVE_SCRIPT_NAME_MAX_OCTETS } from '../../model/limits.ts'

// RFC 5804 §1.6.
const PROHIBITED = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

/** @returns the name as it is kept (Net-Unicode, RFC 5198: in NFC), or null when it may not be one */
export function scriptName(text: string): string | null {
  const name = text.normalize('NFC')
  if (name === '' || Buffer.byteLength(name) > SIEVE_SCRIPT_NAME_MAX_OCTETS) return null
  return PROHIBITED.test(name) || !name.isWellFormed() ? null : name
}
