/** What every script has (RFC 5228 §3 to §5). */
import type { Command, Extension, Node, Steps } from '../spec.ts'
import { runBlock, runTest } from '../evaluate.ts'
import { cancelKeep, forbidWith, keepLetter } from '../deliver.ts'
import { findFields } from '../fields.ts'
import {
  act,
  hasTag,
  ScriptError,
  string,
  strings,
  tagNumber,
  tell,
  constants,
  type Flow,
  type Machine,
  spend,
} from '../machine.ts'
import { createMatcher, matchAny, matchCount } from '../match/match.ts'
import {
  addressPart,
  parseSieveAddress,
  readAddresses,
  type AddressPart,
  type LetterAddress,
} from '../message/address.ts'
import type { Field } from '../message/edited-header.ts'
import { printAddress, sameAddress } from '../../format/address/address.ts'
import { mimeValues } from './mime.ts'

/** RFC 5228 §5.1: only headers that hold addresses. Pigeonhole's list. */
const ADDRESS_HEADERS = new Set([
  'from', 'to', 'cc', 'bcc', 'sender', 'resent-from', 'resent-to', 'reply-to', 'resent-reply-to', 'resent-sender',
  'resent-cc', 'resent-bcc', 'for-approval', 'for-handling', 'for-comment', 'apparently-to', 'errors-to', 'delivered-to',
  'return-receipt-to', 'x-admin', 'read-receipt-to', 'x-confirm-reading-to', 'return-receipt-requested',
  'registered-mail-reply-requested-by', 'mail-followup-to', 'mail-reply-to', 'abuse-reports-to', 'x-complaints-to',
  'x-report-abuse-to', 'x-beenthere', 'x-original-from', 'x-original-to', 'return-path', 'disposition-notification-to',
]) // prettier-ignore

function* runIf(machine: Machine, node: Node): Steps<Flow> {
  for (let branch: Command | null = node as Command; branch !== null; branch = branch.next) {
    const test = branch.tests[0]
    if (test !== undefined && !(yield* runTest(machine, test))) continue
    machine.frame.reasons.push(branch.line)
    const flow = yield* runBlock(machine, branch.block)
    machine.frame.reasons.pop()
    return flow
  }
  return null
}

export const addressPartOf = (node: Node): AddressPart =>
  (['localpart', 'domain', 'user', 'detail'] as const).find((part) => hasTag(node, part)) ?? 'all'

/** RFC 5233 §4: null, there are no details. */
export const separatorOf = (machine: Machine): string | null =>
  machine.environment.detailSeparator === undefined ? '+' : machine.environment.detailSeparator

export const ADDRESS_PART_TAGS = ['localpart', 'domain', 'all'].map((name) => ({ name, group: 'address-part' }))

/** Runs `then` on what may have to be asked for. */
function withFields<T>(found: Field[] | Steps<Field[]>, then: (fields: Field[]) => T): T | Steps<T> {
  if (Array.isArray(found)) return then(found)
  return (function* () {
    return then(yield* found)
  })()
}

/** Read once, however many tests look at them. */
const ADDRESSES = new WeakMap<Field, readonly LetterAddress[]>()

function addressesOf(machine: Machine, field: Field): readonly LetterAddress[] {
  const known = ADDRESSES.get(field)
  if (known !== undefined) return known
  const raw = field.raw()
  spend(machine, raw.length >> 2)
  const addresses = readAddresses(raw)
  ADDRESSES.set(field, addresses)
  return addresses
}

function testAddress(machine: Machine, node: Node): boolean | Steps<boolean> {
  const match = node.match!
  const keys = strings(machine, node, 1)
  const part = addressPartOf(node)
  const separator = separatorOf(machine)
  const names = strings(machine, node, 0).filter((name) => ADDRESS_HEADERS.has(name.toLowerCase()))
  return withFields(findFields(machine, node, names), (fields) => {
    const addresses = fields.flatMap((field) => addressesOf(machine, field))
    if (match.type === 'count') return matchCount(machine, match, addresses.length, keys)
    const matcher = createMatcher(machine, match, keys)
    return addresses.some((address) => {
      const text = addressPart(address, part, separator)
      return text !== null && matcher(text)
    })
  })
}

function testHeader(machine: Machine, node: Node): boolean | Steps<boolean> {
  const match = node.match!
  const keys = strings(machine, node, 1)
  return withFields(findFields(machine, node, strings(machine, node, 0)), (fields) => {
    const values = hasTag(node, 'mime') ? mimeValues(machine, node, fields) : null
    if (values !== null) return matchAny(machine, match, values, keys)
    if (match.type === 'count') return matchCount(machine, match, fields.length, keys)
    const matcher = createMatcher(machine, match, keys)
    return fields.some((field) => matcher(field.text()))
  })
}

