import { parseGetQuota, parseGetQuotaRoot, parseSetQuota } from '../../../protocol/imap/command/quota.ts'
import { toWire } from '../../../protocol/imap/mailbox-name.ts'
import { printAstring } from '../../../protocol/imap/print.ts'
import type { Quota } from '../../../core/contract.ts'
import { command, no, ok, untagged } from '../command.ts'
import { problem } from '../problems.ts'

/** RFC 9208 §5.1: STORAGE counts in units of so many octets. */
const STORAGE_UNIT_OCTETS = 1024

/** Choice: one quota root for each account, named by its address: all its mailboxes share what it may hold. */
const noSuchRoot = () => no('No such quota root', 'NONEXISTENT')

export const getQuota = command({
  name: 'GETQUOTA',
  rfc: 'RFC 9208 §4.1.1',
  capability: 'QUOTA',
  states: ['logged-in', 'selected'],
  parse: parseGetQuota,
  async *run({ state, utf8 }, { root }) {
    const quota = await state.handle.quotaAt(root)
    if ('at' in quota) return noSuchRoot()
    yield printQuota(root, quota, utf8())
    return ok('Getquota completed')
  },
})

export const getQuotaRoot = command({
  name: 'GETQUOTAROOT',
  rfc: 'RFC 9208 §4.1.2',
  capability: 'QUOTA',
  states: ['logged-in', 'selected'],
  parse: parseGetQuotaRoot,
  async *run({ state, form, utf8 }, { mailbox }) {
    const found = await state.handle.quotaRootOf(mailbox)
    if (found.at !== 'done') return problem(found)
    const name = printAstring(toWire(mailbox, form()), utf8())
    yield (
      untagged(`QUOTAROOT ${name} ${printAstring(found.root, utf8())}`) + printQuota(found.root, found.quota, utf8())
    )
    return ok('Getquotaroot completed')
  },
})

/** QUOTASET is not announced: only the administrator changes what an account may hold, and not by IMAP. */
export const setQuota = command({
  name: 'SETQUOTA',
  rfc: 'RFC 9208 §4.1.3',
  capability: null,
  states: ['logged-in', 'selected'],
  parse: parseSetQuota,
  async *run() {
    return no('Only the administrator sets quotas', 'NOPERM')
  },
})

/** RFC 9208 §4.2.1: what is not limited is not named. */
function printQuota(root: string, quota: Quota, utf8: boolean): string {
  const units = (octets: number, round: (n: number) => number): number => round(octets / STORAGE_UNIT_OCTETS)
  const resources: string[] = []
  if (quota.limitOctets !== null) {
    resources.push(`STORAGE ${units(quota.usedOctets, Math.ceil)} ${units(quota.limitOctets, Math.floor)}`)
  }
  if (quota.limitMessages !== null) resources.push(`MESSAGE ${quota.messages} ${quota.limitMessages}`)
  return untagged(`QUOTA ${printAstring(root, utf8)} (${resources.join(' ')})`)
}
