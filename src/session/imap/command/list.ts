import { parseList } from '../../../protocol/imap/command/list.ts'
import { command, ok, untagged } from '../command.ts'
import { listMailboxes, matching, printListed } from '../list.ts'
import { listMetadata } from '../metadata.ts'
import { printMyRights } from '../my-rights.ts'
import { statusOf } from './status.ts'

export const list = command({
  name: 'LIST',
  rfc: 'RFC 9051 §6.3.9',
  capability: 'LIST-EXTENDED',
  states: ['logged-in', 'selected'],
  parse: parseList,
  async *run(conversation, args) {
    const { enabled, form, state } = conversation
    // RFC 9051 §6.3.9: an empty pattern asks for the delimiter.
    if (!args.extended && args.patterns[0] === '') {
      yield untagged('LIST (\\Noselect) "/" ""')
      return ok('List completed')
    }
    if (args.returns.status.includes('HIGHESTMODSEQ')) enabled.add('CONDSTORE')
    const tree = await listMailboxes(state.handle)
    let text = ''
    for (const line of matching(tree, args)) {
      text += printListed('LIST', line, form())
      if (line.info !== null && line.chosen) {
        const { status, metadata, myRights } = args.returns
        // RFC 5819 §2: STATUS for what can be selected, after its LIST; RFC 4314 §4: and read.
        if (status.length > 0 && line.info.rights.has('r'))
          text += await statusOf(state.handle, line.info, status, conversation)
        if (myRights) text += printMyRights(conversation, line.info)
        if (metadata.length > 0) {
          yield text
          text = ''
          yield* listMetadata(conversation, line.info, metadata)
        }
      }
      if (text.length < 16_384) continue
      yield text
      text = ''
    }
    if (text !== '') yield text
    return ok('List completed')
  },
})
