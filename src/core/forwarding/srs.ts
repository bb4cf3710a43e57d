/**
 * The Sender Rewriting Scheme: a stranger's letter that is sent on leaves in a name of ours, so that SPF holds where it goes,
 * and what comes back to that name finds its way to the stranger. Shevek, "The Sender Rewriting Scheme" (2004); the forms
 * are those of libsrs2 and PostSRSd, so that other servers can shorten ours and we theirs.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Address } from '../../model/address.ts'
import { LOCAL_PART_MAX_OCTETS, SRS_HASH_CHARACTERS, SRS_KEPT_DAYS } from '../../model/limits.ts'
import { parseAddress, printAddress } from '../../format/address/address.ts'
import { DAY } from '../../std/clock.ts'

export type Srs = {
  /** The name at `domain` that stands for the sender from now on. */
  rewrite(sender: Address, domain: string, now: number): Address
  /** Null: no name of this kind. */
  open(localPart: string, now: number): Opened | null
}

export type Opened =
  | { readonly at: 'sender'; readonly address: Address }
  /** Forged, damaged or too old; which of these nobody is told. Or the sender's name was too long to come back to. */
  | { readonly at: 'wrong' }

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** Days are counted in two characters of 5 bits each. */
const DAYS_ROUND = 1024

/** `SRS0=hash=day=host=user`; other servers may part the first word from the rest in another way. */
const SRS0 = /^SRS0[=+-]([^=]+)=([A-Za-z2-7]{2})=([^=]*)=(.*)$/is
/** `SRS1=hash=host=` and what followed `SRS0` at that host, with its separator. */
const SRS1 = /^SRS1[=+-]([^=]+)=([^=]+)=([=+-].*)$/is
const ANY_SRS = /^SRS[01][=+-]/i
const THEIR_SRS0 = /^SRS0([=+-].*)$/is

const dayOf = (now: number): number => Math.floor(now / DAY)
const printDay = (day: number): string => {
  const round = day % DAYS_ROUND
  return `${BASE32[round >> 5]}${BASE32[round & 31]}`
}

/** @param keys the first signs, all are good to open with: an old one stays for SRS_KEPT_DAYS */
export function createSrs(keys: readonly [Uint8Array, ...Uint8Array[]]): Srs {
  /**
   * Over the whole number of the day, so that nothing is good again when two characters have gone round. Case is left out:
   * there are servers that return a local part in lower case.
   * Choice: 40 bits, where libsrs2 has 24: each right guess lets a letter from `<>` out.
   */
  function hash(key: Uint8Array, day: number, kind: string, host: string, rest: string): string {
    const digest = createHmac('sha256', key)
      .update(JSON.stringify([kind, day, host.toLowerCase(), rest.toLowerCase()]))
      .digest()
    let text = ''
    for (const octet of digest.subarray(0, SRS_HASH_CHARACTERS)) text += BASE32[octet & 31]
    return text
  }

  function right(given: string, days: readonly number[], kind: string, host: string, rest: string): boolean {
    const said = Buffer.from(given.toUpperCase())
    let found = false
    for (const key of keys)
      for (const day of days) {
        const made = Buffer.from(hash(key, day, kind, host, rest))
        if (said.length === made.length && timingSafeEqual(said, made)) found = true
      }
    return found
  }

  const lastDays = (now: number): number[] => Array.from({ length: SRS_KEPT_DAYS + 1 }, (_, ago) => dayOf(now) - ago)

  function first(host: string, user: string, day: number): string {
    return `SRS0=${hash(keys[0], day, 'SRS0', host, user)}=${printDay(day)}=${host}=${user}`
  }
  /** Their SRS1 carries no day; that ours stands in the hash is nobody else's business. */
  const again = (host: string, rest: string, day: number): string =>
    `SRS1=${hash(keys[0], day, 'SRS1', host, rest)}=${host}=${rest}`

  return {
    rewrite({ localPart, domain: host }, domain, now) {
      const day = dayOf(now)
      const theirs = THEIR_SRS0.exec(localPart)
      const beyond = SRS1.exec(localPart)
      const short =
        theirs !== null
          ? again(host, theirs[1]!, day)
          : beyond !== null
            ? again(beyond[2]!, beyond[3]!, day)
            : first(host, localPart, day)
      const address = { localPart: short, domain }
      // Choice: whose name is too long to be carried leaves in a name that only shows the letter is ours; what comes back to
      // it is refused. A longer local part would be refused by many (RFC 5321 §4.5.3.1.1), and with it the letter.
      return parseAddress(printAddress(address)).ok ? address : { localPart: first('', '', day), domain }
    },

    open(localPart, now) {
      if (!ANY_SRS.test(localPart) || localPart.length > LOCAL_PART_MAX_OCTETS) return null
      const wrong: Opened = { at: 'wrong' }
      const zero = SRS0.exec(localPart)
      if (zero !== null) {
        const [, given = '', day = '', host = '', user = ''] = zero
        const days = lastDays(now).filter((each) => printDay(each) === day.toUpperCase())
        return right(given, days, 'SRS0', host, user) ? asSender(user, host) : wrong
      }
      const one = SRS1.exec(localPart)
      if (one === null) return wrong
      const [, given = '', host = '', rest = ''] = one
      return right(given, lastDays(now), 'SRS1', host, rest) ? asSender(`SRS0${rest}`, host) : wrong
    },
  }
}

function asSender(localPart: string, domain: string): Opened {
  const parsed = parseAddress(printAddress({ localPart, domain }))
  return parsed.ok ? { at: 'sender', address: parsed.value } : { at: 'wrong' }
}

/** The key of this installation for these names alone. */
export function srsKey(installationSecret: Uint8Array): Uint8Array {
  return createHmac('sha256', installationSecret).update('srs').digest()
}
