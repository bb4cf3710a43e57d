/** What a seed would have: the world's domains, and its mail. */
import type { Address } from '../../src/model/address.ts'
import type { DsnNotify } from '../../src/model/envelope.ts'
import type { Chance } from './chance.ts'
import type { SimMessage } from './ledger.ts'
import type { Domain, Host } from './network.ts'

/** Targets of the alias list@here.test. */
export const LIST = ['anna@here.test', 'list@d0.test', 'list@d1.test']

export const asAddress = (text: string): Address => {
  const at = text.lastIndexOf('@')
  return { localPart: text.slice(0, at), domain: text.slice(at + 1) }
}

export const notifyOf = (notify: 'never' | 'all'): DsnNotify =>
  notify === 'never' ? 'never' : ['success', 'failure', 'delay']

export function drawDomains(chance: Chance): Domain[] {
  return Array.from({ length: chance.between(2, 5) }, (_, d) => ({
    name: `d${d}.test`,
    hosts: Array.from({ length: chance.pick([1, 1, 2, 3]) }, (__, h): Host => ({
      name: `mx${h}.d${d}.test`,
      address: `198.51.100.${10 * d + h + 1}`,
      keywords: [
        '8BITMIME',
        'SIZE 1000000',
        ...['PIPELINING', 'DSN', 'CHUNKING', 'STARTTLS'].filter(() => chance.often(0.6)),
      ],
    })),
  }))
}

/** A message as the seed would have it. */
export function drawMessage(
  chance: Chance,
  domains: readonly Domain[],
  id: number,
): { message: SimMessage; to: readonly string[] } {
  const local = new Set<string>()
  const foreign = new Set<string>()
  const to = new Set<string>()
  const add = (kind: string, n: number): void => {
    if (kind === 'local') {
      const name = chance.pick(['anna@here.test', 'bert@here.test'])
      to.add(name)
      local.add(name)
    } else if (kind === 'foreign') {
      const name = `u${n}.m${id}@${chance.pick(domains).name}`
      to.add(name)
      foreign.add(name)
    } else {
      to.add('list@here.test')
      for (const target of LIST) (target.endsWith('@here.test') ? local : foreign).add(target)
    }
  }
  const isSubmission = chance.often(0.6)
  const count = chance.pick([1, 2, 5, 20, 60], [10, 5, 3, 1, 0.3])
  for (let n = 0; n < count; n++)
    add(isSubmission ? chance.pick(['local', 'foreign', 'list'], [1, 6, 1]) : chance.pick(['local', 'list']), n)
  const lines = chance.pick([0, 1, 5, 2000], [1, 3, 3, 0.2])
  let body = ''
  for (let n = 0; n < lines; n++) body += `${chance.pick(['', '.', '..', '.x '])}line ${n} of ${id}\r\n`
  return {
    message: {
      id,
      sender: isSubmission
        ? chance.pick(['anna@here.test', 'bert@here.test'])
        : chance.pick(['stranger@there.test', null]),
      verified: isSubmission,
      notify: isSubmission ? chance.pick(['default', 'never', 'all'], [4, 1, 1]) : 'default',
      body,
      local: [...local],
      foreign: [...foreign],
      state: 'offered',
    },
    to: [...to],
  }
}
