import type { Brand } from '../std/brand.ts'

export type AccountId = Brand<number, 'AccountId'>
export type MailboxId = Brand<number, 'MailboxId'>
/** A message's content within one account; entries of several mailboxes may share it (RFC 8474 EMAILID). */
export type MessageKey = Brand<number, 'MessageKey'>
export type QueueId = Brand<number, 'QueueId'>
/** RFC 9051 §2.3.1.1: 1 … 4294967295, ascending in a mailbox, never reused. */
export type Uid = Brand<number, 'Uid'>
export type UidValidity = Brand<number, 'UidValidity'>
/** RFC 7162 §3.1: counts an account's changes. Fits 53 bits here; the RFC allows 63. */
export type ModSeq = Brand<number, 'ModSeq'>
/** Follows one message through the log, from connection to mailbox or remote answer. */
export type TraceId = Brand<string, 'TraceId'>
