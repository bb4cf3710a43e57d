/**
 * What is found out about letters that strangers bring (port 25) before they are kept. Gates are asked while the envelope
 * is made, examiners once the letter is there; what they find decides together, in points, and each finding says why in
 * one line. A check that cannot be made is a finding too, and never an error: no stranger's mail is lost over it.
 */
import type { Authentication, DmarcObservation } from '../../mailauth/contract.ts'
import type { ReversePath } from '../../model/address.ts'
import type { TlsFacts } from '../../model/connection.ts'
import type { Envelope, Recipient } from '../../model/envelope.ts'
import type { AccountId, TraceId } from '../../model/ids.ts'
import type { SmtpReply } from '../../model/reply.ts'
import type { StagedMessage } from '../contract.ts'

/** Who is at the other end. */
export type Visitor = {
  /** Of the connection, as in the log. */
  readonly cid: string
  readonly address: string
  /** Empty before EHLO. */
  readonly helo: string
  readonly tls: TlsFacts | null
}

/** One reason for or against a letter, told to people as it is. */
export type Finding = {
  /** Which check: `spf`, `dmarc`, `dnsbl`, `correspondent`, `words`, `rspamd`, … */
  readonly by: string
  /** Above 0 it speaks for junk, below for good mail. JUNK_POINTS together is junk. */
  readonly points: number
  /** One clause, e.g. `192.0.2.1 is listed at dnsbl.example (127.0.0.2)`. Printable; nothing long of a stranger's. */
  readonly says: string
}

export type Passed = { readonly at: 'passed'; readonly findings: readonly Finding[] }
export type Refused = { readonly at: 'refused'; readonly reply: SmtpReply; readonly finding: Finding }

/** What the checks remember of one connection from one question to the next. */
export type Visit = {
  /** Before the greeting; may wait (early talkers). */
  greeted(): Promise<Passed | Refused>
  sender(visitor: Visitor, reversePath: ReversePath): Promise<Passed | Refused>
  recipient(visitor: Visitor, reversePath: ReversePath, recipient: Recipient): Promise<Passed | Refused>
}

/** Asked while a transaction is made, before there is a letter. What it finds counts for the letters that follow. */
export type Gate = {
  readonly name: string
  sender?(visitor: Visitor, reversePath: ReversePath): Promise<Passed | Refused>
  recipient?(visitor: Visitor, reversePath: ReversePath, recipient: Recipient): Promise<Passed | Refused>
}

/** A letter that is there whole, and not kept yet. */
export type ArrivedLetter = {
  readonly visitor: Visitor
  readonly envelope: Envelope
  readonly message: StagedMessage
  readonly traceId: TraceId
  readonly authentication: Authentication
  /** Of the content as it came, without the trace fields put before it here. */
  readonly sizeOctets: number
  /** Octets [start, end) of it. @throws StoreError */
  read(start: number, end: number): Promise<Uint8Array>
}

/** Looks at whole letters; all are asked at once, and have SCREENING_TIMEOUT_MS together. */
export type Examiner = {
  readonly name: string
  examine(letter: ArrivedLetter, signal: AbortSignal): Promise<Passed | Refused>
}

/** What is known of a letter when it is handed out to accounts. */
export type Screened = {
  readonly authentication: Authentication
  readonly findings: readonly Finding[]
}

/** What an account's own experience adds: whom its owner writes with, and the words of what was junk to him. */
export type JunkJudge = {
  judge(
    accountId: AccountId,
    letter: Pick<ArrivedLetter, 'message' | 'read' | 'visitor' | 'envelope' | 'traceId'> & Screened,
  ): Promise<JunkVerdict>
}

export type JunkVerdict = { readonly junk: boolean; readonly points: number; readonly findings: readonly Finding[] }

/** Hears of each letter that a DMARC report is to count. */
export type DmarcObserver = (observation: DmarcObservation) => void
