import { printAddress, sameAddress } from '../../format/address/address.ts'
import { fileCopyOf } from '../deliver.ts'
import { act, ScriptError, string, strings, tagString, tell, type Machine, spend } from '../machine.ts'
import { parseMailto } from '../mailto.ts'
import { matchAny, matchCount } from '../match/match.ts'
import { oneLine } from '../message/print.ts'
import type { Extension, Node } from '../spec.ts'
import { fromOf, FROM_TAG, referencesOf } from './vacation.ts'

function readMethod(machine: Machine, uri: string): ReturnType<typeof parseMailto> {
  spend(machine, 10 + (uri.length >> 2))
  return parseMailto(uri)
}

function notify(machine: Machine, node: Node): null {
  const parsed = readMethod(machine, string(machine, node, 0))
  // RFC 5435 §3.2: an error when it runs.
  if (!parsed.ok) throw new ScriptError(parsed.error)
  const { to, cc, bcc, fields, subject: uriSubject, body } = parsed.value
  // RFC 5436 §2.7: not for what a program sent.
  const automatic = machine.header.named('auto-submitted').some((field) => !/^no\s*(?:;|$)/i.test(field.raw()))
  if (automatic) {
    tell(machine, node, 'note', 'not notified: the letter was sent by a program')
    return null
  }
  // RFC 5436 §2.7: each address once for a letter.
  const fresh = (list: typeof to): typeof to =>
    list.filter((address) => !machine.notified.some((other) => sameAddress(other, address)))
  const [freshTo, freshCc, freshBcc] = [fresh(to), fresh(cc), fresh(bcc)]
  const all = [...freshTo, ...freshCc, ...freshBcc]
  if (all.length === 0) {
    tell(machine, node, 'note', 'not notified: all recipients are notified already')
    return null
  }
  machine.notified.push(...all)
  const from = machine.header.named('from')[0]?.text() ?? ''
  const original = machine.header.named('subject')[0]?.text() ?? ''
  // RFC 5436 §2.6, §2.7.
  const subject = tagString(machine, node, 'message') ?? uriSubject ?? original
  const importance = Number(tagString(machine, node, 'importance') ?? '2')
  const id = /<[^<>\s]{1,996}>/.exec(machine.header.named('message-id')[0]?.raw() ?? '')?.[0] ?? null
  act(
    machine,
    node,
    {
      do: 'notify',
      line: node.line,
      header: machine.header.version(),
      to: freshTo,
      cc: freshCc,
      bcc: freshBcc,
      from: fromOf(machine, node),
      subject: oneLine(subject),
      // RFC 5435 §3.6: at least who wrote, and about what.
      body: (body ?? `From: ${oneLine(from)}\nSubject: ${oneLine(original)}\n`).replace(/\r?\n/g, '\r\n'),
      importance: importance === 1 ? 1 : importance === 3 ? 3 : 2,
      fields: fields.map(([name, value]) => [name, oneLine(value)] as const),
      references: referencesOf(machine, id),
      fcc: fileCopyOf(machine, node),
    },
    `notified ${all.map(printAddress).join(', ')}`,
  )
  return null
}

/** RFC 5435 §3.5. */
const OPTION = /^[A-Za-z0-9][A-Za-z0-9._-]*=[^\0\n\r]*$/

/** RFC 5435, with the method mailto (RFC 5436). */
export const enotify: Extension = {
  capability: 'enotify',
  commands: [
    {
      name: 'notify',
      tags: [
        FROM_TAG,
        {
          name: 'importance',
          takes: 'string',
          check: (text) => (/^[123]$/.test(String(text)) ? null : '“:importance” is "1", "2" or "3"'),
        },
        {
          name: 'options',
          takes: 'strings',
          check: (text) => (OPTION.test(String(text)) ? null : '“:options” wants strings such as "name=value"'),
        },
        { name: 'message', takes: 'string' },
      ],
      args: [
        {
          what: 'the method',
          kind: 'string',
          check(uri) {
            const parsed = parseMailto(String(uri))
            return parsed.ok ? null : parsed.error
          },
        },
      ],
      run: notify,
    },
  ],
  tests: [
    {
      name: 'valid_notify_method',
      args: [{ what: 'the methods', kind: 'strings' }],
      run: (machine, node) => strings(machine, node, 0).every((uri) => readMethod(machine, uri).ok),
    },
    {
      name: 'notify_method_capability',
      matching: true,
      args: [
        { what: 'the method', kind: 'string' },
        { what: 'the capability', kind: 'string' },
        { what: 'the keys', kind: 'strings' },
      ],
      run(machine, node) {
        const known = string(machine, node, 1).toLowerCase() === 'online'
        if (!known || !readMethod(machine, string(machine, node, 0)).ok) return false
        // RFC 5436 §2: nobody knows who reads mail when.
        const keys = strings(machine, node, 2)
        const match = node.match!
        return match.type === 'count' ? matchCount(machine, match, 1, keys) : matchAny(machine, match, ['maybe'], keys)
      },
    },
  ],
  // RFC 5435 §6.
  adds: [{ to: ['set', 'extracttext'], tags: [{ name: 'encodeurl', group: 'precedence 15' }] }],
}
