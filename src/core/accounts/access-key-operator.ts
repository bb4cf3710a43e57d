import { X509Certificate } from 'node:crypto'
import type { Clock } from '../../std/clock.ts'
import { never } from '../../std/assert.ts'
import type { Random } from '../../std/random.ts'
import { Secret } from '../../std/secret.ts'
import { ACCESS_KEY_NAME_MAX, ACCESS_KEYS_PER_ACCOUNT_MAX } from '../../model/limits.ts'
import type { Protocol } from '../../model/service.ts'
import type { AccessKey, AccountInfo, Commands, Store } from '../../store/contract.ts'
import type { AccessKeyOperator, AccessKeyProblem, Directory } from '../contract.ts'
import { localKey } from '../directory/canonical.ts'
import { hashAppPassword, makeAppPassword, readAppPassword } from './app-password.ts'
import { deriveScramKeys, madeUpScramKeys } from './scram-keys.ts'

/** Where people sign in. */
export const ACCESS_KEY_SCOPES: readonly Protocol[] = ['imap', 'pop3', 'smtp', 'sieve', 'http']

/**
 * @param options.accountAt by its first address, as a person typed it
 * @param options.scramSecret as the accounts' (accounts.ts)
 */
export function createAccessKeyOperator(options: {
  store: Store
  accountAt: Directory['account']
  clock: Clock
  random: Random
  scramSecret: Uint8Array
}): AccessKeyOperator {
  const { store, accountAt, clock, random, scramSecret } = options

  const add = async (
    account: AccountInfo,
    key: Pick<AccessKey, 'kind' | 'name' | 'scope' | 'secret' | 'scram'>,
  ): Promise<{ at: 'done'; keyId: number } | AccessKeyProblem> => {
    const name = key.name.trim().normalize('NFC')
    const bad = nameProblem(name)
    if (bad !== null) return bad
    const scope = key.scope.length === 0 ? ACCESS_KEY_SCOPES : [...new Set(key.scope)]
    const { accountId } = account
    return toldOf(await store.run({ do: 'addAccessKey', ...key, accountId, name, scope, createdAt: clock.now() }))
  }

  return {
    async list(address) {
      const account = await accountAt(address)
      if (account === null) return { at: 'not-found' }
      return { at: 'done', keys: await store.directory.accessKeys(account.accountId) }
    },

    async addAppPassword(address, { name, scope }) {
      const account = await accountAt(address)
      if (account === null) return { at: 'not-found' }
      const password = makeAppPassword(random)
      const { salt, iterations } = account.credential.scram ?? madeUpScramKeys(localKey(account.address), scramSecret)
      const secret = hashAppPassword(readAppPassword(password) ?? '', random)
      // SCRAM has the password as it is shown, with its dashes: it hides from us how it was typed.
      const scram = await deriveScramKeys(password, Buffer.from(salt, 'base64'), iterations)
      const outcome = await add(account, { kind: 'app-password', name, scope, secret, scram })
      return outcome.at === 'done' ? { ...outcome, password: new Secret(password) } : outcome
    },

    async addCertificate(address, { name, scope, pem }) {
      const account = await accountAt(address)
      if (account === null) return { at: 'not-found' }
      const certificate = readCertificate(pem)
      if (typeof certificate === 'string') return { at: 'bad-certificate', why: certificate }
      const { fingerprint256: fingerprint } = certificate
      const outcome = await add(account, { kind: 'certificate', name, scope, secret: fingerprint, scram: null })
      return outcome.at === 'done' ? { ...outcome, fingerprint } : outcome
    },

    async remove(address, keyId) {
      const account = await accountAt(address)
      if (account === null) return { at: 'not-found' }
      return store.run({ do: 'removeAccessKey', accountId: account.accountId, keyId })
    },
  }
}

function toldOf(
  outcome: Commands['addAccessKey']['outcome'],
): { at: 'done'; keyId: number } | Exclude<AccessKeyProblem, { at: 'bad-name' }> {
  switch (outcome.at) {
    case 'done':
    case 'exists':
    case 'not-found':
      return outcome
    case 'too-many':
      return { at: 'too-many', max: ACCESS_KEYS_PER_ACCOUNT_MAX }
    default:
      return never(outcome)
  }
}

function nameProblem(name: string): { at: 'bad-name'; why: string } | null {
  const bad = (why: string) => ({ at: 'bad-name', why }) as const
  if (name === '') return bad('it is empty')
  if ([...name].length > ACCESS_KEY_NAME_MAX) return bad(`it is longer than ${ACCESS_KEY_NAME_MAX} characters`)
  if (!name.isWellFormed() || /\p{C}/u.test(name)) return bad('it contains a control character')
  return null
}

/** @returns why it is none, as a phrase that ends a sentence */
function readCertificate(pem: string): X509Certificate | string {
  if (pem.includes('PRIVATE KEY')) return 'it holds a private key, which belongs to the device alone'
  try {
    return new X509Certificate(pem)
  } catch {
    return 'it is not a PEM certificate'
  }
}
