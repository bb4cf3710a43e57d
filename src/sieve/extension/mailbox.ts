import { ask, strings, texts } from '../machine.ts'
import type { Extension } from '../spec.ts'

/** RFC 5490 §3. */
export const mailbox: Extension = {
  capability: 'mailbox',
  tests: [
    {
      name: 'mailboxexists',
      args: [{ what: 'the mailboxes', kind: 'strings' }],
      *run(machine, node) {
        for (const name of strings(machine, node, 0))
          if (!(yield* ask<boolean>({ ask: 'mailbox', mailbox: name }))) return false
        return true
      },
    },
  ],
  adds: [
    { to: ['fileinto'], tags: [{ name: 'create' }] },
    { to: ['vacation', 'notify'], tags: [{ name: 'create', needs: 'fcc' }] },
  ],
}

/** RFC 8579 §4: a flag with its backslash, as IMAP has it (RFC 6154 §2). */
const specialUseFlag = (flag: string | number): string | null =>
  /^\\[A-Za-z][A-Za-z0-9$_-]*$/.test(String(flag))
    ? null
    : `“${String(flag).slice(0, 60)}” is no special use, such as "\\\\Junk"`

/** RFC 8579. */
export const specialUse: Extension = {
  capability: 'special-use',
  tests: [
    {
      name: 'specialuse_exists',
      args: [
        { what: 'the mailbox', kind: 'string', optional: true },
        { what: 'the special uses', kind: 'strings' },
      ],
      *run(machine, node) {
        const of = texts(node, 0).length === 0 ? null : strings(machine, node, 0)[0]!
        for (const use of strings(machine, node, 1))
          if (!(yield* ask<boolean>({ ask: 'special-use', use, mailbox: of }))) return false
        return true
      },
    },
  ],
  adds: [
    { to: ['fileinto'], tags: [{ name: 'specialuse', takes: 'string', check: specialUseFlag }] },
    {
      to: ['vacation', 'notify'],
      tags: [{ name: 'specialuse', takes: 'string', check: specialUseFlag, needs: 'fcc' }],
    },
  ],
}

/** RFC 8580. */
export const fcc: Extension = {
  capability: 'fcc',
  adds: [{ to: ['vacation', 'notify'], tags: [{ name: 'fcc', takes: 'string' }] }],
}
