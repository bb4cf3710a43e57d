import { parseIp } from '../../../model/network.ts'
import { reverseName } from '../../../exposure/dns/records.ts'
import { text, type Check, type DoctorInput, type Finding } from '../contract.ts'

const GROUP = 'reputation'

/** RFC 5782: listed means an address in 127.0.0.0/8 for the reversed address under the list's name. */
export function reputationChecks(input: DoctorInput): Check[] {
  const { plan, targets } = input
  const addresses = [...plan.publicAddresses.v4, ...plan.publicAddresses.v6]
  return targets.blocklists.flatMap((list) =>
    addresses.map((address) => ({
      name: `blocklist:${list}:${address}`,
      group: GROUP,
      run: async () => [await listed(list, address, input)],
    })),
  )
}

async function listed(list: string, address: string, { probes }: DoctorInput): Promise<Finding> {
  const base = { id: `blocklist:${list}:${address}`, group: GROUP, label: text(list, list), flaky: true } as const
  const reversed = reverseName(address).replace(/\.(in-addr|ip6)\.arpa$/, '')
  const answer = await probes.resolver.query(`${reversed}.${list}`, 'A')
  if (answer.at === 'no-such-domain' || answer.at === 'no-data')
    return { ...base, state: 'ok', says: text(`does not list ${address}`, `${address} там нет`) }
  if (answer.at === 'failed')
    return { ...base, state: 'not-checked', says: text(`did not answer (${answer.why})`, `не ответил (${answer.why})`) }
  if (answer.records.some(isRefusal))
    return {
      ...base,
      state: 'not-checked',
      says: text(
        'refuses to answer this resolver (public, or asked too often); that is no listing',
        'не отвечает этому DNS-серверу (общий или слишком частые запросы); это не занесение в список',
      ),
    }
  const codes = answer.records.filter(isListing)
  if (codes.length === 0)
    return {
      ...base,
      state: 'not-checked',
      says: text(
        `gave no answer of a blocklist (${answer.records.join(', ')})`,
        `ответ не похож на ответ списка (${answer.records.join(', ')})`,
      ),
    }
  return {
    ...base,
    state: 'problem',
    says: text(`lists ${address} (${codes.join(', ')})`, `${address} в списке (${codes.join(', ')})`),
    fix: [
      text(
        `look it up at the list's own site and ask to be removed`,
        'найдите адрес на сайте списка и попросите убрать',
      ),
    ],
  }
}

/** What lists answer to those whom they do not serve: 127.255.255.0/24 by Spamhaus and others after it. */
const isRefusal = (address: string): boolean => address.startsWith('127.255.255.')

/** RFC 5782 §2.1; 127.0.0.1 is no listing (§5: it is what must not be listed). */
function isListing(address: string): boolean {
  const [first] = parseIp(address) ?? []
  return first === 127 && address !== '127.0.0.1' && !isRefusal(address)
}
