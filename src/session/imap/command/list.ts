import { parseList } from '../../../protocol/imap/command/list.ts'
import { command, ok, untagged } from '../command.ts'
import { listMailboxes, matching, printListed } from '../list.ts'
import { printStatus } from './status.ts'

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
      // RFC 5819 §2: STATUS for what can be selected, after its LIST.
      if (args.returns.status.length > 0 && line.info !== null)
        text += printStatus(line.info, args.returns.status, conversation)
      if (text.length < 16_384) continue
      yield text
      text = ''
    }
    if (text !== '') yield text
    return ok('List completed')
  },
})
