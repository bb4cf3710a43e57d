import { parseCancelUpdate } from '../../../protocol/imap/command/cancel-update.ts'
import { bad, command, ok } from '../command.ts'

export const cancelUpdate = command({
  name: 'CANCELUPDATE',
  rfc: 'RFC 5267 §4.3.5',
  capability: 'CONTEXT=SEARCH',
  states: ['selected'],
  parse: parseCancelUpdate,
  async *run({ state }, tags) {
    const { updates } = state.selected
    if (tags.some((tag) => !updates.has(tag))) return bad('No update has this tag')
    for (const tag of tags) updates.delete(tag)
    return ok('No further updates')
  },
})
