/** App passwords and client certificates of an account. */
import * as v from 'valibot'
import { ACCESS_KEY_SCOPES } from '../../core/accounts/access-key-operator.ts'
import type { AccessKey, AccessKeyOperator, AccessKeyProblem } from '../../core/contract.ts'
import type { Protocol } from '../../model/service.ts'
import { never } from '../../std/assert.ts'
import { done, refused, route, type AdminAnswer, type AdminRoute } from './api.ts'

const nothing = v.optional(v.strictObject({}))
const scope = v.optional(
  v.array(v.picklist(ACCESS_KEY_SCOPES, `is none of ${ACCESS_KEY_SCOPES.join(', ')}`) as v.GenericSchema<Protocol>),
  [],
)

export type AccessKeyView = {
  readonly id: number
  readonly kind: AccessKey['kind']
  readonly name: string
  readonly scope: readonly Protocol[]
  /** Of a certificate: SHA-256. */
  readonly fingerprint: string | null
  readonly createdAt: number
  /** Written down once in an hour. */
  readonly lastUse: AccessKey['lastUse']
}

const viewOf = ({ keyId, kind, name, scope: within, secret, createdAt, lastUse }: AccessKey): AccessKeyView => ({
  id: keyId,
  kind,
  name,
  scope: within,
  fingerprint: kind === 'certificate' ? secret : null,
  createdAt,
  lastUse,
})

const noUser = (address: string): AdminAnswer => refused(404, `there is no user ${address}`, 'gavan user list')

function told(
  problem: AccessKeyProblem,
  { address, name, kind }: { address: string; name: string; kind: AccessKey['kind'] },
): AdminAnswer {
  switch (problem.at) {
    case 'not-found':
      return noUser(address)
    case 'exists':
      return kind === 'app-password'
        ? refused(409, `"${name}" is there already`, 'take another name, or revoke it')
        : refused(409, `a certificate "${name}" is there already, or this one is known already`, null)
    case 'too-many':
      return refused(409, `${address} has ${problem.max} already`, 'revoke those that are not used any more')
    case 'bad-name':
      return refused(422, `the name ${problem.why}`, null)
    default:
      return never(problem)
  }
}

const PATH = '/v1/users/:address/access-keys'
const withKeys = async (
  keys: AccessKeyOperator | undefined,
  use: (keys: AccessKeyOperator) => Promise<AdminAnswer>,
): Promise<AdminAnswer> => (keys === undefined ? refused(404, 'there is no store here', null) : use(keys))

export const ACCESS_KEY_ROUTES: readonly AdminRoute[] = [
  route({
    method: 'GET',
    path: PATH,
    summary: 'App passwords and client certificates of an account',
    body: nothing,
    run: async ({ accessKeys }, { address = '' }) =>
      withKeys(accessKeys, async (keys) => {
        const list = await keys.list(address)
        return list.at === 'done' ? done({ accessKeys: list.keys.map(viewOf) }) : noUser(address)
      }),
  }),
  route({
    method: 'POST',
    path: `${PATH}/app-passwords`,
    summary: 'Make an app password; the answer is the only place where it is told',
    body: v.strictObject({ name: v.string(), scope }),
    run: async ({ accessKeys }, { address = '' }, body) =>
      withKeys(accessKeys, async (keys) => {
        const made = await keys.addAppPassword(address, body)
        if (made.at !== 'done') return told(made, { address, name: body.name, kind: 'app-password' })
        return done({ id: made.keyId, password: made.password.reveal() })
      }),
  }),
  route({
    method: 'POST',
    path: `${PATH}/certificates`,
    summary: 'Let a device sign in by a client certificate (PEM)',
    body: v.strictObject({ name: v.string(), scope, certificate: v.string() }),
    run: async ({ accessKeys }, { address = '' }, { name, scope: within, certificate: pem }) =>
      withKeys(accessKeys, async (keys) => {
        const made = await keys.addCertificate(address, { name, scope: within, pem })
        if (made.at === 'bad-certificate') return refused(422, `the certificate cannot be used: ${made.why}`, null)
        if (made.at !== 'done') return told(made, { address, name, kind: 'certificate' })
        return done({ id: made.keyId, fingerprint: made.fingerprint })
      }),
  }),
  route({
    method: 'DELETE',
    path: `${PATH}/:id`,
    summary: 'Revoke an app password or client certificate; its sessions end',
    body: nothing,
    run: async ({ accessKeys }, { address = '', id = '' }) =>
      withKeys(accessKeys, async (keys) => {
        const gone = await keys.remove(address, Number(id))
        return gone.at === 'done'
          ? done()
          : refused(
              404,
              `${address} has no app password or certificate ${id}`,
              `gavan account app-password list ${address}`,
            )
      }),
  }),
]
