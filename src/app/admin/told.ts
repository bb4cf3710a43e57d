import { never } from '../../std/assert.ts'
import { printAddress } from '../../format/address/address.ts'
import type { Directory } from '../../core/contract.ts'
import { done, refused, type AdminAnswer } from './api.ts'

type Outcome = Awaited<
  ReturnType<Directory[Exclude<keyof Directory, 'domains' | 'accounts' | 'account' | 'aliases' | 'sending'>]>
>

/** Says what an outcome means for the thing that was named. */
export function told(outcome: Outcome, what: string): AdminAnswer {
  switch (outcome.at) {
    case 'done':
      return done()
    case 'exists':
      return refused(409, `${what} is there already`, null)
    case 'not-found':
      return refused(404, `there is no ${what}`, 'see the list: gavan domain list, gavan user list, gavan alias list')
    case 'in-use':
      return refused(409, `${what} still has accounts or aliases`, 'remove them first')
    case 'no-domain':
      return refused(404, `${outcome.domain} is not a domain of this server`, `gavan domain add ${outcome.domain}`)
    case 'bad-address':
    case 'bad-domain':
      return refused(422, `"${outcome.text}" ${outcome.why}`, null)
    case 'bad-password':
      return refused(422, `the password ${outcome.why}`, null)
    case 'bad-quota':
      return refused(422, `the quota ${outcome.why}`, null)
    case 'bad-limit':
      return refused(422, `the limit ${outcome.why}`, null)
    case 'bad-term':
      return refused(422, `the term ${outcome.why}`, null)
    case 'unknown-target':
      return refused(422, `nobody has the address ${printAddress(outcome.target)}`, 'add that user or alias first')
    case 'no-targets':
      return refused(422, 'an alias needs at least one target', null)
    case 'too-many-targets':
      return refused(422, `an alias has at most ${outcome.max} targets`, null)
    case 'loop':
      return refused(422, 'this alias would lead back to itself', null)
    default:
      return never(outcome)
  }
}
