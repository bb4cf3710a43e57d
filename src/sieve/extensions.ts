/** All extensions there are. One more is one more file and one more line. */
import { createCatalog } from './catalog.ts'
import type { Extension } from './spec.ts'
import { body } from './extension/body.ts'
import { copy } from './extension/copy.ts'
import { core } from './extension/core.ts'
import { date, index } from './extension/date.ts'
import { duplicate } from './extension/duplicate.ts'
import { editheader } from './extension/editheader.ts'
import { enotify } from './extension/enotify.ts'
import { envelope, subaddress } from './extension/envelope.ts'
import { environment } from './extension/environment.ts'
import { fileinto } from './extension/fileinto.ts'
import { ihave } from './extension/ihave.ts'
import { imap4flags } from './extension/imap4flags.ts'
import { include } from './extension/include.ts'
import { fcc, mailbox, specialUse } from './extension/mailbox.ts'
import { comparators, encodedCharacter, regex, relational } from './extension/matching.ts'
import { extracttext, foreverypart, mime } from './extension/mime.ts'
import { ereject, reject } from './extension/reject.ts'
import { vacation, vacationSeconds } from './extension/vacation.ts'
import { variables } from './extension/variables.ts'

const EXTENSIONS: readonly Extension[] = [
  core, fileinto, envelope, encodedCharacter, ...comparators, copy, body, variables, vacation, vacationSeconds,
  relational, imap4flags, subaddress, regex, date, index, include, editheader, duplicate, mailbox, specialUse, fcc, mime,
  foreverypart, extracttext, reject, ereject, enotify, environment, ihave,
] // prettier-ignore

export const CATALOG = createCatalog(EXTENSIONS)

/** Capabilities that a script may require, as ManageSieve's SIEVE tells them (RFC 5804 §1.7). */
export const SIEVE_EXTENSIONS: readonly string[] = [...CATALOG.capabilities.keys()]

/** Methods of `notify`, as ManageSieve's NOTIFY tells them. */
export const NOTIFY_METHODS: readonly string[] = ['mailto']
