/**
 * What is found out about letters that strangers bring (port 25) before they are kept. What is found decides together, in
 * points, and each finding says why in one line. A check that cannot be made is never an error: no letter is lost over it.
 */
import type { Authentication, DmarcObservation } from '../../mailauth/contract.ts'
import type { Envelope } from '../../model/envelope.ts'
import type { TraceId } from '../../model/ids.ts'
import type { SmtpReply } from '../../model/reply.ts'
import type { SeenMessage } from '../contract.ts'

/** A letter that begins to come in. */
export type Arrival = {
  readonly remoteAddress: string
  /** As given at EHLO. */
  readonly helo: string
  readonly envelope: Envelope
  readonly traceId: TraceId
}

/** One reason for or against a letter, told to people as it is. */
export type Finding = {
  /** Which check: `spf`, `dmarc`, `dnsbl`, … */
  readonly by: string
  /** Above 0 it speaks for junk. JUNK_POINTS together is junk. */
  readonly points: number
  /** One clause, e.g. `192.0.2.1 is listed at dnsbl.example`. Printable ASCII; nothing long of a stranger's. */
  readonly says: string
}

export type Verdict = {
  readonly authentication: Authentication
  readonly findings: readonly Finding[]
  readonly points: number
  readonly junk: boolean
  /** Null: it is taken. */
  readonly refused: SmtpReply | null
}

export type LetterScreening = {
  /** The content as it comes, without what is put before it here. */
  push(chunk: Uint8Array): void
  /** There will be no more of it. */
  abort(): void
  /** Once the content is there. `fields`: to stand before it, whole, with their CRLF. Never throws. */
  finish(seen: SeenMessage): Promise<{ readonly verdict: Verdict; readonly fields: string }>
}

export type Screening = {
  /** Whose Authentication-Results nobody else may say; lower-case. */
  readonly authservId: string
  /** Null: letters of this visitor are not looked at. What needs no content begins at once. */
  begin(arrival: Arrival): LetterScreening | null
}

/** Hears of each letter that a DMARC report is to count. */
export type DmarcObserver = (observation: DmarcObservation) => void

/** A letter that is there whole, and not kept yet. */
export type ArrivedLetter = {
  readonly arrival: Arrival
  /** Of what `read` has: our Received field, then the content as it came. */
  readonly sizeOctets: number
  /** Octets [start, end). @throws StoreError */
  read(start: number, end: number): Promise<Uint8Array>
}

export type Examined = { readonly findings: readonly Finding[]; readonly refused: SmtpReply | null }

/** Another program that looks at whole letters. */
export type Examiner = {
  /** In the log and the metrics: `clamav`, `rspamd`. */
  readonly name: string
  /** Rejects when nothing could be found out; soon once the signal fires. */
  examine(letter: ArrivedLetter, signal: AbortSignal): Promise<Examined>
}

export type Examiners = {
  /** Never rejects. */
  examine(letter: ArrivedLetter): Promise<Examined>
}
