import { parseThread, type ThreadArgs } from '../../../protocol/imap/command/thread.ts'
import { never } from '../../../std/assert.ts'
import { createBreather, type Breather } from '../breather.ts'
import { command, ok, type Answer, type Conversation } from '../command.ts'
import { findMessages } from '../search/find.ts'
import { printForest, type Forest } from '../thread/forest.ts'
import { threadBySubject } from '../thread/ordered-subject.ts'
import { threadByReferences, threadByRefs } from '../thread/references.ts'
import { readThreadRows, type ThreadRows } from '../thread/rows.ts'
import { requireUids } from '../uid-only.ts'

export const thread = command({
  name: 'THREAD',
  rfc: 'RFC 5256 §3',
  capability: 'THREAD=REFERENCES',
  states: ['selected'],
  tells: 'no-expunge', // RFC 5256 §3
  parse: parseThread,
  run: (conversation, args) => threadFound(conversation, args, 'number'),
})

export const uidThread = command({
  name: 'UID THREAD',
  rfc: 'RFC 5256 §3',
  capability: null,
  states: ['selected'],
  parse: parseThread,
  run: (conversation, args) => threadFound(conversation, args, 'uid'),
})

async function* threadFound(conversation: Conversation<'selected'>, args: ThreadArgs, by: 'number' | 'uid'): Answer {
  requireUids(conversation.enabled, args.key)
  const { handle, selected } = conversation.state
  const found = await findMessages(conversation, args.key)
  const breathe = createBreather(conversation.clock)
  const what = { mailboxId: selected.mailboxId, uids: found.uids }
  const rows = await readThreadRows(handle, what, { references: args.algorithm !== 'ORDEREDSUBJECT' }, breathe)
  const forest = await threadsOf(args, rows, breathe)
  const names = by === 'uid' ? found.uids : found.numbers
  yield rows.count === 0 ? '* THREAD' : '* THREAD '
  yield* printForest(forest, (message) => names[rows.places[message]!]!, breathe)
  yield '\r\n'
  return ok('Thread completed')
}

async function threadsOf({ algorithm }: ThreadArgs, rows: ThreadRows, breathe: Breather): Promise<Forest> {
  switch (algorithm) {
    case 'ORDEREDSUBJECT':
      return threadBySubject(rows, breathe)
    case 'REFERENCES':
      return threadByReferences(rows, breathe)
    case 'REFS':
      return threadByRefs(rows, breathe)
    default:
      return never(algorithm)
  }
}
