import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { printAddress } from '../../format/address/address.ts'
import { Secret } from '../../std/secret.ts'
import { CliError, EXIT } from '../cli/output.ts'
import { makePassword } from '../cli/password.ts'
import { mustParseAddress } from '../server.ts'
import type { Core } from '../wire.ts'
import type { TryUser } from './options.ts'

const PEOPLE = ['demo', 'mira']

/** The two demo people; their passwords are kept beside the data, so that the next run shows the same. */
export async function demoPeople(dataDir: string, domain: string): Promise<TryUser[]> {
  const path = join(dataDir, 'try-people.json')
  const kept = await readFile(path, 'utf8').catch(() => null)
  const known = kept === null ? {} : (JSON.parse(kept) as Record<string, string>)
  const people = PEOPLE.map((name) => `${name}@${domain}`)
  const passwords = people.map((address) => known[address] ?? makePassword().reveal())
  const all = { ...known, ...Object.fromEntries(people.map((address, index) => [address, passwords[index]])) }
  await writeFile(path, JSON.stringify(all), { mode: 0o600 })
  return people.map((address, index) => ({ address, password: new Secret(passwords[index] ?? '') }))
}

/** Makes the users and their domains, or sets their passwords when they are there already. @throws CliError */
export async function settlePeople({ directory, accounts }: Core, users: readonly TryUser[]): Promise<void> {
  for (const { address, password } of users) {
    await directory.addDomain(address.slice(address.lastIndexOf('@') + 1))
    const added = await directory.addAccount(address, password)
    if (added.at === 'done') continue
    if (added.at === 'exists') {
      const login = printAddress(mustParseAddress(address))
      const verified = await accounts.verifyPassword(login, password)
      if (verified.at === 'ok' || (await directory.setPassword(address, password)).at === 'done') continue
    }
    const why = 'why' in added ? `: ${added.why}` : ''
    throw new CliError(EXIT.usage, `cannot add ${address} (${added.at}${why})`, null)
  }
}
