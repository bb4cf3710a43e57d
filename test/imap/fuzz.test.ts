import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { COMMANDS } from '../../src/session/imap/registry.ts'
import { LETTERS } from './letters.ts'
import { logIn, openImapStage } from './stage.ts'

/** Words of the grammar, right and wrong, put together at random: most are BAD, none may throw or go unanswered. */
const WORDS = [
  ...[
    'INBOX',
    'Sent',
    'nowhere',
    'a/b',
    '&Jjo-',
    '&',
    '"a b"',
    '""',
    '"\\""',
    'NIL',
    '*',
    '%',
    '"*"',
    'inbox/%',
    '(* %)',
  ],
  ...['1', '1:*', '*', '*:2', '$', '0', '99', '1,3:2', '4294967295', '4294967296', '1:2,'],
  ...['(', ')', '()', '((', '(\\Seen)', '\\Deleted', 'work', '(\\Recent)', '{3+}\r\nabc', '{0+}\r\n', '~{3+}\r\na\0b'],
  ...['FLAGS', '+FLAGS', '-FLAGS.SILENT', '(UNCHANGEDSINCE 5)', '(CHANGEDSINCE 1)', '(CHANGEDSINCE 1 VANISHED)'],
  ...[
    'ALL',
    'FULL',
    'BODY[]',
    'BODY.PEEK[1.2.MIME]<1.5>',
    'BODY[3.HEADER.FIELDS (Subject)]',
    'BINARY[1]',
    'BINARY.SIZE[2]',
  ],
  ...[
    '(UID FLAGS ENVELOPE BODYSTRUCTURE MODSEQ)',
    '(BODY[3.1] BODY[HEADER] RFC822.SIZE EMAILID THREADID)',
    'RFC822.TEXT',
  ],
  ...[
    'UNSEEN',
    'NOT',
    'OR',
    'SUBJECT',
    'needle',
    'BODY',
    'TEXT',
    'SINCE',
    '1-Jan-2026',
    '"1-Jan-2026"',
    'MODSEQ',
    'UID',
    'KEYWORD',
  ],
  ...[
    'HEADER',
    'LARGER',
    'OLDER',
    'RETURN',
    '(MIN MAX COUNT ALL)',
    '(SAVE)',
    '(SAVE MIN)',
    'CHARSET',
    'UTF-8',
    'EMAILID',
  ],
  ...[
    '(MESSAGES UIDNEXT HIGHESTMODSEQ SIZE)',
    '(STATUS (MESSAGES))',
    '(SUBSCRIBED RECURSIVEMATCH)',
    '(SPECIAL-USE)',
    '(USE (\\Sent))',
  ],
  ...[
    '(CONDSTORE)',
    '(QRESYNC (1 1))',
    '(QRESYNC (1 1 1:5 (1 1)))',
    'CONDSTORE',
    'QRESYNC',
    'IMAP4rev2',
    'UTF8=ACCEPT',
  ],
  ...[
    '(REVERSE DATE SUBJECT)',
    '(DISPLAYFROM SIZE)',
    'REFERENCES',
    'REFS',
    'ORDEREDSUBJECT',
    '(PARTIAL -1:-2)',
    '(UPDATE COUNT)',
    '(PARTIAL 1:2 CHANGEDSINCE 1)',
    'IN (personal)',
    'IN (subtree "" mailboxes (INBOX Sent))',
    '500',
    '1:3',
    '"t7"',
    'UIDONLY',
  ],
  ...[
    'CATENATE (URL "/INBOX/;UID=1")',
    'CATENATE (TEXT {3+}\r\na:b URL "/Sent/;UID=1/;SECTION=TEXT")',
    'SET (selected (MessageNew (UID) MessageExpunge)) (personal (MailboxName))',
    'SET STATUS (subtree INBOX (MessageNew MessageExpunge FlagChange))',
    'NONE',
    'DEFLATE',
    'PREVIEW (LAZY)',
    '"imap://anna%40here.test@mail.here.test/INBOX/;UID=1;URLAUTH=anonymous"',
    'INTERNAL',
  ],
  ...['"17-Jul-1996 02:44:25 -0700"', 'UTF8 (~{3+}\r\na:b)', '"grüße"', '\x7f', 'x]y', '[', '{', '}', '"'],
]
const NAMES = [
  ...COMMANDS.map(({ name }) => name),
  'APPEND',
  'REPLACE',
  'UID REPLACE',
  'UID',
  'UID NOOP',
  'XYZZY',
].filter((name) => !['LOGOUT', 'UNAUTHENTICATE', 'IDLE', 'AUTHENTICATE'].includes(name))

test('any words in any order: each command has its one answer, and nothing of ours throws', async () => {
  const stage = await openImapStage()
  try {
    await stage.fill('INBOX', [LETTERS['tree']!, LETTERS['plain']!, LETTERS['short']!])
    let client = await logIn(stage)
    let refused = 0
    let taken = 0
    const command = fc.tuple(fc.constantFrom(...NAMES), fc.array(fc.constantFrom(...WORDS), { maxLength: 5 }))
    await fc.assert(
      fc.asyncProperty(command, async ([name, words]) => {
        const text = [name, ...words].join(' ')
        const answer = await client.ask(text).catch((error: Error) => error)
        // Too many errors in a row, or the selected mailbox was deleted: a new session goes on.
        if (answer instanceof Error) {
          assert.match(answer.message, /\* BYE /, text)
          client = await logIn(stage)
          return
        }
        assert.match(answer.at(-1)!, /^(OK|NO|BAD) /, text)
        if (answer.at(-1)!.startsWith('BAD')) refused++
        else taken++
        if (answer.some((line) => line.startsWith('* BYE '))) client = await logIn(stage)
        if (refused % 7 === 0) await client.ask('SELECT INBOX').catch(async () => (client = await logIn(stage)))
      }),
      { numRuns: 3000, endOnFailure: true },
    )
    assert.ok(taken > 100, `only ${taken} commands were understood`)
  } finally {
    await stage.stop()
  }
})

test('any octets before login: the session answers or closes, and nothing of ours throws', async () => {
  const stage = await openImapStage()
  try {
    const piece = fc.oneof(
      fc.constantFrom(
        'a ',
        'LOGIN ',
        'AUTHENTICATE PLAIN',
        '\r\n',
        '\r',
        '\n',
        '\0',
        '{2}',
        '{2+}\r\n',
        '"',
        '(',
        '*',
        'ID NIL',
      ),
      fc.string({ maxLength: 5 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const peer = stage.connect()
        for (const text of pieces) peer.send(text)
        peer.end()
        assert.match((await peer.rest()).toString(), /^\* OK /)
      }),
      { numRuns: 300 },
    )
  } finally {
    await stage.stop()
  }
})
