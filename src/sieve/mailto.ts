/** mailto URIs as a notification method (RFC 5436 §2.1, RFC 6068 §2). */
import { SIEVE_NOTIFY_RECIPIENTS_MAX } from '../model/limits.ts'
import type { Address } from '../model/address.ts'
import { parseAddress, sameAddress } from '../format/address/address.ts'
import { err, ok, type Result } from '../std/result.ts'

export type Mailto = {
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly bcc: readonly Address[]
  readonly subject: string | null
  readonly body: string | null
  readonly fields: readonly (readonly [name: string, value: string])[]
}

/** RFC 3986 §3.1: a scheme. */
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/
const FIELD_NAME = /^[A-Za-z0-9!#$%'*+\-.^_`{|}~]{1,60}$/
/** RFC 5436 §2.7: ignored, since we write them. Choice: all that tell the way, the sender or the form of a letter. */
const IGNORED =
  /^(?:from|sender|reply-to|auto-submitted|received|date|message-id|return-path|references|in-reply-to|content-.*|mime-version|resent-.*|list-.*|dkim-.*|arc-.*|authentication-results)$/
const FIELDS_MAX = 10
const URI_MAX_CHARACTERS = 10_000

/** @returns what is wrong, in plain words */
export function parseMailto(uri: string): Result<Mailto, string> {
  const shown = uri.slice(0, 100)
  if (uri.length > URI_MAX_CHARACTERS) return err(`“${shown}…” is too long for a URI`)
  const scheme = SCHEME.exec(uri)?.[1]?.toLowerCase()
  if (scheme === undefined) return err(`“${shown}” is no URI`)
  if (scheme !== 'mailto') return err(`notifications go by mailto: only, not by ${scheme}:`)
  // RFC 3986 §2: nothing but these; all others are percent-encoded.
  if (!/^[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~[\]]*$/.test(uri)) return err(`“${shown}” holds characters that no URI may`)
  const rest = uri.slice('mailto:'.length)
  const mark = rest.indexOf('?')
  const lists = { to: readList(mark === -1 ? rest : rest.slice(0, mark)), cc: [] as string[], bcc: [] as string[] }
  let subject: string | null = null
  let body: string | null = null
  const fields: [string, string][] = []
  for (const pair of mark === -1 ? [] : rest.slice(mark + 1).split('&')) {
    const equals = pair.indexOf('=')
    const name = decode(pair.slice(0, Math.max(equals, 0)))?.toLowerCase()
    const value = decode(pair.slice(equals + 1))
    if (equals < 1 || name === undefined || value === null || !FIELD_NAME.test(name))
      return err(`“${shown}” is no mailto: URI`)
    if (name === 'to' || name === 'cc' || name === 'bcc') lists[name].push(...value.split(','))
    else if (name === 'subject') subject ??= value
    else if (name === 'body') body ??= value
    else if (!IGNORED.test(name) && fields.length < FIELDS_MAX) fields.push([name, value])
  }
  const addresses: Record<'to' | 'cc' | 'bcc', Address[]> = { to: [], cc: [], bcc: [] }
  for (const kind of ['to', 'cc', 'bcc'] as const) {
    for (const text of lists[kind].map((one) => one.trim()).filter((one) => one !== '')) {
      const address = parseAddress(text)
      if (!address.ok) return err(`“${text.slice(0, 100)}” in a mailto: URI is no address`)
      const known = Object.values(addresses)
        .flat()
        .some((other) => sameAddress(other, address.value))
      if (!known) addresses[kind].push(address.value)
    }
  }
  const count = addresses.to.length + addresses.cc.length + addresses.bcc.length
  if (count === 0) return err(`“${shown}” names no recipient`)
  if (count > SIEVE_NOTIFY_RECIPIENTS_MAX)
    return err(`more than ${SIEVE_NOTIFY_RECIPIENTS_MAX} recipients of a notification`)
  return ok({ ...addresses, subject, body, fields })
}

/** Interop: commas part addresses, encoded or not (RFC 6068 §2 has only the plain ones). */
function readList(text: string): string[] {
  return (decode(text) ?? '%').split(',')
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
