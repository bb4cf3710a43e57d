import { parseNotify } from '../../../protocol/imap/command/notify.ts'
import { command, ok } from '../command.ts'
import { printStatuses } from '../notify/tell.ts'
import { openNotify, silence } from '../notify/watch.ts'
import { tellChanges } from '../selected.ts'

export const notify = command({
  name: 'NOTIFY',
  rfc: 'RFC 5465 §3.1',
  capability: 'NOTIFY',
  states: ['logged-in', 'selected'],
  parse: parseNotify,
  async *run(conversation, args) {
    const { enabled, input, log, state } = conversation
    const { handle } = state
    if (!args.set) {
      conversation.notify?.stop()
      conversation.notify = silence()
      return ok('No more notifications')
    }
    if (args.selected?.items.some(({ item }) => item === 'MODSEQ') === true) enabled.add('CONDSTORE') // RFC 7162 §3.1
    const { notify: opened, mailboxes } = await openNotify(handle, args, input.notice)
    conversation.notify?.stop()
    conversation.notify = opened
    // RFC 5465 §3.1: what has gathered up to here is told, whatever is wanted from here on.
    if (state.at === 'selected') yield* tellChanges(handle, state.selected, { expunge: true, enabled, log })
    const selectedId = state.at === 'selected' ? state.selected.mailboxId : null
    if (args.status) yield* printStatuses(conversation, opened, mailboxes, selectedId)
    return ok('Notifications are set')
  },
})
