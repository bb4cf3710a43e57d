import { parseId } from '../../../protocol/imap/command/id.ts'
import { command, ok, untagged } from '../command.ts'

export const id = command({
  name: 'ID',
  rfc: 'RFC 2971 §3.1',
  capability: 'ID',
  states: ['connected', 'logged-in', 'selected'],
  parse: parseId,
  async *run({ log }, fields) {
    const name = fields?.get('name')
    if (name !== undefined && name !== null) {
      log.info({ event: 'imap.client', name, version: fields?.get('version') ?? null })
    }
    // Choice: the name only; a version would help nobody but those who look for old ones.
    yield untagged('ID ("name" "gavan")')
    return ok('ID completed')
  },
})
