/** Making and renaming mailboxes of others (RFC 4314 §4). */
import type { Denied, Mailboxes, NameProblem } from '../../core/contract.ts'
import type { MailboxId } from '../../model/ids.ts'
import { NOT_FOUND, placesOf, withRight, type Holder } from './holder.ts'
import { idOf } from './places.ts'

const DENIED: Denied = { at: 'denied' }
const badName = (why: string): NameProblem => ({ at: 'bad-name', why })

export async function renameShared(
  holder: Holder,
  mailboxId: MailboxId,
  name: string,
): ReturnType<Mailboxes['rename']> {
  const places = placesOf(holder)
  return withRight(holder, mailboxId, 'x', async (go, place) => {
    const info = await go.mailboxes.info(go.mailboxId)
    const named = await places.named(name)
    if (info === null) return NOT_FOUND
    // The letters of an inbox stay its owner's to move.
    if (info.name === 'INBOX') return DENIED
    if (named === null || named.owner.accountId !== place.owner?.accountId) {
      return badName('a shared mailbox stays with its owner')
    }
    if (named.found !== null) return { at: 'exists' }
    if ((await places.above(named))?.may('k').at !== 'go') return DENIED
    for (const child of await go.mailboxes.list()) {
      if (!child.name.startsWith(`${info.name}/`)) continue
      const below = await places.at(idOf(place.owner, child.mailboxId))
      if (below?.may('x').at !== 'go') return DENIED
    }
    const outcome = await go.mailboxes.rename(go.mailboxId, named.ownersName)
    return outcome.at === 'exists' ? DENIED : outcome // It is one that the account knows nothing of.
  })
}

export async function createShared(holder: Holder, name: string): ReturnType<Mailboxes['create']> {
  const places = placesOf(holder)
  const named = await places.named(name)
  // The same for an owner who has given nothing and for one who is not there (RFC 4314 §6).
  if (named === null) return DENIED
  if (named.found !== null) return { at: 'exists' }
  const above = (await places.above(named))?.may('k')
  if (above?.at !== 'go') return DENIED
  const outcome = await above.mailboxes.create(named.ownersName, null)
  if (outcome.at === 'exists') return DENIED
  return outcome.at === 'done' ? { at: 'done', mailboxId: idOf(named.owner, outcome.mailboxId) } : outcome
}
