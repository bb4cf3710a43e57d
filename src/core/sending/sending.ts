import type { AccountId } from '../../model/ids.ts'
import { SENDING_WINDOW_HOURS } from '../../model/limits.ts'
import { HOUR, type Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { DirectoryReads } from '../../store/contract.ts'
import type { Sending, SendingLimit, SendingRefusal } from './contract.ts'

type Hours = Awaited<ReturnType<DirectoryReads['sending']>>['hours']

export function createSending(parts: { directory: DirectoryReads; clock: Clock; log: Log }): Sending {
  const { directory, clock, log } = parts
  const look = async (accountId: AccountId, usual: SendingLimit) => {
    const { limit, hours } = await sentInADay(directory, accountId, Math.floor(clock.now() / HOUR))
    return { limit: limit ?? usual, hours }
  }
  return {
    async of(accountId, usual) {
      const { limit, hours } = await look(accountId, usual)
      return { limit, sent: { messages: sumOf(hours, 'messages'), recipients: sumOf(hours, 'recipients') } }
    },
    async refusal(accountId, usual, recipients) {
      const { limit, hours } = await look(accountId, usual)
      const found =
        refusalOf('messages', hours, limit.messages, 1) ?? refusalOf('recipients', hours, limit.recipients, recipients)
      if (found !== null) log.warn({ event: 'sending.limit.reached', accountId, ...found, recipients })
      return found
    },
  }
}

/** @param hour the present one, since the epoch */
export const sentInADay = (directory: DirectoryReads, accountId: AccountId, hour: number) =>
  directory.sending(accountId, { from: hour - SENDING_WINDOW_HOURS + 1, to: hour })

const sumOf = (hours: Hours, what: SendingRefusal['what']): number => hours.reduce((sum, each) => sum + each[what], 0)

/** What was sent in an hour leaves the count as a whole, when its beginning is a day ago. */
function refusalOf(what: SendingRefusal['what'], hours: Hours, max: number, more: number): SendingRefusal | null {
  let sum = sumOf(hours, what) + more
  if (sum <= max) return null
  for (const each of hours) {
    sum -= each[what]
    if (sum <= max) return { what, max, freeAt: (each.hour + SENDING_WINDOW_HOURS) * HOUR }
  }
  return { what, max, freeAt: null }
}
