import { parseLsub } from '../../../protocol/imap/command/list.ts'
import { command, ok } from '../command.ts'
import { listMailboxes, lsubLines, printListed } from '../list.ts'

export const lsub = command({
  name: 'LSUB',
  rfc: 'RFC 3501 §6.3.9',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseLsub,
  async *run({ state, form }, { reference, pattern }) {
    const tree = await listMailboxes(state.handle)
    let text = ''
    for (const listed of lsubLines(tree, reference + pattern)) text += printListed('LSUB', listed, form())
    if (text !== '') yield text
    return ok('Lsub completed')
  },
})