function* testExistsInParts(machine: Machine, node: Node): Steps<boolean> {
  for (const name of strings(machine, node, 0)) {
    const found = findFields(machine, node, [name])
    const fields = Array.isArray(found) ? found : yield* found
    if (fields.length === 0) return false
  }
  return true
}

export const core: Extension = {
  capability: null,
  commands: [
    {
      name: 'require',
      first: true,
      args: [{ what: 'the names of extensions', kind: 'strings', constant: true }],
      check(node, checker) {
        for (const name of constants(node, 0)) checker.require(node, name, 'now')
      },
      run: () => null,
    },
    { name: 'if', tests: 'one', block: true, run: runIf },
    { name: 'elsif', tests: 'one', block: true, after: ['if', 'elsif'], run: runIf },
    { name: 'else', block: true, after: ['if', 'elsif'], run: runIf },
    { name: 'stop', run: () => 'stop' },
    {
      name: 'keep',
      run(machine, node) {
        keepLetter(machine, node)
        return null
      },
    },
    {
      name: 'discard',
      run(machine, node) {
        machine.keeps = false
        tell(machine, node, 'action', 'discarded, unless something else keeps it')
        return null
      },
    },
    {
      name: 'redirect',
      args: [
        {
          what: 'the address',
          kind: 'string',
          check: (text) =>
            parseSieveAddress(String(text)) === null ? `“${String(text).slice(0, 100)}” is no address` : null,
        },
      ],
      run(machine, node) {
        const written = string(machine, node, 0)
        const parsed = parseSieveAddress(written)
        // RFC 5228 §2.4.2.3: an error when it runs.
        if (parsed === null) throw new ScriptError(`“${written.slice(0, 100)}” is no address`)
        forbidWith(machine, node, ['reject'])
        cancelKeep(machine, node)
        const { address } = parsed
        const text = `redirected to ${printAddress(address)}`
        // Choice: once to each address, as Pigeonhole.
        if (machine.actions.some((other) => other.do === 'redirect' && sameAddress(other.address, address))) {
          tell(machine, node, 'note', `${text} before already`)
          return null
        }
        if (++machine.redirects > machine.limits.redirects)
          throw new ScriptError(`more than ${machine.limits.redirects} redirects`) // RFC 5228 §4.2, §10
        act(machine, node, { do: 'redirect', line: node.line, header: machine.header.version(), address }, text)
        return null
      },
    },
  ],
  tests: [
    {
      name: 'address',
      matching: true,
      tags: ADDRESS_PART_TAGS,
      args: [
        {
          what: 'the names of headers',
          kind: 'strings',
          check: (name) =>
            ADDRESS_HEADERS.has(String(name).toLowerCase())
              ? null
              : `the header “${String(name).slice(0, 60)}” is not known to hold addresses`,
        },
        { what: 'the keys', kind: 'strings' },
      ],
      run: testAddress,
    },
    {
      name: 'allof',
      tests: 'list',
      *run(machine, node) {
        for (const test of node.tests) if (!(yield* runTest(machine, test))) return false
        return true
      },
    },
    {
      name: 'anyof',
      tests: 'list',
      *run(machine, node) {
        for (const test of node.tests) if (yield* runTest(machine, test)) return true
        return false
      },
    },
    {
      name: 'exists',
      args: [{ what: 'the names of headers', kind: 'strings' }],
      run(machine, node) {
        if (hasTag(node, 'mime')) return testExistsInParts(machine, node)
        return strings(machine, node, 0).every((name) => machine.header.named(name).length > 0)
      },
    },
    { name: 'false', run: () => false },
    { name: 'true', run: () => true },
    {
      name: 'header',
      matching: true,
      args: [
        { what: 'the names of headers', kind: 'strings' },
        { what: 'the keys', kind: 'strings' },
      ],
      run: testHeader,
    },
    {
      name: 'not',
      tests: 'one',
      *run(machine, node) {
        return !(yield* runTest(machine, node.tests[0]!))
      },
    },
    {
      name: 'size',
      tags: [
        { name: 'over', group: 'limit', takes: 'number' },
        { name: 'under', group: 'limit', takes: 'number' },
      ],
      check(node, checker) {
        if (!hasTag(node, 'over') && !hasTag(node, 'under')) checker.problem(node, '“size” wants “:over” or “:under”')
      },
      run(machine, node) {
        const over = tagNumber(node, 'over')
        const size = machine.letter.sizeOctets
        return over === null ? size < tagNumber(node, 'under')! : size > over // RFC 5228 §5.9: neither at the limit.
      },
    },
  ],
}
