import { parseEnable } from '../../../protocol/imap/command/enable.ts'
import { watchEntries } from '../metadata.ts'
import { dropNumbered } from '../search/updating.ts'
import { command, ok, untagged, type Feature } from '../command.ts'

/** By the name in the ENABLE command; the response uses the registered spelling. */
const FEATURES: ReadonlyMap<string, Feature> = new Map<string, Feature>([
  ['CONDSTORE', 'CONDSTORE'],
  ['METADATA', 'METADATA'],
  ['QRESYNC', 'QRESYNC'],
  ['IMAP4REV2', 'IMAP4REV2'],
  ['UIDONLY', 'UIDONLY'],
  ['UTF8=ACCEPT', 'UTF8=ACCEPT'],
])

const spelling = (feature: Feature): string => (feature === 'IMAP4REV2' ? 'IMAP4rev2' : feature)

export const enable = command({
  name: 'ENABLE',
  rfc: 'RFC 9051 §6.3.1',
  capability: 'ENABLE',
  // Interop: RFC 5161 §3.1 forbids it once a mailbox is selected, RFC 9051 does not say so and clients do it.
  states: ['logged-in', 'selected'],
  parse: parseEnable,
  async *run(conversation, names) {
    const { enabled, input, state } = conversation
    const fresh: Feature[] = []
    for (const name of names) {
      const feature = FEATURES.get(name)
      if (feature === undefined || enabled.has(feature)) continue
      enabled.add(feature)
      if (feature === 'QRESYNC') enabled.add('CONDSTORE') // RFC 7162 §3.2.3
      // RFC 9586 §3: no number is told from here on.
      if (feature === 'UIDONLY' && state.at === 'selected') dropNumbered(state.selected)
      if (feature === 'METADATA') conversation.entries = watchEntries(state.handle, input.notice)
      fresh.push(feature)
    }
    yield untagged(`ENABLED${fresh.map((feature) => ` ${spelling(feature)}`).join('')}`)
    return ok('Enabled')
  },
})
