import type { Mailboxes } from '../../../core/contract.ts'
import type { ModSeq, Uid } from '../../../model/ids.ts'
import type { MailboxInfo } from '../../../model/mailbox.ts'
import { parseSelect, type QresyncArgs, type SelectArgs } from '../../../protocol/imap/command/select.ts'
import { toWire } from '../../../protocol/imap/mailbox-name.ts'
import { printAstring } from '../../../protocol/imap/print.ts'
import { holds, printNumbers, resolve } from '../../../protocol/imap/sequence-set.ts'
import { bad, command, ok, untagged, type Answer, type Conversation, type Feature, type Session } from '../command.ts'
import { mailboxIdText } from '../object-id.ts'
import { lacks, problem } from '../problems.ts'
import {
  ALL_UIDS,
  asUidRanges,
  openSelected,
  placeOf,
  printFlags,
  printFlagsFetch,
  sequenceMap,
  type Selected,
} from '../selected.ts'

export const select = command({
  name: 'SELECT',
  rfc: 'RFC 9051 §6.3.2',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseSelect,
  run: (conversation, args) => open(conversation, args, { readOnly: false }),
})

export const examine = command({
  name: 'EXAMINE',
  rfc: 'RFC 9051 §6.3.3',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseSelect,
  run: (conversation, args) => open(conversation, args, { readOnly: true }),
})

async function* open(
  conversation: Conversation<'logged-in' | 'selected'>,
  args: SelectArgs,
  options: { readOnly: boolean },
): Answer {
  const { enabled, input, state } = conversation
  const { handle } = state
  // RFC 7162 §3.2.5: only after ENABLE QRESYNC.
  if (args.qresync !== null && !enabled.has('QRESYNC')) return bad('QRESYNC is not enabled')
  // RFC 9586 §3: the client's numbers are no way to compare notes.
  if (enabled.has('UIDONLY') && args.qresync !== null && args.qresync.match !== null)
    return { status: 'BAD', code: 'UIDREQUIRED', text: 'Message numbers are not used here' }
  if (state.at === 'selected') {
    conversation.become({ at: 'logged-in', handle }) // RFC 9051 §6.3.2: also when what follows fails.
    yield untagged('OK [CLOSED] Previous mailbox closed') // RFC 7162 §3.2.11
  }
  const found = await handle.find(args.mailbox)
  const refused = lacks(found, 'r') // RFC 4314 §4
  if (found === null || refused !== null) return refused ?? problem({ at: 'not-found' })
  if (args.condstore || args.qresync !== null) enabled.add('CONDSTORE')
  const opened = await openSelected(handle, found, { readOnly: options.readOnly, noticed: input.notice })
  if (opened === null) return problem({ at: 'not-found' })
  const { selected, info, keywords } = opened
  conversation.become({ at: 'selected', handle, selected })
  conversation.savedSearch = new Uint32Array(0) // RFC 5182 §2.1
  yield printFlags(keywords, selected) + counters(conversation, info)
  if (args.qresync !== null) yield* resync(handle, selected, { args: args.qresync, enabled })
  // RFC 4314 §5.2.
  return ok(options.readOnly ? 'Examined' : 'Selected', selected.readOnly ? 'READ-ONLY' : 'READ-WRITE')
}

/** Choice: no UNSEEN; it is optional (RFC 3501 §6.3.1) and would cost a scan of the mailbox. */
function counters(session: Session, info: MailboxInfo): string {
  const { enabled } = session
  const form = session.form()
  const rev2 = enabled.has('IMAP4REV2')
  return (
    untagged(`${info.messages} EXISTS`) +
    // Choice: no message is \Recent, so RFC 3501 clients hear 0; IMAP4rev2 has no RECENT.
    (rev2 ? '' : untagged('0 RECENT')) +
    untagged(`OK [UIDVALIDITY ${info.uidValidity}] Uids are valid`) +
    untagged(`OK [UIDNEXT ${info.uidNext}] Predicted next uid`) +
    untagged(`OK [HIGHESTMODSEQ ${info.highestModSeq}] Highest`) +
    untagged(`OK [MAILBOXID (${mailboxIdText(info.mailboxId)})] Ok`) + // RFC 8474 §4.2
    // RFC 9051 §6.3.2 requires it.
    (rev2 ? untagged(`LIST () "/" ${printAstring(toWire(info.name, form), form === 'utf8')}`) : '')
  )
}

/** RFC 7162 §3.2.5: what went and what changed since the client was last here. */
async function* resync(
  handle: Mailboxes,
  selected: Selected,
  { args, enabled }: { args: QresyncArgs; enabled: ReadonlySet<Feature> },
): AsyncGenerator<string, void, void> {
  if (args.uidValidity !== selected.uidValidity) return
  const since = args.modSeq as ModSeq
  // `since` may lie ahead of ours after a restore; then there is nothing to tell.
  const known = args.knownUids === null ? null : resolve(args.knownUids, 0xffffffff)
  const floor = args.match === null ? 0 : matchedUpTo(await sequenceMap(handle, selected), args.match)
  const gone: Uid[] = []
  for (const uid of await handle.expungedSince(selected.mailboxId, since)) {
    if (uid > floor && (known === null || holds(known, uid))) gone.push(uid)
  }
  if (gone.length > 0) yield untagged(`VANISHED (EARLIER) ${printNumbers(gone)}`)
  const ranges = known === null ? ALL_UIDS : asUidRanges(known)
  for await (const batch of handle.entries(selected.mailboxId, ranges, { changedSince: since })) {
    const map = await sequenceMap(handle, selected)
    let text = ''
    for (const entry of batch) {
      const place = placeOf(map, entry.uid)
      if (place >= 0) text += printFlagsFetch(place + 1, entry, { uid: true, modSeq: true, enabled })
    }
    if (text !== '') yield text
  }
}

/** RFC 7162 §3.2.5.2: the highest uid up to which the client's numbers agree with ours. */
function matchedUpTo(map: Uint32Array, match: NonNullable<QresyncArgs['match']>): number {
  let floor = 0
  const numbers = each(match.numbers)
  const uids = each(match.uids)
  for (;;) {
    const number = numbers.next()
    const uid = uids.next()
    if (number.done === true || uid.done === true) return floor
    // Both ascend: past our last number nothing agrees any more.
    if (number.value > map.length || map[number.value - 1] !== uid.value) return floor
    floor = uid.value
  }
}

function* each(ranges: readonly { from: number; to: number }[]): Generator<number, void, void> {
  for (const { from, to } of ranges) for (let n = Math.min(from, to); n <= Math.max(from, to); n++) yield n
}
